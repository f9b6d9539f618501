"""Reconciliation: the CRM is read back and compared with what the ledger believes it holds.

Items are read in ranges of ids, 50 ranges a request, cut by the ids that the ledger knows: so it
takes few requests, and items that the ledger does not know are found as well. Addresses cannot be
listed, and are left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.batch import as_map
from transforms.crm.api.field_values import is_same
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal import PAGE, Item, Portal
from transforms.crm.api.portal_fields import PortalField
from transforms.crm.loading.existing_parts import find_bank_details, find_requisites
from transforms.crm.loading.requisites import BANK, DELETED_MARK, REQUISITE
from transforms.crm.loading.same_value import is_present
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.sent import ITEM, Key, Sent, sent_parts
from transforms.ledger.statements import values_of

FindingName = Literal["missing", "changed", "doubled", "strange", "behind", "left"]

MISSING: FindingName = "missing"
CHANGED: FindingName = "changed"
DOUBLED: FindingName = "doubled"
STRANGE: FindingName = "strange"
BEHIND: FindingName = "behind"
ORPHANED: FindingName = "left"
FINDINGS = (MISSING, CHANGED, DOUBLED, STRANGE, BEHIND, ORPHANED)

_PLAIN_FIELDS: Mapping[str, tuple[str, ...]] = {
    COMPANY: ("title",),
    CONTACT: ("lastName", "name", "secondName", "post"),
}
_COMMON_FIELDS = ("originatorId", "fm", "companyIds")
_CHUNK = 1000
# Half a page of known ids leaves room for unknown ones.
_RANGE = PAGE // 2


class Finding(msgspec.Struct, frozen=True):
    """A difference between the CRM and the ledger.

    ``missing``: an item that we loaded does not exist any more. ``changed``: people have changed
    what we sent. ``doubled``: another item bears the same mark. ``strange``: the item bears our
    mark, and the ledger does not know it. ``behind``: it is not in the version that we sent last.
    ``left`` is no difference: no source row stands for the item any more; ``fields`` name the
    contact that it was merged into, if it was.
    """

    finding: FindingName
    kind: str
    key: str
    crm_id: int
    fields: list[str] = []


class Reconciliation:
    """Compares one kind of record after the other, holding one chunk of them at a time."""

    def __init__(self, ledger: Ledger, portal: Portal) -> None:
        self._ledger, self._portal = ledger, portal

    def findings(self) -> Iterator[Finding]:
        """All differences."""
        for kind in (COMPANY, CONTACT):
            yield from self._findings_of_kind(kind)

    def _findings_of_kind(self, kind: str) -> Iterator[Finding]:
        first_ids: dict[str, int] = {}
        keys_by_id = self._crosswalk(kind)
        ids = sorted(keys_by_id)
        last_id = 0
        for chunk in list(chunks(ids, _CHUNK)) or [[]]:
            is_last = not ids or chunk[-1] == ids[-1]
            items = self._read_our_items(kind, last_id, chunk, is_last)
            our_keys = {crm_id: keys_by_id[crm_id] for crm_id in chunk}
            yield from self._compare_known(kind, our_keys, items)
            yield from self._compare_marks(kind, items, first_ids)
            last_id = chunk[-1] if chunk else 0

    def _crosswalk(self, kind: str) -> dict[int, str]:
        table = schema.crosswalk
        query = table.select().with_only_columns(table.c.crm_id, table.c.key)
        with self._ledger.read() as connection:
            rows = connection.execute(query.where(table.c.kind == kind))
            return {row.crm_id: row.key for row in rows}

    def _read_our_items(
        self, kind: str, after: int, ids: Sequence[int], is_last: bool
    ) -> dict[int, Item]:
        """Items with our mark after an id, up to the last of ``ids``, or to the end."""
        bounds = sorted({after, *ids[_RANGE - 1 :: _RANGE], *ids[-1:]})
        ranges: list[tuple[int, int | None]] = list(pairwise(bounds))
        if is_last:
            ranges.append((bounds[-1], None))
        items = self._portal.items_between(
            mapping.ENTITY_TYPES[kind], ranges, self._selected_names(kind)
        )
        return {item.crm_id: item for item in items}

    def _selected_names(self, kind: str) -> list[str]:
        fields = (field.name for field in self._portal.fields_of(kind))
        return [*_PLAIN_FIELDS[kind], *fields, *_COMMON_FIELDS]

    def _compare_known(
        self, kind: str, keys_by_id: Mapping[int, str], items: Mapping[int, Item]
    ) -> Iterator[Finding]:
        """Compare the items that the ledger knows; those without our mark are read here."""
        keys = list(keys_by_id.values())
        with self._ledger.read() as connection:
            sent = sent_parts(connection, kind, keys)
            orphans = _orphans(connection, kind, keys)
        fields = self._portal.fields_of(kind)
        select = self._selected_names(kind)
        unmarked_ids = sorted(keys_by_id.keys() - items.keys())
        unmarked_items = self._portal.items_by_id(mapping.ENTITY_TYPES[kind], unmarked_ids, select)
        existing = {**items, **unmarked_items}
        for crm_id, key in keys_by_id.items():
            if crm_id not in existing:
                yield Finding(MISSING, kind, key, crm_id)
                continue
            if ITEM in sent.get(key, {}):
                yield from _differences(kind, key, existing[crm_id], sent[key][ITEM], fields)
            if key in orphans:
                yield Finding(ORPHANED, kind, key, crm_id, orphans[key])
        if kind == COMPANY:
            existing_keys = [key for crm_id, key in keys_by_id.items() if crm_id in existing]
            yield from self._compare_parts({key: sent.get(key, {}) for key in existing_keys})

    def _compare_marks(
        self, kind: str, items: Mapping[int, Item], first_ids: dict[str, int]
    ) -> Iterator[Finding]:
        """Find marks that several items bear, and marks that the ledger does not know.

        ``first_ids`` holds the first item of each mark, also of earlier chunks.
        """
        origins = {crm_id: str(item.fields["originId"]) for crm_id, item in items.items()}
        with self._ledger.read() as connection:
            known_ids = load_queue.crm_ids(connection, kind, sorted(set(origins.values())))
        for crm_id, key in origins.items():
            is_first = first_ids.setdefault(key, crm_id) == crm_id
            if not is_first or known_ids.get(key, crm_id) != crm_id:
                yield Finding(DOUBLED, kind, key, crm_id)
            elif key not in known_ids:
                yield Finding(STRANGE, kind, key, crm_id)

    def _compare_parts(self, sent: Mapping[str, Mapping[str, Sent]]) -> Iterator[Finding]:
        """Find requisites and bank details that are missing, or that people have changed."""
        for prefix, find in ((REQUISITE, find_requisites), (BANK, find_bank_details)):
            parts = _sent_parts_of(prefix, sent)
            existing = find(self._portal, {key: part.fields for key, part in parts.items()})
            for key, part in parts.items():
                match = existing.get(key)
                if match is None or match.sent.crm_id != part.crm_id:
                    yield Finding(MISSING, COMPANY, key[0], part.crm_id, [key[1]])
                elif changed := _changed_names(part.fields, match.fields, part.fields):
                    names = [f"{key[1]}/{name}" for name in sorted(changed)]
                    yield Finding(CHANGED, COMPANY, key[0], part.crm_id, names)


def _sent_parts_of(prefix: str, sent: Mapping[str, Mapping[str, Sent]]) -> dict[Key, Sent]:
    """The parts of a type that were sent, except for those that people have deleted since."""
    return {
        (key, name): part
        for key, parts in sent.items()
        for name, part in parts.items()
        if name.startswith(prefix)
        and DELETED_MARK not in part.fields
        and "ENTITY_ID" in part.fields
    }


def _orphans(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, list[str]]:
    """Those of the records that are golden no more, and which one each was merged into."""
    golden, alias = schema.golden.c, schema.aliases.c
    versions = values_of(connection, golden.key, golden.version, kind, keys)
    merged = values_of(connection, alias.alias, alias.key, kind, keys)
    return {
        key: [f"merged into {merged[key]}"] if key in merged else []
        for key in keys
        if key not in versions
    }


def _differences(
    kind: str, key: str, item: Item, sent: Sent, fields: Iterable[PortalField]
) -> Iterator[Finding]:
    changed = [
        *_changed_names(sent.fields, item.fields, _PLAIN_FIELDS[kind]),
        *_changed_fields(sent.fields, item.fields, fields),
        *_changed_values(sent.fields, item.fields),
        *_lost_links(sent.fields, item.fields),
    ]
    if changed:
        yield Finding(CHANGED, kind, key, item.crm_id, changed)
    is_ours = item.fields.get("originatorId") == mapping.ORIGINATOR
    if is_ours and item.version != sent.fields.get("originVersion"):
        yield Finding(BEHIND, kind, key, item.crm_id)


def _changed_names(sent: Fields, present: Fields, names: Collection[str]) -> list[str]:
    """Those of the fields in ``names`` that were sent, and that have another value now."""
    return [
        name for name in names if name in sent and _text(present.get(name)) != _text(sent[name])
    ]


def _changed_fields(sent: Fields, present: Fields, fields: Iterable[PortalField]) -> list[str]:
    """Those of the portal's own fields that were sent, and that hold another value now."""
    return [
        field.name
        for field in fields
        if field.name in sent and not is_same(field, sent[field.name], present.get(field.name))
    ]


