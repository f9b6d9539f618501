"""A plan: what a load would do, record by record and field by field.

A plan is the load itself with two other collaborators: the loader decides each write as ever, a
recording portal writes it down in place of sending it, and an overlay journal keeps its notes in
memory. This module translates the recorded calls for people.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.core.outcomes import DELETED_IN_CRM, WAITING_FOR_COMPANY
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal import Portal
from transforms.crm.limits.request_size import IMPORT
from transforms.crm.loading.contact_loader import LINK_METHOD
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.items import DesiredItem
from transforms.crm.loading.loader import LOADERS
from transforms.crm.loading.record_loader import RecordLoader
from transforms.crm.recording import OverlayJournal, RecordedCall, RecordingPortal
from transforms.ledger.database import Ledger
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.sent import ITEM

CREATE, UPDATE, SKIP = "create", "update", "skip"

# How a part hangs on its owner is the CRM's business, and not shown.
_NOT_SHOWN = ("ENTITY_TYPE_ID", "ENTITY_ID", "TYPE_ID", "PRESET_ID")

Changes = dict[str, tuple[Any, Any]]
"""Of each field what stands there, and what is to stand there."""


class Planned(msgspec.Struct, frozen=True):
    """The planned load of one record.

    ``fields`` holds for each field what stands there as far as we know, and what is to stand there;
    for phones, e-mails, sites and companies which are removed, and which are added. ``calls`` is
    how often each method is called for the record; ``seen`` is when its item was changed last.
    """

    kind: str
    key: str
    version: str
    action: str
    title: str = ""
    reason: str = ""
    crm_id: int = 0
    seen: str = ""
    fields: Changes = {}
    calls: dict[str, int] = {}


class Recording(NamedTuple):
    """A recorded load of a chunk: its loader, its calls by record, its notes, its reads."""

    loader: RecordLoader
    calls_by_key: Mapping[str, list[RecordedCall]]
    journal: OverlayJournal
    portal: RecordingPortal

    def calls_of(self, key: str) -> list[RecordedCall]:
        """The calls of one record, in the order in which they would be sent."""
        return self.calls_by_key.get(key, [])

    def adopted_ids(self, known_ids: Container[int]) -> list[int]:
        """The ids of items that look-ups found, those of ``known_ids`` left out."""
        ids = [crm_id for crm_id, _ in self.journal.loaded.values()]
        return [crm_id for crm_id in ids if crm_id > 0 and crm_id not in known_ids]


class Planner:
    """Plans records as they stand in the ledger and in the CRM now. Writes to neither."""

    def __init__(self, ledger: Ledger, portal: Portal) -> None:
        self._ledger, self._portal = ledger, portal
        self._existing_companies: dict[str, int] = {}

    def plan(self, kind: str, chunk: Sequence[PendingRecord]) -> list[Planned]:
        """Plan a load of each of these records; companies come before contacts."""
        entity_type = mapping.ENTITY_TYPES[kind]
        known_ids = [pending.crm_id for pending in chunk if pending.crm_id]
        changed_at = self._changed_at(entity_type, known_ids)
        present = [pending for pending in chunk if not _is_deleted(pending, changed_at)]
        recording = self.record(kind, present)
        changed_at |= self._changed_at(entity_type, recording.adopted_ids(changed_at))
        return [_planned(pending, recording, changed_at) for pending in chunk]

    def record(self, kind: str, chunk: Sequence[PendingRecord]) -> Recording:
        """Load these records with every write recorded in place of executed."""
        portal = RecordingPortal(self._portal)
        journal = OverlayJournal(self._ledger, self._existing_companies)
        loader = LOADERS[kind](journal, portal)
        # By the time of a load nothing is in doubt any more: a load waits for it.
        loader.load(chunk, IdempotentCreates(journal, kind, settle=0))
        calls_by_key: dict[str, list[RecordedCall]] = {}
        for call in portal.recorder.calls:
            calls_by_key.setdefault(call.key, []).append(call)
        return Recording(loader, calls_by_key, journal, portal)

    def _changed_at(self, entity_type: int, ids: Sequence[int]) -> dict[int, str]:
        """When each of the items was changed last in the CRM; deleted items are left out."""
        items = self._portal.items_by_id(entity_type, sorted(ids), ["updatedTime"])
        return {crm_id: str(item.fields.get("updatedTime")) for crm_id, item in items.items()}


def _is_deleted(pending: PendingRecord, changed_at: Container[int]) -> bool:
    return bool(pending.crm_id) and pending.crm_id not in changed_at


def _planned(
    pending: PendingRecord, recording: Recording, changed_at: Mapping[int, str]
) -> Planned:
    key, loader, journal = pending.key, recording.loader, recording.journal
    if _is_deleted(pending, changed_at):
        return _skipped(pending, loader, DELETED_IN_CRM)
    if key in journal.rejected:
        return _skipped(pending, loader, journal.rejected[key].reason)
    if key not in journal.loaded:  # none of its companies is in the CRM, or would be created
        return _skipped(pending, loader, WAITING_FOR_COMPANY)
    item = loader.desired_item(pending)
    crm_id, version = journal.loaded[key]
    is_new = crm_id < 0
    return Planned(
        loader.kind,
        key,
        version,
        CREATE if is_new else UPDATE,
        _title(item),
        crm_id=0 if is_new else crm_id,
        seen=changed_at.get(crm_id, ""),
        fields=_changes(item, recording),
        calls=_count_calls(recording.calls_of(key), crm_id in recording.portal.present_values),
    )


def _skipped(pending: PendingRecord, loader: RecordLoader, reason: str) -> Planned:
    title = _title(loader.desired_item(pending))
    return Planned(loader.kind, pending.key, pending.version, SKIP, title, reason, pending.crm_id)


def _title(item: DesiredItem[Any]) -> str:
    names = (item.fields.get(name) for name in ("title", "lastName", "name", "secondName"))
    return " ".join(filter(None, names))


def _count_calls(calls: Sequence[RecordedCall], is_item_read: bool) -> dict[str, int]:
    """The number of calls of each method for a record; an item may be read before its update."""
    counts = Counter(call.method for call in calls)
    if is_item_read:
        counts["crm.item.get"] += 1
    return dict(counts)


def _changes(item: DesiredItem[Any], recording: Recording) -> Changes:
    """The changes that the recorded calls of a record make, field by field."""
    changes: Changes = {}
    linked_ids: set[int] = set()
    for call in recording.calls_of(item.key):
        if call.method == IMPORT:
            changes |= _created_item(call.params)
            linked_ids.update(call.params.get(mapping.LINKS, ()))
        elif call.method == LINK_METHOD:
            linked_ids.add(call.part)
        elif call.part == ITEM:
            changes |= _updated_item(call, recording)
        else:
            changes |= _changed_part(call, recording.journal)
    if linked_ids:
        ids = recording.journal.linked_companies
        changes[mapping.LINKS] = (
            [],
            [tin for tin in item.record.tins if ids.get(tin) in linked_ids],
        )
    return changes


def _created_item(fields: Fields) -> Changes:
    not_plain = (*mapping.MULTIFIELDS, *mapping.MARK, mapping.LINKS)
    plain = {name: (None, value) for name, value in fields.items() if name not in not_plain}
    return plain | {
        name: ([], [value["VALUE"] for value in fields[name]])
        for name in mapping.MULTIFIELDS
        if fields.get(name)
    }


def _updated_item(call: RecordedCall, recording: Recording) -> Changes:
    before = recording.journal.before[call.key, ITEM].fields
    fields = call.params["fields"]
    changes: Changes = {
        name: (before.get(name), value)
        for name, value in fields.items()
        if name not in (*mapping.MARK, "fm")
    }
    present = recording.portal.present_values.get(call.params["id"], ())
    present_by_id = {str(value["id"]): str(value["value"]) for value in present}
    for value_id, change in fields.get("fm", {}).items():
        removed, added = changes.setdefault(change["typeId"], ([], []))
        if change["value"]:
            added.append(change["value"])
        else:
            removed.append(present_by_id[value_id])
    return changes


def _changed_part(call: RecordedCall, journal: OverlayJournal) -> Changes:
    """The changes in a requisite, an address or bank details."""
    sent = journal.before.get((call.key, call.part))
    before = sent.fields if sent else {}
    return {
        f"{call.part}/{name}": (before.get(name), value)
        for name, value in call.params["fields"].items()
        if name not in _NOT_SHOWN
    }
