"""Creating without doubling: an intent before each create, a look-up where the outcome is unknown.

The portal has no idempotency key, and a request may be executed although its answer was lost. So
a create whose outcome is unknown is looked for, and sent again only when it is still missing after
the longest time that a request can take.
"""

from collections.abc import Callable, Mapping
from typing import Any

from transforms.crm.errors import Refused
from transforms.ledger import loads
from transforms.ledger.database import Ledger, chunks
from transforms.ledger.loads import Intent, Key, Sent
from transforms.ledger.source_rows import now

Fields = dict[str, Any]

Find = Callable[[Mapping[Key, Fields]], Mapping[Key, Sent]]
"""Looks parts up in the CRM: those found, and what may be taken as sent."""
Send = Callable[[Mapping[Key, Fields]], Mapping[Key, int | Refused]]
"""Sends creates: each one's id, or why it was refused; nothing where the outcome is unknown."""


class Ensured:
    """What came of creates; a part in neither has an unknown outcome."""

    def __init__(self) -> None:
        self.there: dict[Key, Sent] = {}
        self.refused: dict[Key, Refused] = {}


class Creates:
    """Creates parts of one kind of record. ``settle`` is the portal's longest request, seconds."""

    def __init__(self, ledger: Ledger, kind: str, settle: float) -> None:
        self._ledger, self._kind = ledger, kind
        self._settle = int(settle * 1_000_000)
        # When another pass can settle what this one has left in doubt (microseconds).
        self.retry_at: int | None = None

    def ensure(
        self, wanted: Mapping[Key, Fields], find: Find | None, send: Send, size: int
    ) -> Ensured:
        """Create what is not there yet, ``size`` a request.

        ``find`` is ``None`` when none of it can be there. What is postponed is to be tried again
        after ``retry_at``.
        """
        ensured = Ensured()
        missing = dict(wanted)
        if find is not None and missing:
            self._look_up(missing, find, ensured)
        for keys in chunks(list(missing), size):
            self._create({key: missing[key] for key in keys}, send, ensured)
        return ensured

    def _look_up(self, missing: dict[Key, Fields], find: Find, ensured: Ensured) -> None:
        records = sorted({key for key, _ in missing})
        with self._ledger.read() as connection:
            under_way = loads.intents(connection, self._kind, records)
        for key, sent in find(missing).items():
            # What the intent was about to send is what the portal holds.
            intent = under_way.get(key)
            ensured.there[key] = Sent(sent.crm_id, intent.fields) if intent else sent
            del missing[key]
        self._ledger.transact(
            lambda connection: loads.save_sent(connection, self._kind, ensured.there)
        )
        self._postpone(missing, under_way)

    def _postpone(self, missing: dict[Key, Fields], under_way: Mapping[Key, Intent]) -> None:
        for key, intent in under_way.items():
            if key in missing and intent.sent_at + self._settle > now():
                del missing[key]
                self.try_again_at(intent.sent_at + self._settle)

    def try_again_at(self, moment: int) -> None:
        """Something is in doubt that another pass may settle, from that moment on."""
        self.retry_at = min(moment, self.retry_at or moment)

    def _create(self, part: Mapping[Key, Fields], send: Send, ensured: Ensured) -> None:
        self._ledger.transact(lambda connection: loads.save_intents(connection, self._kind, part))
        outcomes = send(part)
        if len(outcomes) < len(part):
            self.try_again_at(now() + self._settle)
        there = {
            key: Sent(outcome, dict(part[key]))
            for key, outcome in outcomes.items()
            if not isinstance(outcome, Refused)
        }
        ensured.there.update(there)
        ensured.refused.update(
            {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Refused)}
        )

        def known(connection: Any) -> None:
            loads.save_sent(connection, self._kind, there)
            loads.clear_intents(connection, self._kind, outcomes)

        self._ledger.transact(known)
