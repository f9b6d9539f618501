"""Records that people have made, changed or deleted in the CRM stay as they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.bitrix24 import Bitrix24, Fault
from tests.helpers.golden_load import (
    ACCOUNT,
    BOTH,
    FULL,
    IVANOV,
    PLAIN,
    RECORDS,
    ROMASHKA,
    SIDORKIN,
    bring,
    changed,
    hold,
    load,
    values,
)
from transforms.core.records import Address
from transforms.crm.errors import RefusesAll, Stop
from transforms.ledger import schema
from transforms.ledger.database import Ledger, open_ledger

PRESET = "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def portal() -> Iterator[Bitrix24]:
    with Bitrix24(limits=False) as portal:
        yield portal
        assert portal.stats.violations == {}


def made_by_people(portal: Bitrix24, kpp: str | None = "780501001", **fields: Any) -> int:
    """A company with a requisite of Romashka's TIN, without any mark of ours."""
    company_id = portal.add("companies", {"title": "Ромашка (наша)", **fields})
    preset = next(row["ID"] for row in portal.state.presets if row["XML_ID"] == PRESET)
    portal.add(
        "requisites",
        {
            "ENTITY_TYPE_ID": 4,
            "ENTITY_ID": company_id,
            "PRESET_ID": int(preset),
            "NAME": "Реквизиты",
            "RQ_INN": ROMASHKA,
            "RQ_KPP": kpp,
        },
    )
    return company_id


def rejected(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.read() as connection:
        table = schema.rejected.c
        query = sa.select(table.kind, table.key, table.reason).order_by(table.kind, table.key)
        return [tuple(row) for row in connection.execute(query)]


def test_a_company_that_people_had_made_is_adopted(ledger: Ledger, portal: Bitrix24) -> None:
    phone = {"typeId": "PHONE", "valueType": "WORK", "value": FULL.phones[1]}
    company_id = made_by_people(portal, fm=[phone], comments="старый клиент")
    (requisite,) = portal.requisites()
    theirs = portal.add(
        "bank_details",
        {"ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite["id"], "NAME": "Основной",
         "RQ_BIK": ACCOUNT.bik, "RQ_ACC_NUM": ACCOUNT.account},
    )  # fmt: skip
    where = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite["id"]}
    portal.add("addresses", where | {"ADDRESS_1": "Как нам сказали по телефону"})
    assert bring(ledger, portal, [FULL, IVANOV]) == {
        "company": {"updated": 1},
        "contact": {"created": 1},
    }
    (company,) = portal.companies()
    assert (company["id"], company["title"], company["comments"]) == (
        company_id,
        "Ромашка (наша)",
        "старый клиент",
    )
    assert (company["originatorId"], company["originId"]) == ("svod", ROMASHKA)
    assert values(portal, "companies", ROMASHKA, "PHONE") == [FULL.phones[1], FULL.phones[0]]
    first, second = portal.requisites()
    assert (first["NAME"], first["RQ_KPP"], first["RQ_OGRN"]) == (
        "Реквизиты",
        "780501001",
        FULL.ogrn,
    )
    assert (second["XML_ID"], second["RQ_KPP"]) == (f"svod-{ROMASHKA}-784201001", "784201001")
    (account,) = portal.bank_details()
    assert (account["id"], account["NAME"], account["RQ_BANK_NAME"]) == (
        theirs,
        "Основной",
        ACCOUNT.bank,
    )
    (address,) = portal.addresses()
    assert (address["ADDRESS_1"], address["CITY"]) == ("Как нам сказали по телефону", None)
    assert portal.contacts()[0]["companyIds"] == [company_id]
    # From now on it is like any other: what the stores change is sent, what people changed is not.
    bring(ledger, portal, [changed(FULL, site="romashka2.example", ogrn="1027700132195"), IVANOV])
    assert values(portal, "companies", ROMASHKA, "WEB") == ["romashka2.example"]
    assert portal.companies()[0]["title"] == "Ромашка (наша)"
    assert {row["RQ_OGRN"] for row in portal.requisites()} == {"1027700132195"}
    requests = portal.stats.requests
    bring(ledger, portal, [changed(FULL, site="romashka2.example", ogrn="1027700132195"), IVANOV])
    assert portal.stats.requests == requests


