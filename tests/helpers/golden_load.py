"""A strict local portal, a client without waits, and golden records put into the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from sandbox.bitrix24 import Bitrix24
from transforms.core.golden_records import GoldenCompany, GoldenContact
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT, Address, BankAccount
from transforms.crm.api.client import CrmClient
from transforms.crm.api.portal import Portal
from transforms.crm.card_settings import NO_SETTINGS, CardSettings
from transforms.crm.limits.request_rate import Limits
from transforms.crm.loading.loader import Loader
from transforms.ledger.base import goldens
from transforms.ledger.database import Ledger
from transforms.ledger.loads import results
from transforms.ledger.runs import start_run

SETTLE = 0.2
ROMASHKA, SIDORKIN = "7805746764", "500000000100"

ACCOUNT = BankAccount("049805746", "40602810700000000025", "ПАО «Банк»", "30101810400000000225")
FULL = GoldenCompany(
    ROMASHKA,
    "ООО «Ромашка»",
    "Общество с ограниченной ответственностью «Ромашка»",
    ("780501001", "784201001"),
    "1197847066020",
    "Иванов Пётр Сергеевич",
    Address(
        "198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9",
        "198096",
        "Санкт-Петербург",
        "Санкт-Петербург",
    ),
    (ACCOUNT,),
    ("+78121234567;ext=12", "+79211234567"),
    ("info@romashka.example",),
    "romashka.example",
)
PLAIN = GoldenCompany(SIDORKIN, "ИП Сидоркин", ogrn="320000000000040")
IVANOV = GoldenContact(
    "A-17",
    "Иванов",
    "Пётр",
    "Сергеевич",
    "Директор",
    (ROMASHKA,),
    ("+79211234567",),
    ("ivanov@romashka.example",),
)
BOTH = GoldenContact("B-5", "Сидоркин", "Лев", tins=(SIDORKIN, ROMASHKA))
RECORDS = (FULL, PLAIN, IVANOV, BOTH)

Record = GoldenCompany | GoldenContact


def changed(record: Any, **values: Any) -> Any:
    return msgspec.structs.replace(record, **values)


CHANGED = (
    changed(
        FULL,
        title="ООО «Ромашка-2»",
        kpps=(*FULL.kpps, "770101001"),
        ogrn="1027700132195",
        phones=("+79211234567", "+78120000009"),
        address=Address("101000, г. Москва", "101000", "Москва", "Москва"),
        accounts=(*FULL.accounts, BankAccount("044525225", "40702810938000060473")),
    ),
    PLAIN,
    changed(IVANOV, emails=("p.ivanov@romashka.example",), tins=(FULL.tin, PLAIN.tin)),
    changed(BOTH, phones=("+79210000001",)),
)


def hold(ledger: Ledger, records: Iterable[Record]) -> Run:
    """Starts a run whose consolidation made exactly these records."""
    run = start_run(ledger, "full")

    def put(connection: Any) -> None:
        for kind, of_kind in ((COMPANY, GoldenCompany), (CONTACT, GoldenContact)):
            new_goldens = [
                goldens.NewGolden(_key(record), record, {}, [("A", _key(record))])
                for record in records
                if isinstance(record, of_kind)
            ]
            table = goldens.schema.golden
            query = table.select().with_only_columns(table.c.key).where(table.c.kind == kind)
            keys = list(connection.execute(query).scalars())
            stored_goldens = goldens.stored_goldens(connection, kind, keys)
            members = goldens.members_of(connection, kind, keys)
            goldens.save_goldens(connection, run, kind, new_goldens, stored_goldens, members)
        tins = goldens.schema.golden_tins
        connection.execute(tins.delete())
        links = [
            {"tin": tin, "key": record.key}
            for record in records
            if isinstance(record, GoldenContact)
            for tin in record.tins
        ]
        if links:
            connection.execute(tins.insert(), links)

    ledger.transact(put)
    return run


def _key(record: Record) -> str:
    return record.tin if isinstance(record, GoldenCompany) else record.key


@contextmanager
def client_of(portal: Bitrix24, waits: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Iterator[CrmClient]:
    limits = Limits(rate=1_000_000, burst=1_000, operating=1_000_000, window=0.6)
    with CrmClient(portal.webhook, limits, timeout=(5, 5), waits=waits) as client:
        yield client


def load(
    ledger: Ledger,
    portal: Bitrix24,
    run: Run,
    settle: float = SETTLE,
    workers: int = 1,
    cards: CardSettings = NO_SETTINGS,
) -> dict[str, Any]:
    """Loads the pending records as ``LoadCrm`` does; returns the numbers of the run."""
    with client_of(portal) as client:
        try:
            Loader(ledger, run, Portal(client, cards=cards), settle, workers).load()
        finally:
            ledger.transact(lambda connection: results.defer_unloaded(connection, run))
    return counts(ledger, run)


def counts(ledger: Ledger, run: Run) -> dict[str, Any]:
    """Returns ``{"company": {"created": 2}, "contact": {…}}``, without zeros."""
    with ledger.read() as connection:
        return {
            kind: {n: c for n, c in results.count_loads(connection, run, kind).items() if c}
            for kind in (COMPANY, CONTACT)
        }


def bring(
    ledger: Ledger,
    portal: Bitrix24,
    records: Iterable[Record],
    workers: int = 1,
    cards: CardSettings = NO_SETTINGS,
) -> dict[str, Any]:
    """Consolidates to these records and loads them."""
    return load(ledger, portal, hold(ledger, records), workers=workers, cards=cards)


def picture(portal: Bitrix24) -> dict[str, Any]:
    """Returns our records in the portal by our keys, without its ids and versions."""
    companies = {row["id"]: row["originId"] for row in portal.companies()}
    requisites = {row["id"]: row for row in portal.requisites()}
    presets = {int(preset["ID"]): preset["XML_ID"] for preset in portal.state.presets}
    return {
        "companies": sorted(_item(row, ["title"]) for row in portal.companies()),
        "contacts": sorted(
            (
                *_item(row, ["lastName", "name", "secondName", "post"]),
                tuple(sorted(companies[company_id] for company_id in row["companyIds"] or ())),
            )
            for row in portal.contacts()
        ),
        "requisites": sorted(
            (companies[row["ENTITY_ID"]], presets[row["PRESET_ID"]], *_texts(row, _REQUISITE))
            for row in requisites.values()
        ),
        "addresses": sorted(
            (requisites[row["ENTITY_ID"]]["XML_ID"], *_texts(row, _ADDRESS))
            for row in portal.addresses()
        ),
        "bank_details": sorted(
            (requisites[row["ENTITY_ID"]]["XML_ID"], *_texts(row, _BANK))
            for row in portal.bank_details()
        ),
    }


_REQUISITE = (
    *("XML_ID", "NAME", "RQ_INN", "RQ_KPP", "RQ_OGRN", "RQ_OGRNIP", "RQ_COMPANY_NAME"),
    *("RQ_COMPANY_FULL_NAME", "RQ_DIRECTOR"),
)
_ADDRESS = ("TYPE_ID", "ENTITY_TYPE_ID", "ADDRESS_1", "CITY", "POSTAL_CODE", "REGION")
_BANK = ("XML_ID", "COUNTRY_ID", "NAME", "RQ_BANK_NAME", "RQ_BIK", "RQ_ACC_NUM", "RQ_COR_ACC_NUM")


def _texts(row: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(row[name] or "") for name in names)


def _item(row: Mapping[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    entries = row["fm"] or ()
    values = sorted((entry["typeId"], entry["valueType"], entry["value"]) for entry in entries)
    return str(row["originId"]), *_texts(row, names), tuple(values)


def values(portal: Bitrix24, kind: str, key: str, type_id: str) -> list[str]:
    """Returns the phones, e-mails or sites of one item."""
    (row,) = portal.find(kind, "originId", key)
    return [value["value"] for value in row["fm"] or () if value["typeId"] == type_id]
