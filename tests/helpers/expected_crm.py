"""What the CRM must hold of a made-up world, told from the world's truth and its raw rows alone."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sandbox import judge
from sandbox.bitrix24 import Bitrix24
from sandbox.world import typed_numbers
from sandbox.world.identities import TrueCompany
from sandbox.world.truth import GOLDEN, Outcome
from sandbox.world.world import World

_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_MARKS = re.compile(r"[\s-]")
_SOLE = "ИП"


class Shown(NamedTuple):
    """A company as its records in the CRM show it, or should."""

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
    """All that is not as it should be, in sentences; nothing when all is.

    ``merged`` are keys of contacts that were two until more was known: they stay in the CRM.
    """
    truths = list(world.truth())
    ends = judge.ledger_ends(ledger)
    companies = portal.companies()
    contacts = [one for one in portal.contacts() if one["originId"] not in merged]
    tins = world.active_tins()
    found = [
        *judge.judge_rows(truths, ends),
        *judge.judge_companies(companies, portal.requisites(), tins),
        *judge.judge_contacts(contacts, companies, truths, ends),
        *_judge_people(world, truths, ends, contacts),
    ]
    expected, shown = expected_companies(world), shown_companies(portal)
    found += [
        f"company {tin} should be {expected[tin]}, is {shown.get(tin)}"
        for tin in expected
        if shown.get(tin) != expected[tin]
    ]
    return found + [f"the portal complains of {name}" for name in portal.stats.violations]


def expected_companies(world: World) -> dict[str, Shown]:
    """What each company that must be in the CRM should look like there, by TIN."""
    numbers = {world.identities.tin(n): n for n in range(world.sizes.companies)}
    facts: dict[str, list[tuple[Any, list[tuple[Any, Any]]]]] = defaultdict(list)
    raw = {"A": _rows_of_a(world), "B": _rows_of_b(world)}
    for truth in world.truth():
        if truth.kind == "company" and truth.outcome == GOLDEN:
            facts[truth.tins[0]].append(raw[truth.source][truth.source_id])
    return {
        tin: _expected(world.identities.company(numbers[tin]), told) for tin, told in facts.items()
    }


def _expected(company: TrueCompany, told: list[tuple[Any, list[tuple[Any, Any]]]]) -> Shown:
    kpps = {company.kpp} - {""}
    accounts = set()
    bik, account, _ = typed_numbers.bank_numbers(company.number, company.region.code)
    for kpp, banks in told:
        written = _MARKS.sub("", kpp) if isinstance(kpp, str) else ""
        if _KPP.fullmatch(written) and not company.individual:
            kpps.add(written)
        if any((_digits(one), _digits(other)) == (bik, account) for one, other in banks):
            accounts.add((bik, account))
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
        accounts=frozenset(accounts),
    )


def shown_companies(portal: Bitrix24) -> dict[str, Shown]:
    """Our companies by TIN, with their requisites, bank accounts and addresses."""
    requisites = _by_owner(portal.requisites())
    accounts, addresses = _by_owner(portal.bank_details()), _by_owner(portal.addresses())
    shown = {}
    for company in portal.companies():
        own = requisites[company["id"]]
        ids = [one["id"] for one in own]
        [tin] = {one["RQ_INN"] for one in own}
        [ogrn] = {one["RQ_OGRNIP"] or one["RQ_OGRN"] or "" for one in own}
        assert company["originId"] == tin
        assert {one["NAME"] for one in own} == {company["title"]}
        for one in own:
            suffix = f"-{one['RQ_KPP']}" if one["RQ_KPP"] else ""
            assert one["XML_ID"] == f"svod-{tin}{suffix}"
        shown[tin] = Shown(
            company["title"],
            tin,
            own[0]["RQ_KPP"] or "",
            frozenset(one["RQ_KPP"] for one in own if one["RQ_KPP"]),
            ogrn,
            tuple(_address(one) for number in ids for one in addresses[number]),
            frozenset(
                (one["RQ_BIK"], one["RQ_ACC_NUM"]) for number in ids for one in accounts[number]
            ),
        )
    return shown


def unlike(whole: "Content", other: "Content", merged: Collection[str] = ()) -> list[Any]:
    """Records that are not the same in both CRMs, ids and order apart.

    What ``other`` was told first and is not any more stays in its fields: nothing empties one.
    """
    mine, its = content(*whole), content(*other, merged)
    return [
        (key, mine.get(key), its.get(key))
        for key in mine.keys() | its.keys()
        if key not in mine
        or key not in its
        or any(one != another and one for one, another in zip(mine[key], its[key], strict=True))
    ]


Content = tuple[Bitrix24, Any]
"""A portal, and what answers a query to its ledger: which rows are one person is written there."""


def content(
    portal: Bitrix24, query: Any, merged: Collection[str] = ()
) -> dict[Any, tuple[Any, ...]]:
    """Fields of companies by TIN, of contacts by the rows that they are made of."""
    companies = portal.companies()
    tin_of = {company["id"]: company["originId"] for company in companies}
    contacts = [one for one in portal.contacts() if one["originId"] not in merged]
    members: dict[str, set[str]] = defaultdict(set)
    for key, source, source_id in query(
        "SELECT members.key, source, source_id FROM members WHERE kind = 'contact'"
    ):
        members[key].add(f"{source}:{source_id}")
    shown = shown_companies(portal)
    found: dict[Any, tuple[Any, ...]] = {
        company["originId"]: (*shown[company["originId"]], *_by_type(company))
        for company in companies
    }
    for contact in contacts:
        found[frozenset(members[contact["originId"]])] = (
            *(contact[name] for name in ("lastName", "name", "secondName", "post")),
            *_by_type(contact),
            {tin_of[company] for company in contact["companyIds"]},
        )
    assert len(found) == len(companies) + len(contacts)
    return found


def _by_type(item: Mapping[str, Any]) -> list[set[str]]:
    values = _values(item)
    return [{v for kind, v in values if kind == wanted} for wanted in ("PHONE", "EMAIL", "WEB")]


def _judge_people(
    world: World,
    truths: list[Outcome],
    ends: Mapping[judge.RowId, list[judge.End]],
    contacts: list[dict[str, Any]],
) -> Iterator[str]:
    """Contacts that lack a mobile number which one of their rows shows."""
    held = {
        contact["originId"]: {value.partition(";")[0] for _, value in _values(contact)}
        for contact in contacts
    }
    # Windows-1251 has no sign for some dashes: the store holds a question mark in their place.
    spoilt = {
        str(row[0])
        for row in world.a.contact_rows()
        if isinstance(row[6], bytes) and b"?" in row[6]
    }
    for truth in truths:
        if truth.kind == "contact" and truth.outcome == GOLDEN and truth.person is not None:
            if truth.source == "A" and truth.source_id in spoilt:
                continue
            person = world.identities.person(truth.person)
            for end in ends.get(judge.row_id(truth), []):
                for name, number in (
                    ("mobile", person.mobile),
                    ("second_mobile", person.second_mobile),
                ):
                    if name in truth.evidence and f"+7{number}" not in held.get(end.key, ()):
                        yield f"contact {end.key} lacks the {name} number of its row {truth}"


def _values(item: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((one["typeId"], one["value"]) for one in item["fm"])


def _address(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
    assert one["TYPE_ID"] == 6
    return one["ADDRESS_1"], one["CITY"], one["POSTAL_CODE"], one["REGION"]


def _by_owner(records: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found = defaultdict(list)
    for record in records:
        found[int(record["ENTITY_ID"])].append(record)
    return found


def _digits(value: Any) -> str:
    return re.sub(r"\s", "", value) if isinstance(value, str) else ""


def _rows_of_a(world: World) -> dict[str, tuple[Any, list[tuple[Any, Any]]]]:
    """KPP and bank accounts as typed, by the row's id."""
    found = {}
    for row in world.a.company_rows():
        kpp, bik, account = (
            cell.decode("cp1251") if isinstance(cell, bytes) else None
            for cell in (row[2], row[8], row[9])
        )
        found[str(row[0])] = kpp, [(bik, account)]
    return found


def _rows_of_b(world: World) -> dict[str, tuple[Any, list[tuple[Any, Any]]]]:
    """The same, of each partner's newest version."""
    newest: dict[str, tuple[float, Any]] = {}
    for partner in world.b.partners():
        changed = partner["changed_at"]
        at = datetime.fromisoformat(changed.replace("Z", "+00:00")).timestamp() if changed else 0.0
        if str(partner["category"]) == "2" and newest.get(partner["partner"], (-1.0,))[0] < at:
            newest[partner["partner"]] = at, partner
    return {
        number: (_kpp(partner), _banks(partner.get("bankdetails")))
        for number, (_, partner) in newest.items()
    }


def _kpp(partner: Mapping[str, Any]) -> Any:
    numbers = partner.get("taxnumbers")
    told = numbers if isinstance(numbers, list) else []
    return next(
        (one["number"] for one in told if isinstance(one, dict) and one.get("type") == "KPP"), None
    )


def _banks(value: Any) -> list[tuple[Any, Any]]:
    told = value if isinstance(value, list) else []
    return [(one.get("bik"), one.get("account")) for one in told if isinstance(one, dict)]
