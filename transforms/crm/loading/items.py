"""Items of one kind in the CRM: created when missing, updated where the stores changed them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import Fields, Outcomes, Rejection, rejection
from transforms.crm.api.portal import Item, Portal
from transforms.crm.errors import Refused
from transforms.crm.limits.request_size import MAX_COMMANDS
from transforms.crm.loading import three_way_diff
from transforms.crm.loading.creates import Creates, Found
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.sent import (
    ITEM,
    UPDATE,
    Intent,
    Key,
    Sent,
    clear_intents,
    intents,
    save_intents,
    save_sent,
    sent_parts,
)

R = TypeVar("R")

Adopt = Callable[[Sequence[str], Sequence[str]], Mapping[str, Item]]
"""Finds items that people made before us, by our keys; the second are the fields to read."""


class Wanted(msgspec.Struct, Generic[R]):
    """A golden record to be loaded, and its item's fields with its origin; ``crm_id`` 0: not there.

    ``fresh``: the item was created just now, so nothing else of it can be there.
    """

    key: str
    version: str
    record: R
    fields: Fields
    crm_id: int = 0
    fresh: bool = False


class Items:
    """Brings items to the CRM; ``rejected`` says of each key why the portal does not take it."""

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        portal: Portal,
        kind: str,
        entity_type: int,
        creates: Creates,
        adopt: Adopt = lambda keys, select: {},
    ) -> None:
        self._ledger, self._run, self._portal = ledger, run, portal
        self._kind, self._entity_type, self._creates = kind, entity_type, creates
        self._adopt = adopt
        self.rejected: dict[str, Rejection] = {}

    def bring(self, wanted: Sequence[Wanted[Any]]) -> dict[str, dict[str, Sent]]:
        """Create and update items. Sets each one's ``crm_id`` (0: not there yet) and ``fresh``.

        Returns what was sent last of each item that is there, part by part.
        """
        self._create([one for one in wanted if not one.crm_id])
        keys = [one.key for one in wanted]
        with self._ledger.read() as connection:
            sent = sent_parts(connection, self._kind, keys)
            under_way = intents(connection, self._kind, keys)
        doubts = {key: intent for (key, part), intent in under_way.items() if part == UPDATE}
        for one in wanted:
            if one.key in doubts and self._creates.is_in_doubt(doubts[one.key]):
                one.crm_id = 0
        self._update([one for one in wanted if one.crm_id and not one.fresh], sent, doubts)
        return sent

    def _create(self, missing: Sequence[Wanted[Any]]) -> None:
        by_key = {(one.key, ITEM): one for one in missing}

        def find(parts: Mapping[Key, Fields]) -> dict[Key, Found]:
            asked = [by_key[key] for key in parts]
            return find_items(self._portal, self._entity_type, asked, self._adopt)

        wanted = {key: one.fields for key, one in by_key.items()}
        ensured = self._creates.ensure(wanted, find, self._import, self._size)
        for key, sent in ensured.there.items():
            by_key[key].crm_id = sent.crm_id
            by_key[key].fresh = key in ensured.new
        for key, error in ensured.refused.items():
            self.rejected[key[0]] = Rejection(error, wanted[key])

    def _import(self, parts: Mapping[Key, Fields]) -> dict[Key, int | Refused]:
        return self._portal.import_items(self._entity_type, parts)

    def _size(self, left: int) -> int:
        return self._portal.sizes.items() * self._portal.sizes.imports(left)

    def _update(
        self,
        there: Sequence[Wanted[Any]],
        sent: Mapping[str, Mapping[str, Sent]],
        doubts: Mapping[str, Intent],
    ) -> None:
        before = {one.key: _before(sent[one.key][ITEM], doubts.get(one.key)) for one in there}
        for one in there:
            one.fields = three_way_diff.with_mark(before[one.key], one.fields)
        held = self._held(
            [one for one in there if three_way_diff.differ_in_values(before[one.key], one.fields)]
        )
        updates: dict[str, Fields] = {}
        for one in there:
            changed = three_way_diff.changed_fields(before[one.key], one.fields)
            if one.key in held:
                values = three_way_diff.value_changes(before[one.key], one.fields, held[one.key])
                changed |= {"fm": values} if values else {}
            if changed and one.key not in self.rejected:
                updates[one.key] = changed
        outcomes = self._send(there, updates)
        done = {
            (one.key, ITEM): Sent(one.crm_id, three_way_diff.kept(before[one.key], one.fields))
            for one in there
            if one.key in outcomes.done or one.key not in updates.keys() | self.rejected.keys()
        }
        self._save(done, outcomes)
        for one in there:
            if one.key in updates.keys() - outcomes.known():
                one.crm_id = 0  # in doubt: looked at again when it must have been executed
                self._creates.try_again()

    def _held(self, wanted: Sequence[Wanted[Any]]) -> dict[str, list[Fields]]:
        """The phones, e-mails and sites of these items as they stand in the CRM."""
        by_id = {one.crm_id: one for one in wanted}
        outcomes = self._portal.multifields(self._entity_type, list(by_id))
        for crm_id, error in outcomes.refused.items():
            self.rejected[by_id[crm_id].key] = rejection(error, {"id": crm_id})
        return {by_id[crm_id].key: values for crm_id, values in outcomes.done.items()}

    def _send(self, there: Sequence[Wanted[Any]], updates: Mapping[str, Fields]) -> Outcomes[str]:
        ids = {one.key: one.crm_id for one in there}
        calls = {
            key: {"entityTypeId": self._entity_type, "id": ids[key], "fields": fields}
            for key, fields in updates.items()
        }
        outcomes: Outcomes[str] = Outcomes()
        for keys in chunks(list(calls), MAX_COMMANDS):
            under_way = {(key, UPDATE): updates[key] for key in keys}
            self._ledger.transact(partial(save_intents, kind=self._kind, parts=under_way))
            part = self._portal.each("crm.item.update", {key: calls[key] for key in keys})
            outcomes.done |= part.done
            outcomes.refused |= part.refused
        for key, error in outcomes.refused.items():
            self.rejected[key] = rejection(error, calls[key])
        return outcomes

    def _save(self, done: Mapping[Key, Sent], outcomes: Outcomes[str]) -> None:
        def save(connection: Connection) -> None:
            save_sent(connection, self._kind, done)
            clear_intents(connection, self._kind, [(key, UPDATE) for key in outcomes.known()])
            load_queue.mark_updated(connection, self._run, self._kind, sorted(outcomes.done))

        self._ledger.transact(save)


def find_items(
    portal: Portal, entity_type: int, wanted: Sequence[Wanted[Any]], adopt: Adopt
) -> dict[Key, Found]:
    """Those of the items that are in the CRM: ours, or else people's."""
    plain = sorted({name for one in wanted for name in three_way_diff.plain(one.fields)})
    items = portal.find_items(entity_type, [one.key for one in wanted], plain)
    adopted = adopt([one.key for one in wanted if one.key not in items], plain)
    found: dict[Key, Found] = {}
    for one in wanted:
        item = items.get(one.key) or adopted.get(one.key)
        if item is not None:
            sent = Sent(item.crm_id, _taken_as_sent(one, item, plain))
            found[one.key, ITEM] = Found(sent, one.key in items, item.fields)
    return found


def _taken_as_sent(one: Wanted[Any], item: Item, plain: Sequence[str]) -> Fields:
    """What may be taken as sent of an item that is there without our knowing."""
    if item.version == one.version:
        fields = dict(one.fields)
    else:
        # Nobody knows what was sent: what stands there is taken for somebody's wish.
        fields = {name: one.fields.get(name) for name in plain if item.fields.get(name)}
        fields |= {name: item.fields[name] for name in mapping.MARK if item.fields.get(name)}
    if mapping.LINKS in one.fields:
        fields[mapping.LINKS] = [int(i) for i in item.fields.get(mapping.LINKS) or ()]
    return fields


def _before(sent: Sent, doubt: Intent | None) -> Fields:
    """What the CRM is known to hold of what we sent: an update in doubt may have changed it."""
    return three_way_diff.without_doubts(sent.fields, doubt.fields) if doubt else sent.fields
