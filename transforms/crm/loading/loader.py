"""Loading: everything that the CRM should hold according to the ledger, and does not hold yet.

Companies first, with their requisites, addresses and bank details, then contacts with literal
company ids. The ledger says what is left to do, so a load that was cut off continues where it was.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from transforms.core.golden_records import decode_golden_contact
from transforms.core.identity import Run, now
from transforms.core.metric_names import StageName
from transforms.core.records import COMPANY, CONTACT
from transforms.core.thread_map import in_parallel
from transforms.crm.api.portal import Portal
from transforms.crm.errors import RefusesAll
from transforms.crm.loading.card_queue import are_rules_new, queue_changed_cards
from transforms.crm.loading.company_loader import CompanyLoader
from transforms.crm.loading.contact_loader import ContactLoader
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.journal import LedgerJournal
from transforms.crm.loading.record_loader import RecordLoader
from transforms.ledger.base.goldens import contacts_in
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.progress import Progress, complete

Selection = Mapping[str, frozenset[str]]
"""By kind, the keys of the records to load."""

LOADERS: Mapping[str, type[RecordLoader]] = {COMPANY: CompanyLoader, CONTACT: ContactLoader}
"""The loader of each kind of record."""

# Records that one worker loads at a time: enough for full batches, few enough for all workers.
_LARGEST_CHUNK, _SMALLEST_CHUNK = 500, 50
# Requests under way at once: while some wait for one limit, others use the rest.
_WORKERS = 8
# A record whose outcome is still unknown after this many passes waits for the next run.
_PASSES = 20

_STAGES: Mapping[str, StageName] = {COMPANY: "load companies", CONTACT: "load contacts"}


class Loader:
    """Loads everything that is pending.

    ``settle`` is the longest time that the portal may work on a request, in seconds. Several
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
        only: Selection | None = None,
    ) -> None:
        self._ledger, self._run, self._portal, self._settle = ledger, run, portal, settle
        self._journal = LedgerJournal(ledger, run)
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
            # None of the records is to be left out next time.
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
        pending = self._count_pending()
        if not any(pending.values()) and not are_rules_new(self._ledger, self._portal.cards):
            complete(self._ledger, self._run, *_STAGES.values())
            return
        self._portal.check()
        if self._only is None:
            queue_changed_cards(self._ledger, self._portal)
            pending = self._count_pending()
        progress = {
            kind: Progress(self._ledger, self._run, _STAGES[kind], total=count)
            for kind, count in pending.items()
        }
        for stage in progress.values():
            stage.flush()
        self._repeat_passes(progress)
        for stage in progress.values():
            stage.flush()
        self._portal.sink.conclude()

    def _count_pending(self) -> dict[str, int]:
        with self._ledger.read() as connection:
            return {kind: load_queue.count_pending(connection, kind) for kind in _STAGES}

    def _repeat_passes(self, progress: Mapping[str, Progress]) -> None:
        retry_at: int | None = 0
        for _ in range(_PASSES):
            time.sleep(max(0.0, ((retry_at or 0) - now()) / 1e6))
            retry_at = self._pass(progress)
            if retry_at is None:
                return

    def _pass(self, progress: Mapping[str, Progress]) -> int | None:
        """Try to load everything that is pending, once.

        Returns the moment from which another pass makes sense, or None when every outcome is known.
        """
        companies = CompanyLoader(self._journal, self._portal)
        contacts = ContactLoader(self._journal, self._portal)
        with_contacts = _CompaniesWithContacts(
            self._ledger, companies, contacts, self._load_chunk, self._select
        )
        stages = (
            (COMPANY, with_contacts.load),
            (CONTACT, partial(self._load_chunk, contacts)),
        )
        retries: list[int] = []
        for kind, load in stages:
            chunks = self._pending_chunks(kind)
            for result in in_parallel(load, chunks, self._workers, self._portal.stop):
                for settled_kind, count in result.settled.items():
                    progress[settled_kind].add(count)
                retries += result.retries
        return max(retries, default=None)

    def _load_chunk(self, loader: RecordLoader, chunk: Sequence[PendingRecord]) -> "_ChunkResult":
        creates = IdempotentCreates(self._journal, loader.kind, self._settle)
        count = loader.load(chunk, creates)
        return _ChunkResult({loader.kind: count}, [creates.retry_at] if creates.retry_at else [])

    def _pending_chunks(self, kind: str) -> Iterator[list[PendingRecord]]:
        """Chunks for the workers, either of new records or of those that are in the CRM.

        The two go to the portal by different methods: apart, they need no more requests, and
        neither waits for the other.
        """
        with self._ledger.read() as connection:
            count = load_queue.count_pending(connection, kind)
        size = max(_SMALLEST_CHUNK, min(_LARGEST_CHUNK, count // (2 * self._workers)))
        new_records: list[PendingRecord] = []
        known_records: list[PendingRecord] = []
        for pending in self._pending_records(kind, size):
            chunk = known_records if pending.crm_id else new_records
            chunk.append(pending)
            if len(chunk) == size:
                yield chunk.copy()
                chunk.clear()
        yield from filter(None, (new_records, known_records))

    def _pending_records(self, kind: str, page_size: int) -> Iterator[PendingRecord]:
        last_key = ""
        while True:
            with self._ledger.read() as connection:
                page = load_queue.pending_page(connection, kind, last_key, page_size)
            if not page:
                return
            yield from self._select(kind, page)
            last_key = page[-1].key

    def _select(self, kind: str, records: list[PendingRecord]) -> list[PendingRecord]:
        if self._only is None:
            return records
        return [pending for pending in records if pending.key in self._only.get(kind, ())]


class _ChunkResult(NamedTuple):
    """The number of settled records by kind, and when those in doubt can be tried again."""

    settled: dict[str, int]
    retries: list[int]


class _CompaniesWithContacts:
    """Loads companies, and at once those contacts all of whose companies are settled now.

    So the budgets of both are used all the time.
    """

    def __init__(
        self,
        ledger: Ledger,
        companies: CompanyLoader,
        contacts: ContactLoader,
        load_chunk: Callable[[RecordLoader, Sequence[PendingRecord]], _ChunkResult],
        select: Callable[[str, list[PendingRecord]], list[PendingRecord]],
    ) -> None:
        self._ledger, self._companies, self._contacts = ledger, companies, contacts
        self._load_chunk, self._select = load_chunk, select
        self._lock = threading.Lock()
        self._claimed_keys: set[str] = set()

    def load(self, chunk: Sequence[PendingRecord]) -> _ChunkResult:
        companies = self._load_chunk(self._companies, chunk)
        ready = ready_contacts(self._ledger, [company.key for company in chunk])
        contacts = self._load_chunk(self._contacts, self._claim(self._select(CONTACT, ready)))
        return _ChunkResult(
            companies.settled | contacts.settled, [*companies.retries, *contacts.retries]
        )

    def _claim(self, contacts: Sequence[PendingRecord]) -> list[PendingRecord]:
        """Those that no other worker loads: a person may have companies in several chunks."""
        with self._lock:
            free = [contact for contact in contacts if contact.key not in self._claimed_keys]
            self._claimed_keys |= {contact.key for contact in free}
        return free


def ready_contacts(ledger: Ledger, tins: Sequence[str]) -> list[PendingRecord]:
    """PendingRecord contacts of these companies that wait for no other company."""
    with ledger.read() as connection:
        pending = load_queue.pending_records(connection, CONTACT, contacts_in(connection, tins))
        tins_by_key = {
            contact.key: decode_golden_contact(contact.payload).tins for contact in pending
        }
        all_tins = sorted({tin for tins in tins_by_key.values() for tin in tins})
        unsettled = load_queue.missing_in_crm(connection, COMPANY, all_tins)
    return [contact for contact in pending if unsettled.isdisjoint(tins_by_key[contact.key])]
