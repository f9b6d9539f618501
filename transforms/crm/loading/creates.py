"""Creating without doubling: an intent before each create, a look-up where the outcome is unknown.

The portal has no idempotency key, and a request may be executed although its answer was lost. So
a create whose outcome is unknown is looked for, and sent again only when it is still missing after
the longest time that a request can take.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from transforms.core.identity import Run, now
from transforms.crm.errors import Refused
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.sent import (
    ITEM,
    Intent,
    Key,
    Sent,
    clear_intents,
    intents,
    save_intents,
    save_sent,
)
from transforms.ledger.lock import check_run_is_newest

Fields = dict[str, Any]


class Found(NamedTuple):
    """A part that is in the CRM, and what may be taken as sent; ``ours``: it bears our mark.

    ``held`` is the part as it stands there.
    """

    sent: Sent
    ours: bool
    held: Fields


Find = Callable[[Mapping[Key, Fields]], Mapping[Key, Found]]
"""Looks parts up in the CRM."""
Size = Callable[[int], int]
"""How many of so many creates go into the next request."""
Send = Callable[[Mapping[Key, Fields]], Mapping[Key, int | Refused]]
"""Sends creates: each one's id, or why it was refused; nothing where the outcome is unknown."""


class Ensured:
    """What came of creates; a part in neither has an unknown outcome. ``new`` are made just now."""

    def __init__(self) -> None:
        self.there: dict[Key, Sent] = {}
        self.new: set[Key] = set()
        self.refused: dict[Key, Refused] = {}


class Creates:
    """Creates parts of one kind of record. ``settle`` is the portal's longest request, seconds."""

    def __init__(self, ledger: Ledger, run: Run, kind: str, settle: float) -> None:
        self._ledger, self._run, self._kind = ledger, run, kind
        self._settle = int(settle * 1_000_000)
        # When another pass can settle all that this one has left in doubt (microseconds).
        self.retry_at: int | None = None

    def ensure(
        self, wanted: Mapping[Key, Fields], find: Find | None, send: Send, size: Size
    ) -> Ensured:
        """Create what is not there yet, as much a request as ``size`` says.

        ``find`` is ``None`` when none of it can be there. What is postponed is to be tried again
        after ``retry_at``.
        """
        ensured = Ensured()
        missing = dict(wanted)
        if find is not None and missing:
            self._look_up(missing, find, ensured)
        left = list(missing)
        while left:
            count = size(len(left))
            keys, left = left[:count], left[count:]
            self._create({key: missing[key] for key in keys}, send, ensured)
        return ensured

    def _look_up(self, missing: dict[Key, Fields], find: Find, ensured: Ensured) -> None:
        with self._ledger.read() as connection:
            under_way = intents(connection, self._kind, sorted({key for key, _ in missing}))
        created: set[Key] = set()
        for key, (sent, ours, _) in find(missing).items():
            # What the intent was about to send is what the portal holds.
            intent = under_way.get(key) if ours else None
            ensured.there[key] = Sent(sent.crm_id, intent.fields) if intent else sent
            created |= {key} if intent else set()
            del missing[key]
        there = dict(ensured.there)
        self._ledger.transact(lambda connection: self._save(connection, there, created))
        for key, intent in under_way.items():
            if key in missing and self.is_in_doubt(intent):
                del missing[key]

    def is_in_doubt(self, intent: Intent) -> bool:
        """Whether the portal may still be about to execute it: to be looked at again later."""
        in_doubt = intent.sent_at + self._settle > now()
        if in_doubt:
            self._try_again_at(intent.sent_at + self._settle)
        return in_doubt

    def try_again(self) -> None:
        """What was sent just now has an unknown outcome."""
        self._try_again_at(now() + self._settle)

    def _try_again_at(self, moment: int) -> None:
        self.retry_at = max(moment, self.retry_at or moment)

    def _create(self, part: Mapping[Key, Fields], send: Send, ensured: Ensured) -> None:
        def intend(connection: Connection) -> None:
            check_run_is_newest(connection, self._run)
            save_intents(connection, self._kind, part)

        self._ledger.transact(intend)
        outcomes = send(part)
        if len(outcomes) < len(part):
            self.try_again()
        new = {
            key: Sent(outcome, part[key])
            for key, outcome in outcomes.items()
            if not isinstance(outcome, Refused)
        }

        def known(connection: Connection) -> None:
            self._save(connection, new, new.keys())
            clear_intents(connection, self._kind, outcomes)

        self._ledger.transact(known)
        ensured.there |= new
        ensured.new |= new.keys()
        ensured.refused |= {
            key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Refused)
        }

    def _save(
        self, connection: Connection, there: Mapping[Key, Sent], created: Collection[Key]
    ) -> None:
        """What is there is entered at once with its id: nothing has to be looked up again."""
        save_sent(connection, self._kind, there)
        for ours in (True, False):
            items = {
                key: sent.crm_id
                for (key, part), sent in there.items()
                if part == ITEM and ((key, part) in created) is ours
            }
            load_queue.record_items(connection, self._run, self._kind, items, created=ours)
        touched = sorted({key for key, part in created if part != ITEM})
        load_queue.mark_updated(connection, self._run, self._kind, touched)
