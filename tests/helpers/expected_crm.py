"""The records that the CRM must hold of a made-up world, by its truth and raw rows alone."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sandbox import judge
from sandbox.bitrix24 import Bitrix24
from sandbox.world import typed_numbers
from sandbox.world.identities import TrueCompany, TruePerson
from sandbox.world.truth import GOLDEN, Outcome
from sandbox.world.world import World

_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_MARKS = re.compile(r"[\s-]")
_SOLE = "ИП"

Row = dict[str, Any]
TypedNumbers = tuple[Any, list[tuple[Any, Any]]]
"""A row's KPP, and its BIKs with accounts, as typed."""


class Shown(NamedTuple):
    """A company as its records in the CRM show it, or must show it."""

    title: str
    tin: str
    first_kpp: str
    kpps: frozenset[str]
    ogrn: str
    addresses: tuple[tuple[str, str, str, str], ...]
    accounts: frozenset[tuple[str, str]]


def differences(
    world: World, ledger: str, portal: Bitrix24, merged: Collection[str] = ()
) -> list[str]:
    """Returns a sentence for each record of the CRM or ledger that is wrong.

    ``merged`` are keys of contacts that a later merge made superfluous: they stay in the CRM.
    """
    truths = list(world.truth())
    ends = judge.ledger_ends(ledger)
    companies = portal.companies()
    contacts = [contact for contact in portal.contacts() if contact["originId"] not in merged]
    tins = world.active_tins()
    sentences = [
        *judge.judge_rows(truths, ends),
        *judge.judge_companies(companies, portal.requisites(), tins),
        *judge.judge_contacts(contacts, companies, truths, ends),
        *_judge_people(world, truths, ends, contacts),
    ]
    expected, shown = expected_companies(world), shown_companies(portal)
    sentences += [
        f"company {tin} should be {expected[tin]}, is {shown.get(tin)}"
        for tin in expected
        if shown.get(tin) != expected[tin]
    ]
    return sentences + [f"the portal complains of {name}" for name in portal.stats.violations]


def expected_companies(world: World) -> dict[str, Shown]:
    """Returns, by TIN, each company that must be in the CRM as it must look there."""
    numbers = {world.identities.tin(n): n for n in range(world.sizes.companies)}
    facts: dict[str, list[TypedNumbers]] = defaultdict(list)
    raw = {"A": _rows_of_a(world), "B": _rows_of_b(world)}
    for truth in world.truth():
        if truth.kind == "company" and truth.outcome == GOLDEN:
            facts[truth.tins[0]].append(raw[truth.source][truth.source_id])
    return {
        tin: _expected_company(world.identities.company(numbers[tin]), rows)
        for tin, rows in facts.items()
    }


def _expected_company(company: TrueCompany, rows: list[TypedNumbers]) -> Shown:
    kpps = {company.kpp} - {""}
    if not company.individual:
        compact_kpps = {_MARKS.sub("", kpp) for kpp, _ in rows if isinstance(kpp, str)}
        kpps |= set(filter(_KPP.fullmatch, compact_kpps))
    bik, account, _ = typed_numbers.bank_numbers(company.number, company.region.code)
    typed_accounts = {
        (_digits(bik), _digits(account)) for _, banks in rows for bik, account in banks
    }
    region = company.region
    name = company.name if company.individual else f"«{company.name.upper()}»"
    street = f"{company.street.upper()}, Д.{company.house}"
    line = f"{region.postal_code}, {region.name.upper()}, Г.{region.city.upper()}, {street}"
    return Shown(
        title=f"{_SOLE if company.individual else company.form} {name}",
        tin=company.tin,
        first_kpp=company.kpp,
        kpps=frozenset(kpps),
        ogrn=company.ogrn,
        addresses=((line, region.city, region.postal_code, region.name),),
        accounts=frozenset({(bik, account)} & typed_accounts),
    )


