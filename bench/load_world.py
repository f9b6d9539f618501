"""Golden records to load, and how the records in the portal differ from them."""

from collections import Counter
from collections.abc import Iterable, Sequence
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

Golden = GoldenCompany | GoldenContact


class Records(NamedTuple):
    """The records of one load."""

    companies: list[GoldenCompany]
    contacts: list[GoldenContact]


def records_of(scale: float) -> Records:
    """Makes companies with a requisite, an address and a bank account, and their contacts."""
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


def put_pending(ledger: Ledger, records: Records) -> Run:
    """Puts the records into a ledger as pending; returns the run."""
    run = start_run(ledger, "full")

    def put(connection: Connection) -> None:
        by_kind: dict[str, Sequence[Golden]] = {
            COMPANY: records.companies,
            CONTACT: records.contacts,
        }
        for kind, golden_records in by_kind.items():
            for chunk in chunks(golden_records, 5000):
                goldens_of_chunk = [
                    goldens.NewGolden(_key(record), record, {}, []) for record in chunk
                ]
                goldens.save_goldens(connection, run, kind, goldens_of_chunk, {}, {})
        links = [{"tin": contact.tins[0], "key": contact.key} for contact in records.contacts]
        connection.execute(schema.golden_tins.insert(), links)

    ledger.transact(put)
    return run


def _key(record: Golden) -> str:
    return record.tin if isinstance(record, GoldenCompany) else record.key


def differences(portal: Bitrix24, records: Records, refused: Iterable[str]) -> int:
    """Counts the records that the portal lacks, holds twice, or holds with wrong values.

    Records whose key is in ``refused`` must be absent, and so must contacts of such companies.
    """
    bad = set(refused)
    expected: Counter[tuple[object, ...]] = Counter()
    for company in records.companies:
        if company.tin not in bad:
            expected[company.tin, company.title, company.phones] += 1
            expected["requisite", company.tin, company.kpps] += 1
            expected["address", company.tin, company.address.text] += 1
            expected["bank", company.tin, company.accounts[0].account] += 1
    for contact in records.contacts:
        if bad.isdisjoint((contact.key, *contact.tins)):
            expected[contact.key, contact.first_name, contact.tins, contact.phones] += 1
    loaded = _loaded_records(portal)
    return sum(((expected - loaded) + (loaded - expected)).values())


def _loaded_records(portal: Bitrix24) -> Counter[tuple[object, ...]]:
    tins = {row["id"]: row["originId"] for row in portal.companies()}
    owners = {row["id"]: tins[row["ENTITY_ID"]] for row in portal.requisites()}
    counts: Counter[tuple[object, ...]] = Counter()
    for row in portal.companies():
        counts[row["originId"], row["title"], _values(row["fm"])] += 1
    for row in portal.contacts():
        company_tins = tuple(tins[company_id] for company_id in row["companyIds"] or ())
        counts[row["originId"], row["name"], company_tins, _values(row["fm"])] += 1
    for row in portal.requisites():
        counts["requisite", owners[row["id"]], (row["RQ_KPP"],)] += 1
    for row in portal.addresses():
        counts["address", owners[row["ENTITY_ID"]], row["ADDRESS_1"]] += 1
    for row in portal.bank_details():
        counts["bank", owners[row["ENTITY_ID"]], row["RQ_ACC_NUM"]] += 1
    return counts


def _values(fm: list[dict[str, str]] | None) -> tuple[str, ...]:
    return tuple(value["value"] for value in fm or ())
