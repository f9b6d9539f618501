"""What a load would do, record by record and field by field, without doing it.

The CRM is read where the loader would look: records that are there without our knowing, phones and
e-mails that are to be changed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from transforms.core.golden_records import GoldenCompany
from transforms.core.outcomes import DELETED_IN_CRM
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal import Portal
from transforms.crm.limits.request_size import IMPORT
from transforms.crm.loading import three_way_diff
from transforms.crm.loading.adopt_existing import adopt_companies
from transforms.crm.loading.chunk_loader import wanted_company, wanted_contact
from transforms.crm.loading.items import Wanted, find_items
from transforms.crm.loading.requisites import (
    ADDRESS,
    BANK,
    GONE,
    REQUISITE,
    find_bank_details,
    find_requisites,
)
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.sent import ITEM, Key, Sent, sent_parts

CREATE, UPDATE, SKIP = "create", "update", "skip"

_ADD = {
    REQUISITE: "crm.requisite.add",
    ADDRESS: "crm.address.add",
    BANK: "crm.requisite.bankdetail.add",
}


class Planned(msgspec.Struct, frozen=True):
    """What is to become of one record.

    ``fields`` says of each field what stands there as far as we know, and what is to stand there;
    of phones, e-mails, sites and companies which are taken away, and which are added. ``calls`` is
    how often each method is called for it; ``seen`` is when the CRM's record was changed last.
    """

    kind: str
    key: str
    version: str
    action: str
    title: str = ""
    reason: str = ""
    crm_id: int = 0
    seen: str = ""
    fields: dict[str, tuple[Any, Any]] = {}
    calls: dict[str, int] = {}


class Planner:
    """Plans records as they stand in the ledger now."""

    def __init__(self, ledger: Ledger, portal: Portal) -> None:
        self._ledger, self._portal = ledger, portal

    def plan(self, kind: str, chunk: Sequence[PendingRecord]) -> list[Planned]:
        """What a load would do with each of these records."""
        make: Any = wanted_company if kind == COMPANY else wanted_contact
        wanted: list[Wanted[Any]] = [make(one, self._portal) for one in chunk]
        entity_type = mapping.COMPANY_TYPE if kind == COMPANY else mapping.CONTACT_TYPE
        with self._ledger.read() as connection:
            sent = sent_parts(connection, kind, [one.key for one in wanted])
        known = {(key, part): one for key, parts in sent.items() for part, one in parts.items()}
        known |= self._found(kind, entity_type, [one for one in wanted if not one.crm_id])
        for one in wanted:
            one.crm_id = known[one.key, ITEM].crm_id if (one.key, ITEM) in known else 0
        held = self._portal.items_by_id(
            entity_type, sorted(one.crm_id for one in wanted if one.crm_id), ["updatedTime"]
        )
        there = [one for one in wanted if one.crm_id in held]
        fields = {one.key: self._item(one, known.get((one.key, ITEM))) for one in wanted}
        values = self._values(entity_type, there, known)
        parts = self._parts([one for one in wanted if kind == COMPANY], known)
        if kind == CONTACT:
            links = self._links(wanted, known)
        planned: list[Planned] = []
        for one in wanted:
            if one.crm_id and one.crm_id not in held:
                gone = Planned(
                    kind, one.key, one.version, SKIP, _title(one), DELETED_IN_CRM, one.crm_id
                )
                planned.append(gone)
                continue
            told = fields[one.key] | values.get(one.key, {}) | parts.get(one.key, {})
            if kind == CONTACT:
                told |= links[one.key]
            seen = str(held[one.crm_id].fields.get("updatedTime")) if one.crm_id else ""
            action = UPDATE if one.crm_id else CREATE
            calls = _calls(action, told)
            planned.append(
                Planned(
                    *(kind, one.key, one.version, action, _title(one), "", one.crm_id, seen),
                    fields=told,
                    calls=calls,
                )
            )
        return planned

    def _found(
        self, kind: str, entity_type: int, missing: Sequence[Wanted[Any]]
    ) -> dict[Key, Sent]:
        """Items that are there without our knowing."""
        if not missing:
            return {}
        adopt = partial(adopt_companies, self._portal)
        found = find_items(
            self._portal,
            entity_type,
            missing,
            adopt if kind == COMPANY else lambda keys, select: {},
        )
        return {key: one.sent for key, one in found.items()}

    def _item(self, one: Wanted[Any], sent: Sent | None) -> dict[str, tuple[Any, Any]]:
        before = sent.fields if sent else {}
        after = three_way_diff.with_mark(before, one.fields)
        changed = three_way_diff.changed_fields(before, after)
        told = {
            name: (before.get(name), value)
            for name, value in changed.items()
            if name not in mapping.MARK
        }
        if sent is None:
            for name in mapping.MULTIFIELDS:
                if one.fields.get(name):
                    told[name] = ([], [value["VALUE"] for value in one.fields[name]])
        return told

    def _values(
        self, entity_type: int, there: Sequence[Wanted[Any]], known: Mapping[Key, Sent]
    ) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Phones, e-mails and sites that are to be added or taken away."""
        before = {one.key: known[one.key, ITEM].fields for one in there}
        asked = {
            one.crm_id: one
            for one in there
            if three_way_diff.differ_in_values(before[one.key], one.fields)
        }
        held = self._portal.multifields(entity_type, list(asked)).done if asked else {}
        told: dict[str, dict[str, tuple[Any, Any]]] = {}
        for crm_id, values in held.items():
            one = asked[crm_id]
            by_id = {str(value["id"]): value for value in values}
            of_one: dict[str, tuple[list[str], list[str]]] = {}
            sent = three_way_diff.value_changes(before[one.key], one.fields, values)
            for value_id, change in sent.items():
                removed, added = of_one.setdefault(change["typeId"], ([], []))
                if change["value"]:
                    added.append(change["value"])
                else:
                    removed.append(str(by_id[value_id]["value"]))
            told[one.key] = dict(of_one)
        return told

    def _parts(
        self, companies: Sequence[Wanted[GoldenCompany]], known: Mapping[Key, Sent]
    ) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Requisites, addresses and bank details: what of each is to be added or changed."""
        wanted: dict[Key, Fields] = {}
        firsts: dict[str, Key] = {}
        for one in companies:
            made = mapping.requisites(one.record, self._portal.presets)
            for xml_id, fields in made.items():
                wanted[one.key, REQUISITE + xml_id] = {"ENTITY_ID": one.crm_id} | fields
                wanted[one.key, REQUISITE + xml_id]["XML_ID"] = xml_id
                firsts.setdefault(one.key, (one.key, REQUISITE + xml_id))
        before = dict(known) | self._found_parts(wanted, known, find_requisites)
        details: dict[Key, Fields] = {}
        for one in companies:
            first = firsts[one.key]
            owner = before[first].crm_id if first in before else 0
            for xml_id, fields in mapping.bank_details(one.record).items():
                details[one.key, BANK + xml_id] = {"ENTITY_ID": owner, "XML_ID": xml_id} | fields
            if address := mapping.address(one.record):
                wanted[one.key, ADDRESS + first[1].removeprefix(REQUISITE)] = address
        before |= self._found_parts(details, known, find_bank_details)
        told: dict[str, dict[str, tuple[Any, Any]]] = {one.key: {} for one in companies}
        for (key, part), fields in (wanted | details).items():
            had = before[key, part].fields if (key, part) in before else {}
            if GONE in had:
                continue
            for name, value in three_way_diff.changed_fields(had, fields).items():
                if name not in ("ENTITY_ID", "PRESET_ID"):
                    told[key][f"{part}/{name}"] = (had.get(name), value)
        return told

    def _found_parts(
        self, wanted: Mapping[Key, Fields], known: Mapping[Key, Sent], find: Any
    ) -> dict[Key, Sent]:
        """Parts that are there without our knowing; those of new records cannot be."""
        asked = {
            key: fields
            for key, fields in wanted.items()
            if key not in known and fields["ENTITY_ID"]
        }
        if not asked:
            return {}
        return {key: found.sent for key, found in find(self._portal, asked).items()}

    def _links(
        self, contacts: Sequence[Wanted[Any]], known: Mapping[Key, Sent]
    ) -> dict[str, dict[str, tuple[Any, Any]]]:
        """The companies that a contact is to be linked to and is not, by their TINs."""
        tins = sorted({tin for one in contacts for tin in one.record.tins})
        with self._ledger.read() as connection:
            ids = load_queue.crm_ids(connection, COMPANY, tins)
        told: dict[str, dict[str, tuple[Any, Any]]] = {}
        for one in contacts:
            sent = known.get((one.key, ITEM))
            linked = set(sent.fields.get(mapping.LINKS) or ()) if sent else set()
            new = [tin for tin in one.record.tins if ids.get(tin) not in linked]
            told[one.key] = {mapping.LINKS: ([], new)} if new else {}
        return told


def _title(one: Wanted[Any]) -> str:
    fields = one.fields
    names = (fields.get(name) for name in ("title", "lastName", "name", "secondName"))
    return " ".join(filter(None, names))


def _calls(action: str, told: Mapping[str, tuple[Any, Any]]) -> dict[str, int]:
    """Which methods are called for a record that is to change so."""
    calls: Counter[str] = Counter()
    parts: dict[str, bool] = {}
    for name, (had, _) in told.items():
        part, separator, _ = name.partition("/")
        if separator:
            parts[part] = parts.get(part, True) and had is None
    for part, is_new in parts.items():
        method = _ADD[f"{part.partition(':')[0]}:"]
        calls[method if is_new else method.replace(".add", ".update")] += 1
    if action == CREATE:
        calls[IMPORT] += 1
        return dict(calls)
    # Its version is always sent.
    calls["crm.item.update"] += 1
    if any(name in told for name in mapping.MULTIFIELDS):
        calls["crm.item.get"] += 1
    if mapping.LINKS in told:
        calls["crm.contact.company.add"] += len(told[mapping.LINKS][1])
    return dict(calls)
