"""The portal's own fields: filled by their type, left to people, queued when they are others."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24 import Bitrix24, Fault
from tests.helpers.golden_load import (
    BOTH,
    FULL,
    IVANOV,
    PLAIN,
    ROMASHKA,
    SIDORKIN,
    bring,
    changed,
    client_of,
    hold,
    load,
)
from transforms.configuration.structs import CrmTable, ResponsibleRule
from transforms.core.errors import ConfigurationError
from transforms.core.records import COMPANY, Orders
from transforms.crm.api.portal import Portal
from transforms.crm.card_settings import CardSettings, card_settings
from transforms.crm.planner import Planner
from transforms.crm.reconciliation import CHANGED, Reconciliation
from transforms.ledger.base.answers import save_answers
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.card_facts import unfit_values_of
from transforms.register.answer import Answer

ORDERS = Orders(3, 123_456_50, "2024-03-02")
LOADED = changed(FULL, orders=ORDERS, stores=("A", "B"))
ANSWER = Answer(
    *(ROMASHKA, "active", "REORGANIZING"),
    director="Иванов Пётр",
    as_of=1_714_003_200_000_000,
    okved="46.90",
    since="2019-03-20",
)


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


def settings(
    company: dict[str, str] | None = None,
    contact: dict[str, str] | None = None,
    rules: Sequence[ResponsibleRule] = (),
    default_user: int = 0,
    language: str = "ru",
) -> CardSettings:
    table = CrmTable(company=company or {}, contact=contact or {}, responsible=list(rules))
    return card_settings(table, default_user, language)


def card(portal: Bitrix24, key: str = ROMASHKA, kind: str = "companies") -> dict[str, Any]:
    (row,) = portal.find(kind, "originId", key)
    return row


def answered(ledger: Ledger, *answers: Answer) -> None:
    ledger.transact(lambda connection: save_answers(connection, 1, answers))


def unfit(ledger: Ledger, key: str = ROMASHKA) -> list[tuple[str, str, str]]:
    with ledger.read() as connection:
        values = unfit_values_of(connection, COMPANY, [key])
    return [(value.field, value.value, value.problem) for value in values]


def test_each_value_takes_the_form_of_its_field(ledger: Ledger, portal: Bitrix24) -> None:
    for name, field_type in (
        *(("COUNT", "integer"), ("TOTAL", "double"), ("MONEY", "money"), ("LAST", "date")),
        *(("AT", "datetime"), ("CUSTOMER", "boolean"), ("SINCE", "string"), ("OKVED", "string")),
    ):
        portal.make_field("companies", f"UF_CRM_{name}", field_type)
    options = ("Действует", " РЕОРГАНИЗАЦИЯ ")
    portal.make_field("companies", "UF_CRM_STATUS", "enumeration", options=options)
    portal.make_field("companies", "UF_CRM_CODE", "enumeration", options=("active", "reorganizing"))
    portal.make_field("companies", "UF_CRM_KPP", multiple=True)
    portal.make_field("contacts", "UF_CRM_IDS")
    answered(ledger, ANSWER)
    cards = settings(
        {
            "ufCrmCount": "orders.count",
            "UF_CRM_TOTAL": "orders.total",
            "ufcrmmoney": "orders.total",
            "ufCrmLast": "orders.last_on",
            "ufCrmAt": "orders.last_on",
            "ufCrmCustomer": "orders.count",
            "ufCrmSince": "register.since",
            "ufCrmOkved": "register.okved",
            "ufCrmStatus": "register.status",
            "ufCrmCode": "register.status",
            "ufCrmKpp": "kpp",
        },
        {"ufCrmIds": "store_ids"},
    )
    bring(ledger, portal, [LOADED, IVANOV], cards=cards)
    row = card(portal)
    ids = {name: [n for n, _ in portal.state.fields["companies"][name].options] for name in row
           if name in ("ufCrmStatus", "ufCrmCode")}  # fmt: skip
    assert {name: row[name] for name in row if name.startswith("uf")} == {
        "ufCrmCount": 3,
        "ufCrmTotal": "123456.50",
        "ufCrmMoney": "123456.50|RUB",
        "ufCrmLast": "2024-03-02",
        "ufCrmAt": "2024-03-02T00:00:00+03:00",
        "ufCrmCustomer": "Y",
        "ufCrmSince": "2019-03-20",
        "ufCrmOkved": "46.90",
        "ufCrmStatus": ids["ufCrmStatus"][1],
        "ufCrmCode": ids["ufCrmCode"][1],
        "ufCrmKpp": ["780501001", "784201001"],
    }
    assert card(portal, "A-17", "contacts")["ufCrmIds"] == "A:A-17"
    with client_of(portal) as client:
        live = Portal(client, cards=cards)
        live.check()
        assert list(Reconciliation(ledger, live).findings()) == []
    assert unfit(ledger) == []


def test_what_does_not_fit_is_noted_and_the_field_left_alone(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.make_field("companies", "UF_CRM_NUMBER", "integer")
    portal.make_field("companies", "UF_CRM_STATUS", "enumeration", options=("Действует",))
    portal.make_field("companies", "UF_CRM_DAY", "date")
    answered(ledger, ANSWER)
    cards = settings(
        {"ufCrmNumber": "orders.total", "ufCrmStatus": "register.status", "ufCrmDay": "title"}
    )
    assert bring(ledger, portal, [LOADED], cards=cards) == {
        "company": {"created": 1},
        "contact": {},
    }
    row = card(portal)
    assert [row[name] for name in cards_names(cards)] == [None, None, None]
    assert unfit(ledger) == [
        ("ufCrmDay", LOADED.title, "not_a_date"),
        ("ufCrmNumber", "123456.50", "not_whole"),
        ("ufCrmStatus", "Реорганизация", "not_in_list"),
    ]
    # When the value fits, nothing is noted any more.
    answered(ledger, changed(ANSWER, status="ACTIVE", as_of=ANSWER.as_of + 1))
    orders = changed(ORDERS, total=100)
    bring(ledger, portal, [changed(LOADED, orders=orders)], cards=cards)
    assert card(portal)["ufCrmNumber"] == 1
    assert unfit(ledger) == [("ufCrmDay", LOADED.title, "not_a_date")]


def cards_names(cards: CardSettings) -> list[str]:
    return [name for name, _ in cards.company]


def test_all_that_is_wrong_with_the_fields_is_told_before_the_first_write(
    ledger: Ledger, portal: Bitrix24
) -> None:
    portal.make_field("companies", "UF_CRM_OKVED")
    portal.make_field("companies", "UF_CRM_SCAN", "file")
    cards = settings(
        {
            "ufCrmOkvd": "register.okved",
            "ufCrmScan": "title",
            "title": "full_name",
            "updatedTime": "register.since",
        },
        {"ufCrmNone": "position"},
    )
    run = hold(ledger, [LOADED, IVANOV])
    with pytest.raises(ConfigurationError) as caught:
        load(ledger, portal, run, cards=cards)
    message = str(caught.value)
    for text in (
        *("[crm.company] ufCrmOkvd: the portal's companies have no such field", "ufCrmOkved"),
        *("[crm.company] ufCrmScan: its type is file", "[crm.company] title: svod fills"),
        *("updatedTime: the portal lets nobody change", "[crm.contact] ufCrmNone"),
    ):
        assert text in message
    assert portal.companies() == []


def test_what_people_put_into_a_field_stays_theirs(ledger: Ledger, portal: Bitrix24) -> None:
    portal.make_field("companies", "UF_CRM_OKVED")
    portal.make_field("companies", "UF_CRM_SINCE", "date")
    answered(ledger, ANSWER)
    bring(ledger, portal, [LOADED, PLAIN])
    portal.edit("companies", card(portal)["id"], {"ufCrmOkved": "01.11 (мы знаем лучше)"})
    cards = settings({"ufCrmOkved": "register.okved", "ufCrmSince": "register.since"})
    load(ledger, portal, hold(ledger, [LOADED, PLAIN]), cards=cards)
    row = card(portal)
    assert (row["ufCrmOkved"], row["ufCrmSince"]) == ("01.11 (мы знаем лучше)", "2019-03-20")
    # What the register changes is sent, as with any other field.
    portal.edit("companies", row["id"], {"ufCrmSince": "2001-01-01"})
    answered(ledger, changed(ANSWER, okved="62.01", as_of=ANSWER.as_of + 1))
    load(ledger, portal, hold(ledger, [LOADED, PLAIN]), cards=cards)
    row = card(portal)
    assert (row["ufCrmOkved"], row["ufCrmSince"]) == ("62.01", "2001-01-01")
    with client_of(portal) as client:
        live = Portal(client, cards=cards)
        live.check()
        findings = list(Reconciliation(ledger, live).findings())
    assert [(f.finding, f.key, f.fields) for f in findings] == [(CHANGED, ROMASHKA, ["ufCrmSince"])]


def test_a_change_of_the_file_queues_the_cards_once(ledger: Ledger, portal: Bitrix24) -> None:
    portal.make_field("companies", "UF_CRM_OKVED")
    answered(ledger, ANSWER)
    bring(ledger, portal, [LOADED, PLAIN, IVANOV])
    cards = settings({"ufCrmOkved": "register.okved"})
    result = load(ledger, portal, hold(ledger, [LOADED, PLAIN, IVANOV]), cards=cards)
    assert result == {"company": {"updated": 1, "unchanged": 1}, "contact": {"unchanged": 1}}
    assert card(portal)["ufCrmOkved"] == "46.90"
    requests = portal.stats.requests
    load(ledger, portal, hold(ledger, [LOADED, PLAIN, IVANOV]), cards=cards)
    assert portal.stats.requests == requests
    # A line that is taken out changes no card.
    load(ledger, portal, hold(ledger, [LOADED, PLAIN, IVANOV]))
    assert card(portal)["ufCrmOkved"] == "46.90"


def test_a_plan_shows_the_fields(ledger: Ledger, portal: Bitrix24) -> None:
    portal.make_field("companies", "UF_CRM_OKVED")
    answered(ledger, ANSWER)
    hold(ledger, [LOADED])
    with client_of(portal) as client:
        live = Portal(client, cards=settings({"ufCrmOkved": "register.okved"}))
        live.check()
        with ledger.read() as connection:
            pending = load_queue.pending_records(connection, COMPANY, [ROMASHKA])
        (planned,) = Planner(ledger, live).plan(COMPANY, pending)
    assert planned.fields["ufCrmOkved"] == (None, "46.90")
    assert portal.companies() == []


def test_requests_do_not_grow(ledger: Ledger, portal: Bitrix24, tmp_path: Path) -> None:
    portal.make_field("companies", "UF_CRM_OKVED")
    records = [LOADED, PLAIN, IVANOV, BOTH]
    bring(ledger, portal, records)
    without_fields = portal.stats.requests
    plain_changes = portal.stats.requests
    bring(ledger, portal, [changed(LOADED, title="ООО «Р»"), *records[1:]])
    plain_changes = portal.stats.requests - plain_changes
    second = open_ledger(f"sqlite:///{tmp_path}/second.db")
    with Bitrix24(limits=False) as other:
        other.make_field("companies", "UF_CRM_OKVED")
        answered(second, ANSWER)
        cards = settings({"ufCrmOkved": "register.okved"})
        bring(second, other, records, cards=cards)
        assert other.stats.requests == without_fields
        requests = other.stats.requests
        bring(second, other, [changed(LOADED, title="ООО «Р»"), *records[1:]], cards=cards)
        assert other.stats.requests - requests == plain_changes
    second.close()


RULES = (
    ResponsibleRule(user=12, region=["78", "47"], orders_total_from=123_456.5),
    ResponsibleRule(user=13, store=["B"]),
    ResponsibleRule(user=14, region=["50"]),
)


@pytest.mark.parametrize(
    ("orders", "stores", "user"),
    [
        (ORDERS, ("A",), 12),
        (changed(ORDERS, total=123_456_49), ("A", "B"), 13),
        (None, ("A",), 7),
    ],
)
def test_the_first_rule_that_fits_gives_a_new_company_its_user(
    ledger: Ledger, portal: Bitrix24, orders: Orders | None, stores: tuple[str, ...], user: int
) -> None:
    cards = settings(rules=RULES, default_user=7)
    company = changed(LOADED, orders=orders, stores=stores)
    bring(ledger, portal, [company, PLAIN, IVANOV, BOTH], cards=cards)
    assert card(portal)["assignedById"] == user
    assert card(portal, SIDORKIN)["assignedById"] == 14
    assert card(portal, "A-17", "contacts")["assignedById"] == user
    # Of several companies the first one decides.
    assert card(portal, "B-5", "contacts")["assignedById"] == 14


def test_rules_are_for_new_records_only(ledger: Ledger, portal: Bitrix24) -> None:
    cards = settings(rules=RULES)
    company = changed(LOADED, orders=None, stores=("B",))
    bring(ledger, portal, [company], cards=cards)
    portal.edit("companies", card(portal)["id"], {"assignedById": 9})
    bring(ledger, portal, [changed(company, orders=ORDERS), IVANOV], cards=cards)
    assert card(portal)["assignedById"] == 9
    assert card(portal, "A-17", "contacts")["assignedById"] == 9


def test_users_who_cannot_be_responsible_are_told(ledger: Ledger, portal: Bitrix24) -> None:
    portal.dismiss(13)
    cards = settings(rules=[*RULES, ResponsibleRule(user=99)])
    run = hold(ledger, [LOADED])
    with pytest.raises(ConfigurationError) as caught:
        load(ledger, portal, run, cards=cards)
    assert "user 13: this user is dismissed" in str(caught.value)
    assert "user 99: the portal has no such user" in str(caught.value)
    assert portal.companies() == []


def test_a_webhook_without_the_right_to_see_users(ledger: Ledger, portal: Bitrix24) -> None:
    portal.faults.set([Fault("denied", method="user.get")])
    bring(ledger, portal, [LOADED], cards=settings(rules=RULES))
    assert card(portal)["assignedById"] == 12


def test_texts_that_a_store_names_itself(ledger: Ledger, portal: Bitrix24) -> None:
    portal.make_field("companies", "UF_CRM_SEGMENT", "enumeration", options=("Опт", "Розница"))
    portal.make_field("companies", "UF_CRM_LIMIT", "money")
    portal.make_field("contacts", "UF_CRM_BIRTHDAY", "date")
    cards = settings(
        {"ufCrmSegment": "extra.segment", "ufCrmLimit": "extra.limit"},
        {"ufCrmBirthday": "extra.birthday"},
    )
    company = changed(LOADED, extra=(("limit", "12 500,50"), ("segment", " РОЗНИЦА")))
    contact = changed(IVANOV, extra=(("birthday", "04.03.1980"),))
    bring(ledger, portal, [company, contact], cards=cards)
    options = portal.state.fields["companies"]["ufCrmSegment"].options
    assert card(portal)["ufCrmSegment"] == options[1][0]
    assert card(portal)["ufCrmLimit"] == "12500.50|RUB"
    assert card(portal, "A-17", "contacts")["ufCrmBirthday"] == "1980-03-04"
    assert unfit(ledger) == []
