"""Loading: what the ledger says that the CRM should hold, and does not yet.

Companies first, with their requisites, addresses and bank details, then contacts with literal
company ids. The ledger says what is left to do, so a load that was cut off goes on where it was.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from transforms.core.identity import Run, now
from transforms.core.metric_names import StageName
from transforms.core.records import COMPANY, CONTACT
from transforms.core.thread_map import in_parallel
from transforms.crm.api.portal import Portal
from transforms.crm.errors import RefusesAll
from transforms.crm.loading.chunk_loader import Companies, Contacts, Step
from transforms.crm.loading.creates import Creates
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.runs import Progress

CreatesOf = Callable[[str], Creates]
Only = Mapping[str, frozenset[str]]
"""By kind the keys of the records that are meant."""

# Records that one worker brings at a time: enough for full batches, few enough for all workers.
_LARGEST, _SMALLEST = 500, 50
# Requests under way at once: what one waits for, another one uses.
_WORKERS = 8
# A record whose outcome is still unknown after so many passes waits for the next run.
_PASSES = 20


class Loader:
    """Loads all that is pending; ``settle`` is the longest time a request may take, in seconds.

    ``workers`` load at once: while one waits for one of the portal's budgets, others use the rest.
    ``only`` leaves all other records out.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        portal: Portal,
        settle: float,
        workers: int = _WORKERS,
        only: Only | None = None,
    ) -> None:
        self._ledger, self._run, self._portal, self._settle = ledger, run, portal, settle
        self._workers, self._only = workers, only

    def load(self) -> None:
        """Load companies, each followed by its contacts, then all other contacts.

        Raises:
            CrmUnavailable: when the portal stopped answering; nothing is lost.
            Stop: when it refuses to go on.
        """
        try:
            self._load()
        except RefusesAll as error:
            # None of them is to be left out next time.
            self._ledger.transact(
                partial(
                    rejections.withdraw_rejections,
                    run=self._run,
                    reason=error.code,
                    detail=error.description,
                )
            )
            raise

    def _load(self) -> None:
        with self._ledger.read() as connection:
            pending = {kind: load_queue.count_pending(connection, kind) for kind in _STAGES}
        if not any(pending.values()):
            return
        self._portal.check()
        progress = {
            kind: Progress(self._ledger, self._run, _STAGES[kind], total=count)
            for kind, count in pending.items()
        }
        for one in progress.values():
            one.flush()
        retry_at: int | None = 0
        for _ in range(_PASSES):
            time.sleep(max(0.0, ((retry_at or 0) - now()) / 1e6))
            retry_at = self._pass(progress)
            if retry_at is None:
                break
        for one in progress.values():
            one.flush()
        self._portal.refusals.conclude()

    def _pass(self, progress: Mapping[str, Progress]) -> int | None:
        """One attempt at all that is pending; when the next one makes sense (None: all known)."""
        companies = Companies(self._ledger, self._run, self._portal)
        contacts = Contacts(self._ledger, self._run, self._portal)
        with_contacts = _WithContacts(companies, contacts, self._creates, self._meant)
        steps = ((COMPANY, with_contacts.load), (CONTACT, partial(_alone, contacts, self._creates)))
        retry_at: list[int] = []
        for kind, step in steps:
            for loaded in in_parallel(step, self._pending(kind), self._workers, self._portal.stop):
                for of_kind, count in loaded.counts.items():
                    progress[of_kind].add(count)
                retry_at += loaded.retry_at
        return max(retry_at, default=None)

    def _creates(self, kind: str) -> Creates:
        return Creates(self._ledger, self._run, kind, self._settle)

    def _pending(self, kind: str) -> Iterator[list[PendingRecord]]:
        """Chunks for the workers, of new records or of known ones.

        Those go to the portal by different methods: apart, they need no more requests, and neither
        waits for the other.
        """
        with self._ledger.read() as connection:
            count = load_queue.count_pending(connection, kind)
        size = max(_SMALLEST, min(_LARGEST, count // (2 * self._workers)))
        new: list[PendingRecord] = []
        known: list[PendingRecord] = []
        for one in self._each_pending(kind, size):
            chunk = known if one.crm_id else new
            chunk.append(one)
            if len(chunk) == size:
                yield chunk.copy()
                chunk.clear()
        yield from filter(None, (new, known))

    def _each_pending(self, kind: str, at_once: int) -> Iterator[PendingRecord]:
        after = ""
        while True:
            with self._ledger.read() as connection:
                page = load_queue.pending_page(connection, kind, after, at_once)
            if not page:
                return
            yield from self._meant(kind, page)
            after = page[-1].key

    def _meant(self, kind: str, found: list[PendingRecord]) -> list[PendingRecord]:
        if self._only is None:
            return found
        return [one for one in found if one.key in self._only.get(kind, ())]


_STAGES: Mapping[str, StageName] = {COMPANY: "load companies", CONTACT: "load contacts"}


class _Loaded(NamedTuple):
    """How many records of each kind are settled, and when what is in doubt can be looked at."""

    counts: dict[str, int]
    retry_at: list[int]


def _alone(step: Step, creates_of: CreatesOf, chunk: Sequence[PendingRecord]) -> _Loaded:
    creates = creates_of(step.kind)
    count = step.load(chunk, creates)
    return _Loaded({step.kind: count}, [creates.retry_at] if creates.retry_at else [])


class _WithContacts:
    """Loads companies, and at once those contacts that now have all of theirs.

    So the budgets of both are used all the time.
    """

    def __init__(
        self,
        companies: Companies,
        contacts: Contacts,
        creates_of: CreatesOf,
        meant: Callable[[str, list[PendingRecord]], list[PendingRecord]],
    ) -> None:
        self._companies, self._contacts, self._creates_of = companies, contacts, creates_of
        self._meant = meant
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    def load(self, chunk: Sequence[PendingRecord]) -> _Loaded:
        loaded = _alone(self._companies, self._creates_of, chunk)
        ready = self._contacts.ready([one.key for one in chunk])
        ready = self._take(self._meant(CONTACT, ready))
        of_contacts = _alone(self._contacts, self._creates_of, ready)
        return _Loaded(
            loaded.counts | of_contacts.counts, [*loaded.retry_at, *of_contacts.retry_at]
        )

    def _take(self, ready: Sequence[PendingRecord]) -> list[PendingRecord]:
        """Those that no other worker has taken: a person may have companies of several chunks."""
        with self._lock:
            free = [one for one in ready if one.key not in self._taken]
            self._taken |= {one.key for one in free}
        return free