def test_what_people_typed_in_another_writing_is_not_doubled(
    ledger: Ledger, portal: Bitrix24
) -> None:
    typed = {"PHONE": "8 (921) 123-45-67", "EMAIL": "Info@Romashka.Example",
             "WEB": "https://www.romashka.example/"}  # fmt: skip
    fm = [{"typeId": kind, "valueType": "WORK", "value": value} for kind, value in typed.items()]
    made_by_people(portal, fm=fm)
    bring(ledger, portal, [FULL])
    assert values(portal, "companies", ROMASHKA, "PHONE") == [typed["PHONE"], FULL.phones[0]]
    assert values(portal, "companies", ROMASHKA, "EMAIL") == [typed["EMAIL"]]
    assert values(portal, "companies", ROMASHKA, "WEB") == [typed["WEB"]]
    # Ours in another writing takes the place of ours; theirs stays.
    bring(ledger, portal, [changed(FULL, phones=("+79211234567", "+78120000003"))])
    assert values(portal, "companies", ROMASHKA, "PHONE") == [typed["PHONE"], "+78120000003"]


def test_our_site_in_another_writing_takes_the_place_of_ours(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [FULL])
    bring(ledger, portal, [changed(FULL, site="https://romashka.example")])
    assert values(portal, "companies", ROMASHKA, "WEB") == ["https://romashka.example"]


@pytest.mark.parametrize("copies", [3, 5])
def test_doubles_of_ours_never_hide_another_one(
    ledger: Ledger, portal: Bitrix24, copies: int
) -> None:
    companies = [changed(PLAIN, tin=f"5000000{n:05}") for n in range(30)]
    for company in companies:
        for _ in range(copies):
            mark = {"originatorId": "svod", "originId": company.tin}
            portal.add("companies", {"title": company.title, **mark})
    assert bring(ledger, portal, companies) == {"company": {"updated": 30}, "contact": {}}
    assert len(portal.companies()) == 30 * copies


def test_a_requisite_without_kpp_gets_it(ledger: Ledger, portal: Bitrix24) -> None:
    made_by_people(portal, kpp=None)
    bring(ledger, portal, [FULL])
    assert [row["RQ_KPP"] for row in portal.requisites()] == ["780501001", "784201001"]


def test_the_mark_of_another_program_stays(
    ledger: Ledger, portal: Bitrix24, tmp_path: Path
) -> None:
    company_id = made_by_people(portal, originatorId="1c", originId="00-0017")
    for site in ("romashka.example", "romashka2.example"):
        bring(ledger, portal, [changed(FULL, site=site)])
    anew = open_ledger(f"sqlite:///{tmp_path}/anew.db")
    bring(anew, portal, [FULL])
    anew.close()
    (company,) = portal.companies()
    assert [company[name] for name in ("id", "originatorId", "originId", "originVersion")] == [
        *(company_id, "1c", "00-0017", None)
    ]


def test_of_several_the_oldest_and_never_the_portals_own_firm_nor_a_contact(
    ledger: Ledger, portal: Bitrix24
) -> None:
    own = made_by_people(portal, isMyCompany="Y")
    oldest, other = made_by_people(portal), made_by_people(portal)
    person = portal.add("contacts", {"lastName": "Сидоркин"})
    portal.add(
        "requisites",
        {"ENTITY_TYPE_ID": 3, "ENTITY_ID": person, "NAME": "ИП", "RQ_INN": SIDORKIN},
    )
    assert bring(ledger, portal, [FULL, PLAIN])["company"] == {"updated": 1, "created": 1}
    marks = {row["id"]: row["originId"] for row in portal.companies()}
    assert marks == {own: None, oldest: ROMASHKA, other: None, max(marks): SIDORKIN}