def shown_companies(portal: Bitrix24) -> dict[str, Shown]:
    """Returns our companies by TIN, with their requisites, bank accounts and addresses."""
    requisites = _by_owner(portal.requisites())
    accounts, addresses = _by_owner(portal.bank_details()), _by_owner(portal.addresses())
    shown = {}
    for company in portal.companies():
        own_requisites = requisites[company["id"]]
        ids = [requisite["id"] for requisite in own_requisites]
        shown[company["originId"]] = _shown_company(
            company,
            own_requisites,
            [account for requisite_id in ids for account in accounts[requisite_id]],
            [address for requisite_id in ids for address in addresses[requisite_id]],
        )
    return shown


def _shown_company(
    company: Row, requisites: list[Row], accounts: list[Row], addresses: list[Row]
) -> Shown:
    """Puts a company's records together, and asserts that its requisites agree with it."""
    tin = company["originId"]
    assert {requisite["RQ_INN"] for requisite in requisites} == {tin}
    assert {requisite["NAME"] for requisite in requisites} == {company["title"]}
    for requisite in requisites:
        suffix = f"-{requisite['RQ_KPP']}" if requisite["RQ_KPP"] else ""
        assert requisite["XML_ID"] == f"svod-{tin}{suffix}"
    kpps = [requisite["RQ_KPP"] or "" for requisite in requisites]
    [ogrn] = {requisite["RQ_OGRNIP"] or requisite["RQ_OGRN"] or "" for requisite in requisites}
    return Shown(
        company["title"],
        tin,
        kpps[0],
        frozenset(filter(None, kpps)),
        ogrn,
        tuple(map(_address, addresses)),
        frozenset((account["RQ_BIK"], account["RQ_ACC_NUM"]) for account in accounts),
    )


def unlike(whole: "Content", stepwise: "Content", merged: Collection[str] = ()) -> list[Any]:
    """Returns the records that differ between two CRMs, except in ids and order.

    A field that is empty in ``whole`` may keep an earlier value in ``stepwise``: no load empties a
    field.
    """
    expected, actual = content(*whole), content(*stepwise, merged)
    return [
        (key, expected.get(key), actual.get(key))
        for key in expected.keys() | actual.keys()
        if not _agree(expected.get(key), actual.get(key))
    ]


def _agree(expected: tuple[Any, ...] | None, actual: tuple[Any, ...] | None) -> bool:
    if expected is None or actual is None:
        return False
    return all(
        value == actual_value or not value
        for value, actual_value in zip(expected, actual, strict=True)
    )


Content = tuple[Bitrix24, Any]
"""A portal, and a function that runs a query on its ledger, which knows each person's rows."""


def content(
    portal: Bitrix24, query: Any, merged: Collection[str] = ()
) -> dict[Any, tuple[Any, ...]]:
    """Returns the fields of companies by TIN, and of contacts by the rows of the person."""
    companies = portal.companies()
    tin_of = {company["id"]: company["originId"] for company in companies}
    contacts = [contact for contact in portal.contacts() if contact["originId"] not in merged]
    members: dict[str, set[str]] = defaultdict(set)
    for key, source, source_id in query(
        "SELECT members.key, source, source_id FROM members WHERE kind = 'contact'"
    ):
        members[key].add(f"{source}:{source_id}")
    shown = shown_companies(portal)
    records: dict[Any, tuple[Any, ...]] = {
        company["originId"]: (*shown[company["originId"]], *_by_type(company))
        for company in companies
    }
    for contact in contacts:
        records[frozenset(members[contact["originId"]])] = (
            *(contact[name] for name in ("lastName", "name", "secondName", "post")),
            *_by_type(contact),
            {tin_of[company] for company in contact["companyIds"]},
        )
    assert len(records) == len(companies) + len(contacts)
    return records


def _by_type(item: Mapping[str, Any]) -> list[set[str]]:
    values = _values(item)
    return [
        {value for value_type, value in values if value_type == type_id}
        for type_id in ("PHONE", "EMAIL", "WEB")
    ]


