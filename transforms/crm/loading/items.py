"""Items of one kind in the CRM: created when missing, updated where the stores changed them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from transforms.core.chunks import chunks
from transforms.crm.api import mapping
from transforms.crm.api.field_values import is_filled
from transforms.crm.api.outcomes import Fields, Outcomes, RefusedWrite, refused_write
from transforms.crm.api.portal import Item, Portal
from transforms.crm.api.write_sink import WriteKey
from transforms.crm.limits.request_size import MAX_COMMANDS
from transforms.crm.loading import three_way_diff
from transforms.crm.loading.creates import ExistingPart, IdempotentCreates
from transforms.crm.loading.journal import Journal, SentParts
from transforms.ledger.loads.sent import ITEM, UPDATE, Intent, Key, Sent

R = TypeVar("R")

Adopt = Callable[[Sequence[str], Sequence[str]], Mapping[str, Item]]
"""Finds items that people made before us, by our keys; the second argument is what to select."""


class DesiredItem(msgspec.Struct, Generic[R]):
    """A golden record to be loaded, and its item's fields with its origin.

    ``crm_id`` is 0 while the item is not in the CRM. ``is_new``: the item was created just now, so
    nothing else of it can exist.
    """

    key: str
    version: str
    record: R
    fields: Fields
    crm_id: int = 0
    is_new: bool = False


class ItemWriter:
    """Writes items to the CRM; ``rejected`` holds the refused write of each rejected record."""

    def __init__(
        self,
        journal: Journal,
        portal: Portal,
        kind: str,
        entity_type: int,
        creates: IdempotentCreates,
        adopt: Adopt = lambda keys, select: {},
    ) -> None:
        self._journal, self._portal = journal, portal
        self._kind, self._entity_type, self._creates = kind, entity_type, creates
        self._adopt = adopt
        self.rejected: dict[str, RefusedWrite] = {}

    def write(self, items: Sequence[DesiredItem[Any]]) -> SentParts:
        """Create and update items; set each one's ``crm_id`` (0: not there yet) and ``is_new``.

        Returns what was sent last of each item that is in the CRM, part by part.
        """
        self._create([item for item in items if not item.crm_id])
        keys = [item.key for item in items]
        sent = self._journal.sent_parts(self._kind, keys)
        intents = self._journal.intents(self._kind, keys)
        doubtful = {key: intent for (key, part), intent in intents.items() if part == UPDATE}
        for item in items:
            if item.key in doubtful and self._creates.is_in_doubt(doubtful[item.key]):
                item.crm_id = 0
        self._update([item for item in items if item.crm_id and not item.is_new], sent, doubtful)
        return sent

    def _create(self, items: Sequence[DesiredItem[Any]]) -> None:
        items_by_key = {(item.key, ITEM): item for item in items}

        def find(parts: Mapping[Key, Fields]) -> dict[Key, ExistingPart]:
            missing_items = [items_by_key[key] for key in parts]
            return find_items(self._portal, self._entity_type, missing_items, self._adopt)

        fields = {key: item.fields for key, item in items_by_key.items()}
        sink = self._portal.sink
        send = partial(sink.import_items, self._entity_type)
        outcomes = self._creates.ensure(fields, find, send, sink.import_size)
        for key, sent in outcomes.existing.items():
            items_by_key[key].crm_id = sent.crm_id
            items_by_key[key].is_new = key in outcomes.created
        for key, error in outcomes.refused.items():
            self.rejected[key[0]] = RefusedWrite(error, fields[key])

    def _update(
        self,
        items: Sequence[DesiredItem[Any]],
        sent: SentParts,
        doubtful: Mapping[str, Intent],
    ) -> None:
        before = {
            item.key: dict(_surely_sent(sent[item.key][ITEM], doubtful.get(item.key)))
            for item in items
        }
        self._leave_to_people(items, sent, doubtful, before)
        for item in items:
            item.fields = three_way_diff.with_mark(before[item.key], item.fields)
        updates = self._changes(items, before)
        outcomes = self._send_updates(items, updates)
        self._note(items, before, updates, outcomes)
        for item in items:
            if item.key in updates and (item.key, ITEM) not in outcomes.answered():
                item.crm_id = 0  # in doubt: looked at again when it must have been executed
                self._creates.retry_when_settled()

    def _leave_to_people(
        self,
        items: Sequence[DesiredItem[Any]],
        sent: SentParts,
        doubtful: Mapping[str, Intent],
        before: Mapping[str, Fields],
    ) -> None:
        """Take as sent what people have put into fields of theirs that we never filled.

        A field that the configuration names from now on may hold their values for years.
        """
        fields = [f for f in self._portal.fields_of(self._kind) if not f.is_ours]
        first_fields = {
            item.crm_id: [field for field in fields if _is_first(field.name, item, sent, doubtful)]
            for item in items
        }
        ids = sorted(crm_id for crm_id, names in first_fields.items() if names)
        present = self._portal.items_by_id(self._entity_type, ids, [f.name for f in fields])
        for item in items:
            if item.crm_id in present:
                before[item.key] |= {
                    field.name: item.fields[field.name]
                    for field in first_fields[item.crm_id]
                    if is_filled(field, present[item.crm_id].fields.get(field.name))
                }

    def _changes(
        self, items: Sequence[DesiredItem[Any]], before: Mapping[str, Fields]
    ) -> dict[str, Fields]:
        """The fields to send of each item that differs from what was sent last."""
        present = self._present_values(
            [
                item
                for item in items
                if three_way_diff.differ_in_values(before[item.key], item.fields)
            ]
        )
        updates: dict[str, Fields] = {}
        for item in items:
            changed = three_way_diff.changed_fields(before[item.key], item.fields)
            if item.key in present:
                values = three_way_diff.value_changes(
                    before[item.key], item.fields, present[item.key]
                )
                changed |= {"fm": values} if values else {}
            if changed and item.key not in self.rejected:
                updates[item.key] = changed
        return updates

    def _present_values(self, items: Sequence[DesiredItem[Any]]) -> dict[str, list[Fields]]:
        """The phones, e-mails and sites of these items as they stand in the CRM."""
        keys = {item.crm_id: item.key for item in items}
        outcomes = self._portal.multifields(self._entity_type, list(keys))
        for crm_id, error in outcomes.refused.items():
            self.rejected[keys[crm_id]] = refused_write(error, {"id": crm_id})
        return {keys[crm_id]: values for crm_id, values in outcomes.done.items()}

    def _send_updates(
        self, items: Sequence[DesiredItem[Any]], updates: Mapping[str, Fields]
    ) -> Outcomes[WriteKey]:
        ids = {item.key: item.crm_id for item in items}
        calls = {
            (key, ITEM): {"entityTypeId": self._entity_type, "id": ids[key], "fields": fields}
            for key, fields in updates.items()
        }
        outcomes: Outcomes[WriteKey] = Outcomes()
        for chunk in chunks(list(calls), MAX_COMMANDS):
            intents = {(key, UPDATE): updates[key] for key, _ in chunk}
            self._journal.intend_updates(self._kind, intents)
            part = self._portal.sink.write_each(
                "crm.item.update", {write: calls[write] for write in chunk}
            )
            outcomes.add(part)
        for write, error in outcomes.refused.items():
            self.rejected[write[0]] = refused_write(error, calls[write])
        return outcomes

    def _note(
        self,
        items: Sequence[DesiredItem[Any]],
        before: Mapping[str, Fields],
        updates: Mapping[str, Fields],
        outcomes: Outcomes[WriteKey],
    ) -> None:
        """Note what the CRM holds of the items that were updated, or needed no update."""
        unfinished = updates.keys() | self.rejected.keys()
        parts = {
            (item.key, ITEM): Sent(
                item.crm_id, three_way_diff.sent_after(before[item.key], item.fields)
            )
            for item in items
            if (item.key, ITEM) in outcomes.done or item.key not in unfinished
        }
        answered = [(key, UPDATE) for key, _ in outcomes.answered()]
        touched = sorted(key for key, _ in outcomes.done)
        self._journal.note_updated(self._kind, parts, answered, touched)


def find_items(
    portal: Portal, entity_type: int, items: Sequence[DesiredItem[Any]], adopt: Adopt
) -> dict[Key, ExistingPart]:
    """Those of the items that exist in the CRM: ours, or else those that people made."""
    select = sorted({name for item in items for name in three_way_diff.plain(item.fields)})
    our_items = portal.find_items(entity_type, [item.key for item in items], select)
    adopted = adopt([item.key for item in items if item.key not in our_items], select)
    existing: dict[Key, ExistingPart] = {}
    for desired in items:
        item = our_items.get(desired.key) or adopted.get(desired.key)
        if item is not None:
            sent = Sent(item.crm_id, _taken_as_sent(desired, item, select))
            existing[desired.key, ITEM] = ExistingPart(sent, desired.key in our_items, item.fields)
    return existing


def _is_first(
    name: str, item: DesiredItem[Any], sent: SentParts, doubtful: Mapping[str, Intent]
) -> bool:
    """Whether the field is to be filled and was never sent, nor may have been."""
    in_doubt = doubtful[item.key].fields if item.key in doubtful else {}
    sent_fields = sent[item.key][ITEM].fields
    return name in item.fields and name not in sent_fields and name not in in_doubt


def _taken_as_sent(desired: DesiredItem[Any], item: Item, select: Sequence[str]) -> Fields:
    """The fields that may be taken as sent of an item that the ledger did not know."""
    if item.version == desired.version:
        fields = dict(desired.fields)
    else:
        # It is unknown what was sent: what stands there is taken for a person's decision.
        fields = {name: desired.fields.get(name) for name in select if item.fields.get(name)}
        fields |= {name: item.fields[name] for name in mapping.MARK if item.fields.get(name)}
    if mapping.LINKS in desired.fields:
        ids = item.fields.get(mapping.LINKS) or ()
        fields[mapping.LINKS] = [int(company_id) for company_id in ids]
    return fields


def _surely_sent(sent: Sent, intent: Intent | None) -> Fields:
    """The fields sent last that no update in doubt may have changed: the CRM surely has them."""
    return three_way_diff.without_doubts(sent.fields, intent.fields) if intent else sent.fields