def test_a_company_made_while_ours_was_in_doubt_is_adopted_as_it_is(
    ledger: Ledger, portal: Bitrix24, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.faults.set([Fault("lost", method="crm.item.batchImport", moment="before")])
    monkeypatch.setattr("transforms.crm.loading.loader._PASSES", 1)
    bring(ledger, portal, [FULL])
    portal.faults.set([])
    made_by_people(portal)
    assert bring(ledger, portal, [FULL])["company"] == {"updated": 1}
    assert [row["title"] for row in portal.companies()] == ["Ромашка (наша)"]
    assert values(portal, "companies", ROMASHKA, "PHONE") == list(FULL.phones)


def test_parts_that_a_person_deleted_stay_so(ledger: Ledger, portal: Bitrix24) -> None:
    bring(ledger, portal, RECORDS)
    (company,) = portal.find("companies", "originId", ROMASHKA)
    first, second = portal.find("requisites", "ENTITY_ID", company["id"])
    portal.delete("requisites", first["id"])
    moved = Address("101000, г. Москва", "101000", "Москва", "Москва")
    better = changed(FULL, ogrn="1027700132195", address=moved, director="Петров П. П.")
    for _ in range(2):
        counted = bring(ledger, portal, [better, PLAIN, IVANOV, BOTH])
        better = changed(better, full_name="Общество «Ромашка»")
        assert counted["company"] == {"updated": 1, "unchanged": 1}
    (requisite,) = portal.find("requisites", "ENTITY_ID", company["id"])
    assert (requisite["id"], requisite["RQ_OGRN"], requisite["RQ_COMPANY_FULL_NAME"]) == (
        second["id"],
        "1027700132195",
        "Общество «Ромашка»",
    )
    assert rejected(ledger) == []


def test_a_deleted_company_whose_requisites_changed_is_reported(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, RECORDS)
    portal.delete("companies", portal.find("companies", "originId", ROMASHKA)[0]["id"])
    bring(ledger, portal, [changed(FULL, kpps=("770101001",)), PLAIN, IVANOV, BOTH])
    assert rejected(ledger) == [("company", ROMASHKA, "deleted_in_crm")]
    assert [row["originId"] for row in portal.companies()] == [SIDORKIN]


def test_contacts_of_a_deleted_company_are_not_linked_to_nothing(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [FULL, PLAIN, changed(BOTH, tins=(SIDORKIN,))])
    portal.delete("companies", portal.find("companies", "originId", ROMASHKA)[0]["id"])
    assert bring(ledger, portal, RECORDS) == {
        "company": {"rejected": 1, "unchanged": 1},
        "contact": {"rejected": 1, "updated": 1},
    }
    assert rejected(ledger) == [
        ("company", ROMASHKA, "deleted_in_crm"),
        ("contact", "A-17", "company_rejected"),
    ]
    (sidorkin,) = portal.companies()
    assert [row["companyIds"] for row in portal.contacts()] == [[sidorkin["id"]]]


REFUSING = pytest.mark.parametrize(
    "method", ["crm.item.batchImport", "crm.requisite.add", "crm.item.update"]
)


def all_refused(ledger: Ledger, portal: Bitrix24, method: str, count: int) -> list[Any]:
    """Companies to be brought, for each of which the portal refuses ``method``."""
    companies = [changed(PLAIN, tin=f"5000000{n:05}") for n in range(count)]
    if method == "crm.item.update":
        bring(ledger, portal, companies)
        companies = [changed(company, title="ИП Новый") for company in companies]
    portal.faults.set([Fault("refuse", method=method, code="ERROR_FIELD")])
    return companies


@REFUSING
def test_a_portal_that_refuses_everything_stops_the_run(
    ledger: Ledger, portal: Bitrix24, method: str
) -> None:
    companies = all_refused(ledger, portal, method, 250)
    with pytest.raises(RefusesAll) as caught:
        load(ledger, portal, hold(ledger, companies), workers=2)
    assert str(caught.value) == (
        f"The CRM refuses every record in {method}: ERROR_FIELD Запись не принята. Check the"
        " webhook's rights, the fields that the portal requires, and its requisite presets;"
        " then run again."
    )
    assert portal.stats.refused["ERROR_FIELD"] <= 200
    assert rejected(ledger) == []
    portal.faults.set([])
    load(ledger, portal, hold(ledger, companies), settle=0.01)
    assert len(portal.companies()) == len(portal.requisites()) == 250


@REFUSING
def test_a_portal_that_refuses_the_few_records_of_a_run_stops_it_too(
    ledger: Ledger, portal: Bitrix24, method: str
) -> None:
    companies = all_refused(ledger, portal, method, 6)
    with pytest.raises(RefusesAll, match=f"refuses every record in {method}: ERROR_FIELD"):
        bring(ledger, portal, companies)
    assert rejected(ledger) == []
    # If one company is accepted, it is the other records' fault.
    portal.faults.set(
        [
            Fault(
                "refuse", method=method, origins=frozenset(company.tin for company in companies[1:])
            )
        ]
    )
    bring(ledger, portal, companies)
    assert [key for _, key, _ in rejected(ledger)] == [company.tin for company in companies[1:]]


def test_a_missing_right_that_is_told_item_by_item_stops_the_run(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.faults.set([Fault("refuse", method="crm.item.batchImport", code="ACCESS_DENIED")])
    with pytest.raises(Stop, match=r"give the webhook the right 'crm'"):
        bring(ledger, portal, RECORDS)
    assert rejected(ledger) == []
    portal.faults.set([])
    assert bring(ledger, portal, RECORDS) == {"company": {"created": 2}, "contact": {"created": 2}}