def _judge_people(
    world: World,
    truths: list[Outcome],
    ends: Mapping[judge.RowId, list[judge.End]],
    contacts: list[dict[str, Any]],
) -> Iterator[str]:
    """Reports contacts that lack a mobile number of one of their rows."""
    numbers = {
        contact["originId"]: {value.partition(";")[0] for _, value in _values(contact)}
        for contact in contacts
    }
    damaged_ids = _damaged_phones(world)
    for truth in truths:
        if truth.kind == "contact" and truth.outcome == GOLDEN and truth.person is not None:
            if truth.source == "A" and truth.source_id in damaged_ids:
                continue
            mobiles = _mobiles(world.identities.person(truth.person), truth)
            for end in ends.get(judge.row_id(truth), []):
                for name in sorted(mobiles):
                    if mobiles[name] not in numbers.get(end.key, ()):
                        yield f"contact {end.key} lacks the {name} number of its row {truth}"


def _mobiles(person: TruePerson, truth: Outcome) -> dict[str, str]:
    """Returns the mobiles that the row shows, by the name of their evidence."""
    mobiles = {"mobile": f"+7{person.mobile}", "second_mobile": f"+7{person.second_mobile}"}
    return {name: number for name, number in mobiles.items() if name in truth.evidence}


def _damaged_phones(world: World) -> set[str]:
    """Returns the ids of store A's contacts whose phones have lost a dash.

    Windows-1251 lacks some dashes: the store holds question marks in their place.
    """
    return {
        str(row[0])
        for row in world.a.contact_rows()
        if isinstance(row[6], bytes) and b"?" in row[6]
    }


def _values(item: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((value["typeId"], value["value"]) for value in item["fm"])


def _address(address: Mapping[str, Any]) -> tuple[str, str, str, str]:
    assert address["TYPE_ID"] == 6
    return address["ADDRESS_1"], address["CITY"], address["POSTAL_CODE"], address["REGION"]


def _by_owner(records: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    by_owner = defaultdict(list)
    for record in records:
        by_owner[int(record["ENTITY_ID"])].append(record)
    return by_owner


def _digits(value: Any) -> str:
    return re.sub(r"\s", "", value) if isinstance(value, str) else ""


def _rows_of_a(world: World) -> dict[str, TypedNumbers]:
    """Returns KPP and bank accounts as typed, by the row's id."""
    rows = {}
    for row in world.a.company_rows():
        kpp, bik, account = (
            cell.decode("cp1251") if isinstance(cell, bytes) else None
            for cell in (row[2], row[8], row[9])
        )
        rows[str(row[0])] = kpp, [(bik, account)]
    return rows


def _rows_of_b(world: World) -> dict[str, TypedNumbers]:
    """Returns KPP and bank accounts as typed, by the number of the partner's newest version."""
    newest: dict[str, tuple[float, Any]] = {}
    for partner in world.b.partners():
        changed = partner["changed_at"]
        changed_at = 0.0
        if changed:
            changed_at = datetime.fromisoformat(changed.replace("Z", "+00:00")).timestamp()
        known_at = newest.get(partner["partner"], (-1.0,))[0]
        if str(partner["category"]) == "2" and known_at < changed_at:
            newest[partner["partner"]] = changed_at, partner
    return {
        number: (_kpp(partner), _banks(partner.get("bankdetails")))
        for number, (_, partner) in newest.items()
    }


def _kpp(partner: Mapping[str, Any]) -> Any:
    numbers = partner.get("taxnumbers")
    entries = numbers if isinstance(numbers, list) else []
    return next(
        (
            entry["number"]
            for entry in entries
            if isinstance(entry, dict) and entry.get("type") == "KPP"
        ),
        None,
    )


def _banks(value: Any) -> list[tuple[Any, Any]]:
    entries = value if isinstance(value, list) else []
    return [
        (entry.get("bik"), entry.get("account")) for entry in entries if isinstance(entry, dict)
    ]
