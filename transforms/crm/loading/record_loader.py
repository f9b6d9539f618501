"""Loading a chunk of golden records of one kind: its items, and all that belongs to them."""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from transforms.crm.api.outcomes import RefusedWrite
from transforms.crm.api.portal import Portal
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.items import Adopt, DesiredItem, ItemWriter
from transforms.crm.loading.journal import Journal
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.rejections import RejectedRecord


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
        """The item that the CRM is to hold of a record."""

    @abstractmethod
    def load(self, chunk: Sequence[PendingRecord], creates: IdempotentCreates) -> int:
        """Load these records; return how many are settled (loaded in full or rejected)."""

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