def _text(value: Any) -> str:
    return str(value or "")


def _changed_values(sent: Fields, present: Fields) -> list[str]:
    """The types of phones, e-mails and sites of which a sent value is not there any more."""
    values = as_map(present.get("fm")).values()
    return [
        name
        for name in mapping.MULTIFIELDS
        if not all(is_present(name, value["VALUE"], values) for value in sent.get(name, ()))
    ]


def _lost_links(sent: Fields, present: Fields) -> list[str]:
    links = {int(company_id) for company_id in as_map(present.get(mapping.LINKS)).values()}
    return [] if links.issuperset(sent.get(mapping.LINKS) or ()) else [mapping.LINKS]


def repair(ledger: Ledger, run: Run, findings: Sequence[Finding]) -> dict[str, frozenset[str]]:
    """Put right in the ledger what is ours; return, by kind, the records to be loaded again.

    An item of ours that the ledger does not know, or that is not in the version we sent, is looked
    up and brought up to date by the loader. What people have deleted stays deleted and is reported;
    what they have changed stays theirs; doubles are left to a person.
    """
    keys_to_load: dict[str, frozenset[str]] = {}
    for kind in (COMPANY, CONTACT):
        of_kind = [finding for finding in findings if finding.kind == kind]
        keys = sorted({f.key for f in of_kind if f.finding in (STRANGE, BEHIND)})
        deleted = sorted({f.key for f in of_kind if f.finding == MISSING and not f.fields})
        ledger.transact(partial(load_queue.forget_items, kind=kind, keys=keys))
        ledger.transact(partial(rejections.reject_deleted, run=run, kind=kind, keys=deleted))
        keys_to_load[kind] = frozenset(keys)
    return keys_to_load
