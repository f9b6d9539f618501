"""Golden records to be loaded, and what the portal has of them in the end."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.engine import Connection

from sandbox.bitrix24 import Bitrix24
from transforms.core.chunks import chunks
from transforms.core.golden_records import GoldenCompany, GoldenContact
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT, Address, BankAccount
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.database import Ledger
from transforms.ledger.runs import start_run

COMPANIES, CONTACTS = 170_000, 264_000


class Records(NamedTuple):
    """All that is to be loaded."""

    companies: list[GoldenCompany]
    contacts: list[GoldenContact]


def records_of(scale: float) -> Records:
    """Companies with a requisite, an address and a bank account each; contacts of one of them."""
    companies = [_company(number) for number in range(max(1, round(COMPANIES * scale)))]
    contacts = [
        GoldenContact(
            f"A-{number}",
            "Иванов",
            f"Пётр {number}",
            tins=(companies[number % len(companies)].tin,),
            phones=(f"+79{number:09}",),
        )
        for number in range(round(CONTACTS * scale))
    ]
    return Records(companies, contacts)


def _company(number: int) -> GoldenCompany:
    tin = f"78{number:08}"
    return GoldenCompany(
        tin,
        f"ООО «Ромашка {number}»",
        kpps=("780501001",),
        address=Address(f"г. Санкт-Петербург, д. {number}"),
        accounts=(BankAccount("049805746", f"407028{number:014}", "ПАО «Банк»"),),
        phones=(f"+7812{number:07}",),
    )


def hold(ledger: Ledger, records: Records) -> Run:
    """Put the records into a ledger, as pending."""
    run = start_run(ledger, "full")

    def put(connection: Connection) -> None:
        for kind, of_kind in ((COMPANY, records.companies), (CONTACT, records.contacts)):
            for chunk in chunks(of_kind, 5000):
                made = [goldens.NewGolden(_key(one), one, {}, []) for one in chunk]
                goldens.save_goldens(connection, run, kind, made, {}, {})
        links = [{"tin": one.tins[0], "key": one.key} for one in records.contacts]
        connection.execute(schema.golden_tins.insert(), links)

    ledger.transact(put)
    return run


def _key(record: GoldenCompany | GoldenContact) -> str:
    return record.tin if isinstance(record, GoldenCompany) else record.key


def differences(portal: Bitrix24, records: Records, refused: Iterable[str]) -> int:
    """How many records are missing, doubled, or not as they should be.

    Those that the portal refuses, and contacts of such companies only, have no place there.
    """
    bad = set(refused)
    wanted: Counter[tuple[object, ...]] = Counter()
    for company in records.companies:
        if company.tin not in bad:
            wanted[company.tin, company.title, company.phones] += 1
            wanted["requisite", company.tin, company.kpps] += 1
            wanted["address", company.tin, company.address.text] += 1
            wanted["bank", company.tin, company.accounts[0].account] += 1
    for one in records.contacts:
        if bad.isdisjoint((one.key, *one.tins)):
            wanted[one.key, one.first_name, one.tins, one.phones] += 1
    there = _there(portal)
    return sum(((wanted - there) + (there - wanted)).values())


def _there(portal: Bitrix24) -> Counter[tuple[object, ...]]:
    tins = {row["id"]: row["originId"] for row in portal.companies()}
    owners = {row["id"]: tins[row["ENTITY_ID"]] for row in portal.requisites()}
    found: Counter[tuple[object, ...]] = Counter()
    for row in portal.companies():
        found[row["originId"], row["title"], _values(row["fm"])] += 1
    for row in portal.contacts():
        of_companies = tuple(tins[one] for one in row["companyIds"] or ())
        found[row["originId"], row["name"], of_companies, _values(row["fm"])] += 1
    for row in portal.requisites():
        found["requisite", owners[row["id"]], (row["RQ_KPP"],)] += 1
    for row in portal.addresses():
        found["address", owners[row["ENTITY_ID"]], row["ADDRESS_1"]] += 1
    for row in portal.bank_details():
        found["bank", owners[row["ENTITY_ID"]], row["RQ_ACC_NUM"]] += 1
    return found


def _values(fm: list[dict[str, str]] | None) -> tuple[str, ...]:
    return tuple(one["value"] for one in fm or ())
