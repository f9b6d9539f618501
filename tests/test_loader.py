"""The loader at the strict local Bitrix24: what it creates, changes, and leaves alone."""

import json
from collections.abc import Iterable, Iterator
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
    picture,
    values,
)
from transforms.core.records import Address, BankAccount
from transforms.crm.api.client import CrmClient
from transforms.crm.errors import CrmUnavailable, Refused, Stop
from transforms.ledger import schema
from transforms.ledger.database import Ledger, open_ledger

NOTHING_NEW = {"company": {"unchanged": 2}, "contact": {"unchanged": 2}}
CREATED = {"company": {"created": 2}, "contact": {"created": 2}}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def portal() -> Iterator[Bitrix24]:
    with Bitrix24(limits=False) as portal:
        yield portal
        assert portal.state.duplicates("companies") == portal.state.duplicates("contacts") == {}


def rejected(ledger: Ledger) -> list[tuple[str, str, str, Any]]:
    with ledger.read() as connection:
        table = schema.rejected.c
        query = sa.select(table.kind, table.key, table.reason, table.record).order_by(table.key)
        return [(*row[:3], json.loads(row[3])) for row in connection.execute(query)]


def deferred(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.read() as connection:
        table = schema.deferred.c
        query = sa.select(table.kind, table.source_id, table.reason)
        return sorted(map(tuple, connection.execute(query)))


def test_everything_of_a_record_is_there_exactly_once(ledger: Ledger, portal: Bitrix24) -> None:
    assert bring(ledger, portal, RECORDS) == CREATED
    full_name = FULL.full_name
    company = ("#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#", "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#")
    assert picture(portal) == {
        "companies": [
            (SIDORKIN, "ИП Сидоркин", ()),
            (
                ROMASHKA,
                "ООО «Ромашка»",
                (
                    ("EMAIL", "WORK", "info@romashka.example"),
                    ("PHONE", "MOBILE", "+79211234567"),
                    ("PHONE", "WORK", "+78121234567;ext=12"),
                    ("WEB", "WORK", "romashka.example"),
                ),
            ),
        ],
        "contacts": [
            (
                *("A-17", "Иванов", "Пётр", "Сергеевич", "Директор"),
                (
                    ("EMAIL", "WORK", "ivanov@romashka.example"),
                    ("PHONE", "MOBILE", "+79211234567"),
                ),
                (ROMASHKA,),
            ),
            ("B-5", "Сидоркин", "Лев", "", "", (), (SIDORKIN, ROMASHKA)),
        ],
        "requisites": [
            (
                *(SIDORKIN, company[1], "svod-500000000100", "ИП Сидоркин", SIDORKIN, "", ""),
                *("320000000000040", "ИП Сидоркин", "", ""),
            ),
            *(
                (
                    *(ROMASHKA, company[0], f"svod-{ROMASHKA}-{kpp}", "ООО «Ромашка»", ROMASHKA),
                    *(kpp, "1197847066020", "", "ООО «Ромашка»", full_name),
                    "Иванов Пётр Сергеевич",
                )
                for kpp in FULL.kpps
            ),
        ],
        "addresses": [
            (
                *(f"svod-{ROMASHKA}-780501001", "6", "8", FULL.address.text),
                *("Санкт-Петербург", "198096", "Санкт-Петербург"),
            )
        ],
        "bank_details": [
            (
                *(f"svod-{ROMASHKA}-780501001", "svod-049805746-40602810700000000025", "1"),
                *("ПАО «Банк»", "ПАО «Банк»", "049805746", "40602810700000000025"),
                "30101810400000000225",
            )
        ],
    }
    with ledger.read() as connection:
        crosswalk = {
            (row.key, row.crm_id, row.version)
            for row in connection.execute(sa.select(schema.crosswalk))
        }
        golden = dict(
            connection.execute(sa.select(schema.golden.c.key, schema.golden.c.version)).all()
        )
    items = [*portal.companies(), *portal.contacts()]
    assert {row["originatorId"] for row in items} == {"svod"}
    assert crosswalk == {(row["originId"], row["id"], row["originVersion"]) for row in items}
    assert {key: version for key, _, version in crosswalk} == golden
    assert portal.stats.violations == {}
    assert deferred(ledger) == rejected(ledger) == []


def test_a_second_load_sends_nothing(ledger: Ledger, portal: Bitrix24) -> None:
    bring(ledger, portal, RECORDS)
    requests = portal.stats.requests
    assert bring(ledger, portal, RECORDS) == NOTHING_NEW
    assert portal.stats.requests == requests


def test_an_update_sends_only_what_the_stores_have_changed(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, RECORDS)
    company_id = portal.find("companies", "originId", ROMASHKA)[0]["id"]
    contact_id = portal.find("contacts", "originId", "A-17")[0]["id"]
    portal.edit("companies", company_id, {"title": "Наш лучший клиент", "comments": "не звонить"})
    portal.edit("contacts", contact_id, {"post": "Генеральный", "name": "Петя"})
    (requisite, _) = portal.find("requisites", "ENTITY_ID", company_id)
    portal.edit("requisites", requisite["id"], {"RQ_DIRECTOR": "Иванов П. С. (правка)"})
    moved = Address(
        "190000, г. Санкт-Петербург, Невский пр., д. 1", "190000", "", "Санкт-Петербург"
    )
    changes = (
        changed(FULL, ogrn="1027700132195", address=moved),
        PLAIN,
        changed(IVANOV, last_name="Иванов-Петров"),
        BOTH,
    )
    assert bring(ledger, portal, changes) == {
        "company": {"updated": 1, "unchanged": 1},
        "contact": {"updated": 1, "unchanged": 1},
    }
    (company,) = portal.find("companies", "originId", ROMASHKA)
    assert (company["title"], company["comments"]) == ("Наш лучший клиент", "не звонить")
    (contact,) = portal.find("contacts", "originId", "A-17")
    assert (contact["lastName"], contact["name"], contact["post"]) == (
        "Иванов-Петров",
        "Петя",
        "Генеральный",
    )
    (requisite, other) = portal.find("requisites", "ENTITY_ID", company_id)
    assert requisite["RQ_OGRN"] == other["RQ_OGRN"] == "1027700132195"
    assert requisite["RQ_DIRECTOR"] == "Иванов П. С. (правка)"
    (address,) = portal.addresses()
    assert (address["ADDRESS_1"], address["POSTAL_CODE"]) == (moved.text, "190000")
    assert address["REGION"] == "Санкт-Петербург"
    assert portal.stats.violations == {}


def test_phones_are_changed_one_by_one_and_those_of_people_stay(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [changed(FULL, phones=("+78120000001", "+78120000002"))])
    (row,) = portal.companies()
    added = [{"typeId": "PHONE", "valueType": "WORK", "value": f"+7812000000{n}"} for n in (3, 4)]
    portal.edit("companies", row["id"], {"fm": [*row["fm"], *added]})
    # 1 is lost in the stores, 3 is there already (somebody was faster), 5 is new.
    stores = ("+78120000002", "+78120000003", "+78120000005")
    bring(ledger, portal, [changed(FULL, phones=stores)])
    expected = [f"+7812000000{n}" for n in (2, 3, 4, 5)]
    assert values(portal, "companies", ROMASHKA, "PHONE") == expected
    # Known nowhere any more: a field is never emptied, but it is not forgotten whose they were.
    bring(ledger, portal, [changed(FULL, phones=())])
    assert values(portal, "companies", ROMASHKA, "PHONE") == expected
    bring(ledger, portal, [changed(FULL, phones=("+78120000006",))])
    assert values(portal, "companies", ROMASHKA, "PHONE") == ["+78120000004", "+78120000006"]
    assert values(portal, "companies", ROMASHKA, "EMAIL") == ["info@romashka.example"]
    assert portal.stats.violations == {}


def test_a_phone_that_a_person_removed_or_changed_is_not_brought_back(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [changed(FULL, phones=("+78120000001", "+78120000002"))])
    (row,) = portal.companies()
    kept = [value for value in row["fm"] if value["value"] != "+78120000001"]
    for value in kept:
        value["value"] = value["value"].replace("+78120000002", "+78120000009")
    portal.edit("companies", row["id"], {"fm": kept})
    stores = ("+78120000001", "+78120000003")
    bring(ledger, portal, [changed(FULL, phones=stores)])
    assert values(portal, "companies", ROMASHKA, "PHONE") == ["+78120000009", "+78120000003"]


def test_links_are_added_and_never_wiped(ledger: Ledger, portal: Bitrix24) -> None:
    bring(ledger, portal, [FULL, PLAIN, changed(BOTH, tins=(SIDORKIN,))])
    theirs = portal.add("companies", {"title": "Завели сами"})
    (contact,) = portal.contacts()
    portal.edit("contacts", contact["id"], {"companyIds": [theirs, *contact["companyIds"]]})
    assert bring(ledger, portal, [FULL, PLAIN, BOTH])["contact"] == {"updated": 1}
    ids = {row["originId"]: row["id"] for row in portal.companies()}
    assert portal.contacts()[0]["companyIds"] == [theirs, ids[SIDORKIN], ids[ROMASHKA]]
    # A link that a person has removed is not made again.
    portal.edit("contacts", contact["id"], {"companyIds": [ids[ROMASHKA]]})
    bring(ledger, portal, [FULL, PLAIN, changed(BOTH, first_name="Лев-Лёва")])
    assert portal.contacts()[0]["companyIds"] == [ids[ROMASHKA]]
    assert portal.stats.violations == {}


def test_a_new_kpp_is_a_new_requisite_with_its_address_and_the_account_stays(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [changed(FULL, kpps=("780501001",))])
    moved = Address("101000, г. Москва, ул. Мясницкая, д. 1", "101000", "Москва", "Москва")
    second = BankAccount("044525225", "40702810938000060473")
    now = changed(FULL, kpps=("770101001",), address=moved, accounts=(ACCOUNT, second))
    assert bring(ledger, portal, [now])["company"] == {"updated": 1}
    old, new = (f"svod-{ROMASHKA}-{kpp}" for kpp in ("780501001", "770101001"))
    crm = picture(portal)
    assert [row[2] for row in crm["requisites"]] == [new, old]
    assert [(row[0], row[3]) for row in crm["addresses"]] == [
        (new, moved.text),
        (old, FULL.address.text),
    ]
    assert [(row[0], row[6]) for row in crm["bank_details"]] == [
        (new, second.account),
        (old, ACCOUNT.account),
    ]
    assert portal.stats.violations == {}


def test_60_branches_and_accounts_are_found_again_after_the_ledger_was_lost(
    tmp_path: Path, ledger: Ledger, portal: Bitrix24
) -> None:
    kpps = tuple(f"7805010{n:02}" for n in range(60))
    accounts = tuple(BankAccount("049805746", f"406028107000000000{n:02}") for n in range(60))
    many = changed(FULL, kpps=kpps, accounts=accounts)
    bring(ledger, portal, [many])
    anew = open_ledger(f"sqlite:///{tmp_path}/anew.db")
    # Its address was sent once more, and refused.
    assert bring(anew, portal, [many])["company"] == {"updated": 1}
    anew.close()
    assert (len(portal.requisites()), len(portal.bank_details())) == (60, 60)


@pytest.mark.parametrize(
    ("fault", "lost", "payload"),
    [
        (Fault("refuse", method="crm.item.batchImport", origins=frozenset({ROMASHKA})), 1, "title"),
        (Fault("refuse", method="crm.requisite.add", origins=frozenset({ROMASHKA})), 0, "RQ_INN"),
        (Fault("refuse", method="crm.requisite.bankdetail.add"), 0, "RQ_BIK"),
    ],
)
def test_a_refused_record_holds_up_nobody(
    ledger: Ledger, portal: Bitrix24, fault: Fault, lost: int, payload: str
) -> None:
    companies = [changed(PLAIN, tin=f"5000000{n:05}") for n in range(30)]
    records = [FULL, PLAIN, *companies, IVANOV, BOTH]
    portal.faults.set([fault])
    assert bring(ledger, portal, records)["company"] == {"rejected": 1, "created": 31}
    (refusal,) = [row for row in rejected(ledger) if row[0] == "company"]
    assert refusal[1] == ROMASHKA
    assert payload in refusal[3]
    assert len(portal.companies()) == 32 - lost
    requests = portal.stats.requests
    bring(ledger, portal, records)
    assert portal.stats.requests == requests  # nothing is sent again
    # It is taken up when its source changes, and its contacts follow.
    portal.faults.set([])
    records[0] = changed(FULL, title="ООО «Ромашка-2»")
    bring(ledger, portal, records)
    assert rejected(ledger) == []
    assert picture(portal)["requisites"][-1][3] == "ООО «Ромашка-2»"
    assert len(portal.bank_details()) == 1
    assert [row[-1] for row in picture(portal)["contacts"]] == [(ROMASHKA,), (SIDORKIN, ROMASHKA)]
    assert portal.stats.violations == {}


def test_a_request_that_is_refused_as_a_whole_is_sent_record_by_record(
    ledger: Ledger, portal: Bitrix24, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portal should say of each record what is wrong with it; this one does not."""
    call, batch = CrmClient.call, CrmClient.batch

    def strict_call(self: CrmClient, method: str, params: Any, *, writes: bool) -> Any:
        of_part = method == "crm.requisite.add" and "Сидоркин-8" in str(params)
        if "Сидоркин-7" in str(params) or of_part:
            raise Refused("", "Что-то не так")
        return call(self, method, params, writes=writes)

    def strict_batch(self: CrmClient, commands: Any, *, writes: bool) -> Any:
        if writes and "Сидоркин-8" in str(commands):
            raise Refused("", "Что-то не так")
        return batch(self, commands, writes=writes)

    monkeypatch.setattr(CrmClient, "call", strict_call)
    monkeypatch.setattr(CrmClient, "batch", strict_batch)
    many = [changed(PLAIN, tin=f"5000000{n:05}", title=f"ИП Сидоркин-{n}") for n in range(10)]
    assert bring(ledger, portal, many)["company"] == {"created": 8, "rejected": 2}
    assert [row[1:3] for row in rejected(ledger)] == [
        ("500000000007", "refused"),
        ("500000000008", "refused"),
    ]
    assert (len(portal.companies()), len(portal.requisites())) == (9, 8)


def test_a_contact_all_whose_companies_are_refused_says_so_and_comes_with_them(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.faults.set([Fault("refuse", origins=frozenset({ROMASHKA}))])
    assert bring(ledger, portal, RECORDS) == {
        "company": {"rejected": 1, "created": 1},
        "contact": {"rejected": 1, "created": 1},
    }
    assert [row[:3] for row in rejected(ledger)] == [
        ("company", ROMASHKA, "CRM_FIELD_ERROR_VALUE_NOT_VALID"),
        ("contact", "A-17", "company_rejected"),
    ]
    assert deferred(ledger) == []
    portal.faults.set([])
    better = changed(FULL, title="ООО «Ромашка-2»")
    assert bring(ledger, portal, [better, PLAIN, IVANOV, BOTH]) == {
        "company": {"created": 1, "unchanged": 1},
        "contact": {"created": 1, "updated": 1},
    }
    assert rejected(ledger) == []
    assert portal.stats.violations == {}


def test_an_item_that_a_person_deleted_is_reported_and_not_created_again(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, RECORDS)
    for kind, key in (("companies", ROMASHKA), ("contacts", "A-17")):
        portal.delete(kind, portal.find(kind, "originId", key)[0]["id"])
    changes = (
        changed(FULL, phones=("+78120000009",)),
        changed(PLAIN, title="ИП Сидоркин Л."),
        changed(IVANOV, position="Бухгалтер"),
        changed(BOTH, emails=("lev@sidorkin.example",)),
    )
    assert bring(ledger, portal, changes) == {
        "company": {"rejected": 1, "updated": 1},
        "contact": {"rejected": 1, "updated": 1},
    }
    assert [row[1:3] for row in rejected(ledger)] == [
        (ROMASHKA, "deleted_in_crm"),
        ("A-17", "deleted_in_crm"),
    ]
    assert len(portal.companies()) == len(portal.contacts()) == 1


def test_a_lost_ledger_doubles_nothing_and_sends_no_items(
    tmp_path: Path, ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, RECORDS)
    before, written = picture(portal), dict(portal.stats.written)
    anew = open_ledger(f"sqlite:///{tmp_path}/anew.db")
    assert bring(anew, portal, RECORDS)["contact"] == {"unchanged": 2}
    assert picture(portal) == before
    assert dict(portal.stats.written) == written
    assert bring(anew, portal, RECORDS) == NOTHING_NEW
    anew.close()


def test_a_lost_ledger_with_other_content_keeps_what_stands_there(
    tmp_path: Path, ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, [FULL, IVANOV])
    (row,) = portal.companies()
    portal.edit("companies", row["id"], {"title": "Правка"})
    anew = open_ledger(f"sqlite:///{tmp_path}/anew.db")
    changes = [
        changed(FULL, phones=("+78120000009",)),
        PLAIN,
        changed(IVANOV, tins=(ROMASHKA, SIDORKIN)),
    ]
    assert bring(anew, portal, changes) == {
        "company": {"created": 1, "updated": 1},
        "contact": {"updated": 1},
    }
    anew.close()
    assert portal.find("companies", "originId", ROMASHKA)[0]["title"] == "Правка"
    assert values(portal, "companies", ROMASHKA, "PHONE") == [*FULL.phones, "+78120000009"]
    assert picture(portal)["contacts"][0][-1] == (SIDORKIN, ROMASHKA)


def test_a_company_that_leaves_the_base_and_comes_back_is_the_same_item(
    ledger: Ledger, portal: Bitrix24
) -> None:
    bring(ledger, portal, RECORDS)
    gone = [PLAIN, changed(BOTH, tins=(SIDORKIN,))]
    assert bring(ledger, portal, gone) == {
        "company": {"unchanged": 1},
        "contact": {"updated": 1},
    }
    back = [changed(FULL, title="ООО «Ромашка-2»"), PLAIN, IVANOV, BOTH]
    assert bring(ledger, portal, back)["company"] == {"updated": 1, "unchanged": 1}
    assert len(portal.companies()) == len(portal.contacts()) == 2
    assert portal.find("companies", "originId", ROMASHKA)[0]["title"] == "ООО «Ромашка-2»"
    assert portal.stats.violations == {}


def test_a_refused_record_that_leaves_the_base_is_no_longer_rejected(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.faults.set([Fault("refuse", origins=frozenset({ROMASHKA}))])
    bring(ledger, portal, RECORDS)
    bring(ledger, portal, [PLAIN])
    assert rejected(ledger) == []
    portal.faults.set([])
    assert bring(ledger, portal, RECORDS)["company"] == {"created": 1, "unchanged": 1}


@pytest.mark.parametrize(
    "method", ["crm.item.batchImport", "crm.requisite.add", "batch", "crm.item.list"]
)
@pytest.mark.parametrize("kind", ["overload", "auth"])
def test_a_portal_that_stops_us_loses_nothing(
    ledger: Ledger, portal: Bitrix24, method: str, kind: Any
) -> None:
    portal.faults.set([Fault(kind, method=method)])
    run = hold(ledger, RECORDS)
    with pytest.raises(Stop):
        load(ledger, portal, run)
    assert deferred(ledger) == [
        ("company", SIDORKIN, "crm_not_reached"),
        ("company", ROMASHKA, "crm_not_reached"),
        ("contact", "A-17", "crm_not_reached"),
        ("contact", "B-5", "crm_not_reached"),
    ]
    portal.faults.set([])
    bring(ledger, portal, RECORDS)
    assert deferred(ledger) == []
    assert len(portal.companies()) == len(portal.contacts()) == 2
    assert portal.stats.violations == {}


def test_a_portal_that_is_away_defers_and_since_when_is_kept(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.faults.set([Fault("lost", moment="before")])
    for _ in range(2):
        with pytest.raises(CrmUnavailable):
            load(ledger, portal, hold(ledger, RECORDS))
        with ledger.write() as connection:
            assert len(set(connection.execute(sa.select(schema.deferred.c.since)).scalars())) == 1
            connection.execute(schema.deferred.update().values(since="2024-01-01T00:00:00Z"))
    portal.faults.set([Fault("lost", moment="before", skip=4)])
    with pytest.raises(CrmUnavailable):
        load(ledger, portal, hold(ledger, RECORDS))
    with ledger.read() as connection:
        assert set(connection.execute(sa.select(schema.deferred.c.since)).scalars()) == {
            "2024-01-01T00:00:00Z"
        }


def test_a_row_that_waits_for_the_register_too_keeps_that_reason(
    ledger: Ledger, portal: Bitrix24
) -> None:
    run = hold(ledger, [FULL])
    with ledger.write() as connection:
        connection.execute(
            schema.deferred.insert().values(
                kind="company", source="A", source_id=ROMASHKA, tin=ROMASHKA,
                reason="register_no_answer", since="2024-01-01T00:00:00Z",
            )
        )  # fmt: skip
    portal.faults.set([Fault("overload")])
    with pytest.raises(Stop):
        load(ledger, portal, run)
    assert deferred(ledger) == [("company", ROMASHKA, "register_no_answer")]


def test_texts_that_are_long_strange_or_look_like_code(ledger: Ledger, portal: Bitrix24) -> None:
    long = changed(
        FULL,
        title="ООО «" + "Ж" * 400 + "»",
        full_name="О" * 400,
        director="Д" * 400,
        address=Address("А" * 400, "1" * 40, "Р" * 400, "Г" * 400),
        accounts=(changed(ACCOUNT, bank="Б" * 400),),
    )
    strange = changed(
        PLAIN, title='ИП $result[c0001][id] & "Ё" 😀 %5B\\', emails=("$result@x.example",)
    )
    person = changed(
        IVANOV, last_name="И" * 90, first_name="П" * 90, middle_name="С" * 90, position="Ю" * 400
    )
    assert bring(ledger, portal, [long, strange, person])["company"] == {"created": 2}
    shown = 'ИП ＄result[c0001][id] & "Ё" 😀 %5B\\'
    assert portal.find("companies", "originId", SIDORKIN)[0]["title"] == shown
    # What was created and what is updated do not differ, so nothing is added twice.
    strange = changed(strange, emails=("$result@x.example", "$total@x.example"))
    person = changed(person, first_name="$error[c1]")
    bring(ledger, portal, [long, strange, person])
    assert values(portal, "companies", SIDORKIN, "EMAIL") == [
        "＄result@x.example",
        "＄total@x.example",
    ]
    assert portal.contacts()[0]["name"] == "＄error[c1]"
    assert portal.stats.violations == {}


def test_a_person_known_by_a_middle_name_only_is_loaded(ledger: Ledger, portal: Bitrix24) -> None:
    person = changed(IVANOV, last_name="", first_name="", middle_name="Сергеевич")
    assert bring(ledger, portal, [FULL, person])["contact"] == {"created": 1}


def test_more_records_than_a_chunk(ledger: Ledger, portal: Bitrix24) -> None:
    companies = [changed(PLAIN, tin=f"5000000{n:05}") for n in range(620)]
    contacts = [changed(BOTH, key=f"B-{n}", tins=(companies[n].tin,)) for n in range(620)]
    assert bring(ledger, portal, [*companies, *contacts], workers=8) == {
        "company": {"created": 620},
        "contact": {"created": 620},
    }
    assert len(portal.requisites()) == 620
    assert portal.stats.violations == {}


def test_new_records_among_known_ones_need_no_request_more(tmp_path: Path) -> None:
    companies = [changed(PLAIN, tin=f"5000000{n:05}") for n in range(100)]
    known_companies = [changed(company, title="ИП Сидоркин Л.") for company in companies[::2]]

    def requests(folder: str, steps: Iterable[list[Any]]) -> int:
        ledger = open_ledger(f"sqlite:///{tmp_path}/{folder}.db")
        with Bitrix24(limits=False) as portal:
            bring(ledger, portal, companies[::2])
            before = portal.stats.requests
            for records in steps:
                bring(ledger, portal, records)
            ledger.close()
            assert [row["title"] for row in portal.companies()].count("ИП Сидоркин Л.") == 50
            assert len(portal.companies()) == 100
            return portal.stats.requests - before

    apart = requests("apart", [known_companies, [*known_companies, *companies[1::2]]])
    assert requests("together", [[*known_companies, *companies[1::2]]]) < apart
