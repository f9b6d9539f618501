"""The CRM read back and compared with what the ledger believes to stand there.

Items are read in ranges of ids, 50 ranges a request, cut by the ids that the ledger knows: so the
whole of it takes few requests, and what the ledger does not know is found as well. Addresses cannot
be listed, and are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.batch import as_map
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal import PAGE, Item, Portal
from transforms.crm.loading.existing_parts import find_bank_details, find_requisites
from transforms.crm.loading.requisites import BANK, DELETED_MARK, REQUISITE
from transforms.crm.loading.same_value import is_present
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.sent import ITEM, Key, Sent, sent_parts
from transforms.ledger.statements import values_of

MISSING, CHANGED, DOUBLED, STRANGE, BEHIND = "missing", "changed", "doubled", "strange", "behind"
LEFT = "left"
FINDINGS = (MISSING, CHANGED, DOUBLED, STRANGE, BEHIND, LEFT)

TYPES: Mapping[str, int] = {COMPANY: mapping.COMPANY_TYPE, CONTACT: mapping.CONTACT_TYPE}
_PLAIN: Mapping[str, tuple[str, ...]] = {
    COMPANY: ("title",),
    CONTACT: ("lastName", "name", "secondName", "post"),
}
_CHUNK = 1000
# Half a page of known ids leaves room for what is not known.
_RANGE = PAGE // 2


class Finding(msgspec.Struct, frozen=True):
    """One difference.

    ``missing``: what we have loaded is not there any more. ``changed``: people have changed what we
    had sent. ``doubled``: another item bears the same mark. ``strange``: it bears our mark, and the
    ledger does not know it. ``behind``: it is not in the version that we sent last. ``left``, which
    is no difference: no row of a store stands for it any more; ``fields`` name the contact that it
    was merged into, if it was.
    """

    finding: str
    kind: str
    key: str
    crm_id: int
    fields: list[str] = []


class Reconciliation:
    """Compares one kind of record after the other; holds one stretch of them at a time."""

    def __init__(self, ledger: Ledger, portal: Portal) -> None:
        self._ledger, self._portal = ledger, portal

    def findings(self) -> Iterator[Finding]:
        """All differences."""
        for kind in (COMPANY, CONTACT):
            first: dict[str, int] = {}
            known = self._crosswalk(kind)
            ids = sorted(known)
            after = 0
            for stretch in list(chunks(ids, _CHUNK)) or [[]]:
                to_the_end = not ids or stretch[-1] == ids[-1]
                items = self._read(kind, after, stretch, to_the_end)
                yield from self._compare(kind, stretch, known, items, first)
                after = stretch[-1] if stretch else 0

    def _crosswalk(self, kind: str) -> dict[int, str]:
        table = schema.crosswalk
        query = table.select().with_only_columns(table.c.crm_id, table.c.key)
        with self._ledger.read() as connection:
            rows = connection.execute(query.where(table.c.kind == kind))
            return {row.crm_id: row.key for row in rows}

    def _read(
        self, kind: str, after: int, stretch: Sequence[int], to_the_end: bool
    ) -> dict[int, Item]:
        """Items with our mark from behind an id up to the last of the stretch, or to the end."""
        marks = sorted({after, *stretch[_RANGE - 1 :: _RANGE], *stretch[-1:]})
        ranges: list[tuple[int, int | None]] = list(pairwise(marks))
        if to_the_end:
            ranges.append((marks[-1], None))
        items = self._portal.items_between(TYPES[kind], ranges, [*_PLAIN[kind], *_ALL])
        return {item.crm_id: item for item in items}

    def _compare(
        self,
        kind: str,
        stretch: Sequence[int],
        known: Mapping[int, str],
        items: Mapping[int, Item],
        first: dict[str, int],
    ) -> Iterator[Finding]:
        ours = {crm_id: known[crm_id] for crm_id in stretch}
        with self._ledger.read() as connection:
            sent = sent_parts(connection, kind, list(ours.values()))
            keys = sorted({str(item.fields["originId"]) for item in items.values()})
            entered = load_queue.crm_ids(connection, kind, keys)
            left = _left(connection, kind, list(ours.values()))
        unmarked = sorted(ours.keys() - items.keys())
        others = self._portal.items_by_id(TYPES[kind], unmarked, [*_PLAIN[kind], *_ALL])
        there = {**items, **others}
        for crm_id, key in ours.items():
            if crm_id not in there:
                yield Finding(MISSING, kind, key, crm_id)
                continue
            if ITEM in sent.get(key, {}):
                yield from _differences(kind, key, there[crm_id], sent[key][ITEM])
            if key in left:
                yield Finding(LEFT, kind, key, crm_id, left[key])
        for crm_id, item in items.items():
            key = str(item.fields["originId"])
            if first.setdefault(key, crm_id) != crm_id or entered.get(key, crm_id) != crm_id:
                yield Finding(DOUBLED, kind, key, crm_id)
            elif key not in entered:
                yield Finding(STRANGE, kind, key, crm_id)
        if kind == COMPANY:
            present = {key: sent.get(key, {}) for crm_id, key in ours.items() if crm_id in there}
            yield from self._parts(present)

    def _parts(self, sent: Mapping[str, Mapping[str, Sent]]) -> Iterator[Finding]:
        """Requisites and bank details that are gone, or that people have changed."""
        for prefix, find in ((REQUISITE, find_requisites), (BANK, find_bank_details)):
            wanted: dict[Key, Fields] = {
                (key, part): one.fields
                for key, parts in sent.items()
                for part, one in parts.items()
                if part.startswith(prefix)
                and DELETED_MARK not in one.fields
                and "ENTITY_ID" in one.fields
            }
            if not wanted:
                continue
            found = find(self._portal, wanted)
            for (key, part), fields in wanted.items():
                held = found.get((key, part))
                crm_id = sent[key][part].crm_id
                if held is None or held.sent.crm_id != crm_id:
                    yield Finding(MISSING, COMPANY, key, crm_id, [part])
                elif changed := _changed_part(fields, held.fields):
                    names = [f"{part}/{name}" for name in changed]
                    yield Finding(CHANGED, COMPANY, key, crm_id, names)


_ALL = ("originatorId", "fm", "companyIds")


def _left(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, list[str]]:
    """Those of the records that are golden no more, and which one each was merged into."""
    golden, alias = schema.golden.c, schema.aliases.c
    stand = values_of(connection, golden.key, golden.version, kind, keys)
    merged = values_of(connection, alias.alias, alias.key, kind, keys)
    return {
        key: [f"merged into {merged[key]}"] if key in merged else []
        for key in keys
        if key not in stand
    }


def _changed_part(fields: Fields, held: Fields) -> list[str]:
    return sorted(
        name for name, value in fields.items() if str(held.get(name) or "") != str(value or "")
    )


def _differences(kind: str, key: str, item: Item, sent: Sent) -> Iterator[Finding]:
    before = sent.fields
    changed = [
        name
        for name in _PLAIN[kind]
        if name in before and str(item.fields.get(name) or "") != str(before[name] or "")
    ]
    there = as_map(item.fields.get("fm")).values()
    changed += [
        name
        for name in mapping.MULTIFIELDS
        if not all(is_present(name, one["VALUE"], there) for one in before.get(name, ()))
    ]
    linked = {int(one) for one in as_map(item.fields.get(mapping.LINKS)).values()}
    if not linked.issuperset(before.get(mapping.LINKS) or ()):
        changed.append(mapping.LINKS)
    if changed:
        yield Finding(CHANGED, kind, key, item.crm_id, changed)
    version = before.get("originVersion")
    if item.fields.get("originatorId") == mapping.ORIGINATOR and item.version != version:
        yield Finding(BEHIND, kind, key, item.crm_id)


def repair(ledger: Ledger, run: Run, findings: Sequence[Finding]) -> dict[str, frozenset[str]]:
    """Put right in the ledger what is ours; gives, by kind, the records to be loaded again.

    An item of ours that the ledger does not know, or that is not in the version we sent, is looked
    up and brought up to date by the loader; what people have deleted stays so, and is reported;
    what they have changed is theirs, and of doubles a person decides.
    """
    again: dict[str, frozenset[str]] = {}
    for kind in (COMPANY, CONTACT):
        of_kind = [one for one in findings if one.kind == kind]
        keys = sorted({one.key for one in of_kind if one.finding in (STRANGE, BEHIND)})
        deleted = sorted({one.key for one in of_kind if one.finding == MISSING and not one.fields})
        ledger.transact(partial(load_queue.forget_items, kind=kind, keys=keys))
        ledger.transact(partial(rejections.reject_deleted, run=run, kind=kind, keys=deleted))
        again[kind] = frozenset(keys)
    return again
