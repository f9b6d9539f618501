"""Recording a load instead of executing it: the loader's two collaborators in a plan.

``RecordingPortal`` reads the portal and writes down each write. ``OverlayJournal`` keeps its notes
in memory, above the ledger's, and never writes to the ledger. Both hold one chunk of records. What
would be created has a placeholder id, below 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api.outcomes import Fields, Outcomes
from transforms.crm.api.portal import Portal
from transforms.crm.api.write_sink import WriteKey
from transforms.crm.errors import Refused
from transforms.crm.limits.request_size import IMPORT
from transforms.crm.loading.journal import LedgerLookups, SentParts, with_links
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.card_facts import UnfitValue
from transforms.ledger.loads.rejections import RejectedRecord
from transforms.ledger.loads.sent import ITEM, Intent, Key, Sent, intents, sent_parts


class RecordedCall(NamedTuple):
    """One write of a record; ``part`` is the item, a part of it, or the company of a link.

    ``params`` are those of the call; for an import the fields of the one item.
    """

    key: str
    part: Any
    method: str
    params: Fields


def placeholder_id(key: str, part: str = ITEM) -> int:
    """The id that stands for a part that is not created yet: the same in every plan."""
    return -int.from_bytes(f"{key} {part}".encode())


class RecordingSink:
    """Writes down every write, and answers it as done."""

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []

    def import_size(self, remaining: int) -> int:
        """All of them: nothing is sent."""
        return remaining

    def batch_size(self, method: str, remaining: int) -> int:
        """All of them: nothing is sent."""
        return remaining

    def import_items(
        self, entity_type: int, items: Mapping[WriteKey, Fields]
    ) -> dict[WriteKey, int | Refused]:
        """Record the creates; return placeholder ids."""
        self.calls += [
            RecordedCall(key, part, IMPORT, fields) for (key, part), fields in items.items()
        ]
        return {(key, part): placeholder_id(key, part) for key, part in items}

    def write_each(self, method: str, calls: Mapping[WriteKey, Fields]) -> Outcomes[WriteKey]:
        """Record the calls; the result of each is a placeholder id."""
        self.calls += [
            RecordedCall(key, part, method, params) for (key, part), params in calls.items()
        ]
        outcomes: Outcomes[WriteKey] = Outcomes()
        outcomes.done = {(key, part): placeholder_id(key, str(part)) for key, part in calls}
        return outcomes

    def conclude(self) -> None:
        """Nothing was refused."""


class RecordingPortal(Portal):
    """Reads like ``portal``, and records the writes.

    ``present_values`` keeps the phones, e-mails and sites that were read, by the item's id.
    """

    def __init__(self, portal: Portal) -> None:
        self.recorder = RecordingSink()
        super().__init__(
            portal.client, portal.defaults, portal.metadata, self.recorder, portal.cards
        )
        self.present_values: dict[int, list[Fields]] = {}

    def multifields(self, entity_type: int, ids: Sequence[int]) -> Outcomes[int]:
        """Phones, e-mails and sites of the items as the portal holds them now."""
        outcomes = super().multifields(entity_type, ids)
        self.present_values |= outcomes.done
        return outcomes


class OverlayJournal(LedgerLookups):
    """Keeps the notes of one chunk in memory, above those of the ledger, which it only reads.

    ``before`` is what was sent of each part before the load; ``rejected`` and ``loaded`` are how
    records end; ``linked_companies`` are the ids of companies that contacts asked for.
    ``existing_companies`` gets the ids of companies that look-ups find; the chunks of a plan share
    it, for contacts of later chunks are linked to them.
    """

    def __init__(self, ledger: Ledger, existing_companies: dict[str, int]) -> None:
        super().__init__(ledger)
        self._existing_companies = existing_companies
        self._sent: SentParts = defaultdict(dict)
        self.before: dict[Key, Sent] = {}
        self.linked_companies: dict[str, int] = {}
        self.rejected: dict[str, RejectedRecord] = {}
        self.loaded: dict[str, tuple[int, str]] = {}

    def sent_parts(self, kind: str, keys: Sequence[str]) -> SentParts:
        """The fields sent last of each record according to the ledger, and to the notes."""
        with self._ledger.read() as connection:
            ledger_parts = sent_parts(connection, kind, keys)
        for key, parts in ledger_parts.items():
            for part, sent in parts.items():
                self.before.setdefault((key, part), sent)
        overlay = {key: self._sent[key] for key in keys if key in self._sent}
        return {
            key: ledger_parts.get(key, {}) | overlay.get(key, {})
            for key in ledger_parts.keys() | overlay.keys()
        }

    def intents(self, kind: str, keys: Sequence[str]) -> dict[Key, Intent]:
        """Writes of these records whose outcome is unknown since an earlier run."""
        with self._ledger.read() as connection:
            return intents(connection, kind, keys)

    def company_ids(self, tins: Sequence[str]) -> dict[str, int]:
        """The ids of companies in the CRM, and placeholders for those that the load creates."""
        with self._ledger.read() as connection:
            unsettled = load_queue.missing_in_crm(connection, COMPANY, tins)
            ids = load_queue.crm_ids(connection, COMPANY, tins)
        companies = {tin: placeholder_id(tin) for tin in unsettled}
        companies |= {
            tin: self._existing_companies[tin] for tin in tins if tin in self._existing_companies
        }
        self.linked_companies |= companies | ids
        return {tin: self.linked_companies[tin] for tin in tins if tin in self.linked_companies}

    def companies_created_now(self, tins: Sequence[str]) -> set[str]:
        """Those of the companies that the load would create."""
        return {tin for tin in tins if self.linked_companies.get(tin, 0) < 0}

    def note_unfit_values(
        self, kind: str, keys: Sequence[str], unfit_values: Sequence[UnfitValue]
    ) -> None:
        """Nothing: the load itself notes them."""

    def intend_creates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Nothing: a recorded write has no unknown outcome."""

    def intend_updates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Nothing: a recorded write has no unknown outcome."""

    def note_existing(self, kind: str, parts: Mapping[Key, Sent], ours: Iterable[Key]) -> None:
        """Keep what is taken as sent of existing parts as the state before the load."""
        self.before |= parts
        self._note(parts)
        if kind == COMPANY:
            self._existing_companies |= {
                key: sent.crm_id for (key, part), sent in parts.items() if part == ITEM
            }

    def note_created(self, kind: str, parts: Mapping[Key, Sent], answered: Iterable[Key]) -> None:
        """Keep the parts with their placeholder ids."""
        self._note(parts)

    def note_updated(
        self,
        kind: str,
        parts: Mapping[Key, Sent],
        answered: Iterable[Key],
        touched: Sequence[str],
    ) -> None:
        """Keep what the CRM would hold of these parts."""
        self._note(parts)

    def note_links(self, links: Mapping[str, Sequence[int]]) -> None:
        """Keep the links with what else would be sent of each contact's item."""
        sent = self.sent_parts(CONTACT, list(links))
        self._note({(key, ITEM): with_links(sent[key][ITEM], links[key]) for key in links})

    def finish(
        self,
        kind: str,
        rejected: Sequence[RejectedRecord],
        loaded: Mapping[str, tuple[int, str]],
    ) -> None:
        """Keep how the records of the chunk end."""
        self.rejected |= {rejection.key: rejection for rejection in rejected}
        self.loaded |= loaded

    def report_deleted_companies(self, tins: Sequence[str]) -> None:
        """Nothing: the load itself reports them."""

    def _note(self, parts: Mapping[Key, Sent]) -> None:
        for (key, part), sent in parts.items():
            self._sent[key][part] = sent
