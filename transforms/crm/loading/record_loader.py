"""Loading a chunk of golden records of one kind: its items, and all that belongs to them."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from transforms.core.golden_records import GoldenCompany, GoldenContact
from transforms.crm.api.outcomes import Fields, RefusedWrite
from transforms.crm.api.portal import Portal
from transforms.crm.api.portal_fields import PortalField
from transforms.crm.card_settings import CardSettings
from transforms.crm.loading.card_values import sources_of
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.items import Adopt, DesiredItem, ItemWriter
from transforms.crm.loading.journal import Journal
from transforms.ledger.loads.card_facts import CardFacts, UnfitValue
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.rejections import RejectedRecord

R = TypeVar("R", GoldenCompany, GoldenContact)

ValuesOf = Callable[
    [Sequence[R], Sequence[PortalField], CardFacts, CardSettings],
    tuple[dict[str, Fields], list[UnfitValue]],
]
"""Makes the values of the portal's own fields, by key, and finds those that do not fit."""


class RecordLoader(ABC):
    """Loads records of one kind; a subclass for each kind says what belongs to it.

    ``kind`` is the ledger's name of the kind, ``entity_type`` the CRM's number.
    """

    kind: str
    entity_type: int

    def __init__(self, journal: Journal, portal: Portal) -> None:
        self._journal, self._portal = journal, portal

    @abstractmethod
    def desired_item(self, pending: PendingRecord) -> DesiredItem[Any]:
        """The item that the CRM is to hold of a record, without the portal's own fields."""

    @abstractmethod
    def load(self, chunk: Sequence[PendingRecord], creates: IdempotentCreates) -> int:
        """Load these records; return how many are settled (loaded in full or rejected)."""

    def _add_card_values(
        self, items: Sequence[DesiredItem[R]], values_of: ValuesOf[R]
    ) -> Sequence[DesiredItem[R]]:
        """The items with the values of the portal's own fields; what does not fit is noted."""
        fields = self._portal.fields_of(self.kind)
        if not fields or not items:
            return items
        keys = [item.key for item in items]
        facts = self._journal.card_facts(self.kind, keys, sources_of(self.kind, fields))
        records = [item.record for item in items]
        values, unfit_values = values_of(records, fields, facts, self._portal.cards)
        for item in items:
            item.fields |= values[item.key]
        self._journal.note_unfit_values(self.kind, keys, unfit_values)
        return items

    def _new_record_fields(self, pending: PendingRecord) -> Fields:
        """The fields that only new records get: of all others they are people's business."""
        return {} if pending.crm_id else dict(self._portal.defaults.get(self.entity_type, {}))

    def _item_writer(
        self, creates: IdempotentCreates, adopt: Adopt = lambda keys, select: {}
    ) -> ItemWriter:
        return ItemWriter(self._journal, self._portal, self.kind, self.entity_type, creates, adopt)

    def _finish(
        self,
        items: Sequence[DesiredItem[Any]],
        loaded_keys: Collection[str],
        rejected: Mapping[str, RefusedWrite],
    ) -> int:
        """Note what is loaded in full and what is rejected; return how many are settled."""
        rejections = [
            _rejection(item, rejected[item.key]) for item in items if item.key in rejected
        ]
        loaded = {
            item.key: (item.crm_id, item.version) for item in items if item.key in loaded_keys
        }
        self._journal.finish(self.kind, rejections, loaded)
        return len(rejections) + len(loaded)


def _rejection(item: DesiredItem[Any], write: RefusedWrite) -> RejectedRecord:
    error = write.error
    sent = json.dumps(write.sent, ensure_ascii=False)
    return RejectedRecord(item.key, item.version, error.code, error.description, sent)
