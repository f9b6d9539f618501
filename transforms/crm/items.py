"""Items of one kind in the CRM: created when missing, updated where the stores changed them."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from transforms.crm import mapping
from transforms.crm.creates import Creates, Fields
from transforms.crm.errors import Refused, UnknownOutcome
from transforms.crm.portal import BATCH, IMPORT, Portal
from transforms.ledger import loads
from transforms.ledger.database import Ledger, chunks
from transforms.ledger.loads import ITEM, Key, Sent
from transforms.ledger.source_rows import Run, now

R = TypeVar("R")


class Wanted(msgspec.Struct, Generic[R]):
    """A golden record to be loaded, and its item's fields with its origin; ``crm_id`` 0: not there."""

    key: str
    version: str
    record: R
    fields: Fields
    crm_id: int = 0
    fresh: bool = False


class Items:
    """Brings items to the CRM; ``refused`` says of each key why the portal does not take it."""

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        portal: Portal,
        kind: str,
        entity_type: int,
        creates: Creates,
    ) -> None:
        self._ledger, self._run, self._portal = ledger, run, portal
        self._kind, self._entity_type, self._creates = kind, entity_type, creates
        self.refused: dict[str, Refused] = {}

    def bring(self, wanted: Sequence[Wanted[Any]]) -> dict[str, dict[str, Sent]]:
        """Create and update items. Sets each one's ``crm_id`` (0: not there yet) and ``fresh``.

        Returns what was sent last of each item that is there, part by part.
        """
        self.refused = {}
        self._create([one for one in wanted if not one.crm_id])
        with self._ledger.read() as connection:
            sent = loads.sent_parts(connection, self._kind, [one.key for one in wanted])
        there = [one for one in wanted if one.crm_id and not one.fresh]
        self._update(there, sent)
        return sent

    def _create(self, missing: Sequence[Wanted[Any]]) -> None:
        by_key = {(one.key, ITEM): one for one in missing}
        found: dict[str, int] = {}

        def find(parts: Mapping[Key, Fields]) -> dict[Key, Sent]:
            there = self._find([by_key[key] for key in parts])
            found.update({key: sent.crm_id for key, sent in there.items()})
            return {(key, ITEM): sent for key, sent in there.items()}

        def send(parts: Mapping[Key, Fields]) -> dict[Key, int | Refused]:
            try:
                outcomes = self._portal.import_items(self._entity_type, list(parts.values()))
            except UnknownOutcome:
                return {}
            except Refused as error:
                return self._one_by_one(parts, send, error)
            return dict(zip(parts, outcomes, strict=True))

        wanted = {key: one.fields for key, one in by_key.items()}
        for keys in chunks(list(wanted), 500):
            ensured = self._creates.ensure({key: wanted[key] for key in keys}, find, send, IMPORT)
            for key, sent in ensured.there.items():
                by_key[key].crm_id = sent.crm_id
                by_key[key].fresh = by_key[key].key not in found
            self.refused.update({key: error for (key, _), error in ensured.refused.items()})
        self._enter(missing, found)

    @staticmethod
    def _one_by_one(
        parts: Mapping[Key, Fields], send: Any, error: Refused
    ) -> dict[Key, int | Refused]:
        """The whole request was refused: for one record's sake, so each is sent by itself."""
        if len(parts) == 1:
            return dict.fromkeys(parts, error)
        outcomes: dict[Key, int | Refused] = {}
        for key, fields in parts.items():
            outcomes.update(send({key: fields}))
        return outcomes

    def _enter(self, missing: Sequence[Wanted[Any]], found: Mapping[str, int]) -> None:
        created = {one.key: one.crm_id for one in missing if one.crm_id and one.key not in found}

        def enter(connection: Any) -> None:
            loads.enter_items(connection, self._run, self._kind, created)
            loads.found_items(connection, self._run, self._kind, found)

        self._ledger.transact(enter)

    def _find(self, wanted: Sequence[Wanted[Any]]) -> dict[str, Sent]:
        plain = sorted({name for one in wanted for name in _plain(one.fields)})
        items = self._portal.find_items(self._entity_type, [one.key for one in wanted], plain)
        found: dict[str, Sent] = {}
        for one in wanted:
            item = items.get(one.key)
            if item is not None and item.version == one.version:
                found[one.key] = Sent(item.crm_id, one.fields)
            elif item is not None:
                # Nobody knows what was sent: what stands there is taken for somebody's wish.
                filled = {name: one.fields.get(name) for name in plain if item.fields.get(name)}
                actual = {"originVersion": item.version}
                if mapping.LINKS in one.fields:
                    actual[mapping.LINKS] = [int(i) for i in item.fields.get(mapping.LINKS) or ()]
                found[one.key] = Sent(item.crm_id, filled | actual)
        return found

    def _update(self, there: Sequence[Wanted[Any]], sent: Mapping[str, Mapping[str, Sent]]) -> None:
        before = {one.key: _fields(sent, one.key) for one in there}
        phones = [
            one for one in there if mapping.has_multifield_changes(before[one.key], one.fields)
        ]
        current: dict[int, list[Fields]] = {}
        for part in chunks(phones, BATCH):
            ids = [one.crm_id for one in part]
            current.update(self._portal.multifields(self._entity_type, ids))
        changes: dict[int, Fields] = {}
        for one in there:
            changed = mapping.changed_fields(before[one.key], _plain(one.fields))
            if one.crm_id in current:
                fm = mapping.multifield_changes(before[one.key], one.fields, current[one.crm_id])
                changed |= {"fm": fm} if fm else {}
            if changed:
                changes[one.crm_id] = changed
        self._send_updates({one.crm_id: one for one in there}, before, changes)

    def _send_updates(
        self,
        by_id: Mapping[int, Wanted[Any]],
        before: Mapping[str, Fields],
        changes: Mapping[int, Fields],
    ) -> None:
        outcomes = self._portal.update_items(self._entity_type, changes)
        for crm_id, error in outcomes.refused.items():
            self.refused[by_id[crm_id].key] = error
        for crm_id in changes.keys() - outcomes.known():
            by_id[crm_id].crm_id = 0  # in doubt: read and compared again in the next pass
            self._creates.try_again_at(now())
        done = {
            (one.key, ITEM): Sent(crm_id, _with_links_of(before[one.key], one.fields))
            for crm_id, one in by_id.items()
            if crm_id in outcomes.done or crm_id not in changes
        }
        self._ledger.transact(lambda connection: loads.save_sent(connection, self._kind, done))


def _plain(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in mapping.MULTIFIELDS}


def _with_links_of(before: Fields, fields: Fields) -> Fields:
    # Links are sent after the item: until then those of before stand.
    if mapping.LINKS not in fields:
        return fields
    return fields | {mapping.LINKS: before.get(mapping.LINKS, [])}


def _fields(sent: Mapping[str, Mapping[str, Sent]], key: str) -> Fields:
    item = sent.get(key, {}).get(ITEM)
    return item.fields if item else {}
