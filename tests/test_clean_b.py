import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON, nested
from transforms.core.records import (
    Address,
    BankAccount,
    Company,
    Contact,
    Note,
    Orders,
    Row,
    decode_company,
    decode_contact,
)
from transforms.stores.mapping.exclusions import Unusable
from transforms.stores.two_stores import clean_partner

ORGANISATION = {
    "partner": "0001000123",
    "category": "2",
    "name1": 'ООО  "Ромашка"',
    "name2": None,
    "legal_form": "ООО",
    "taxnumbers": [
        {"type": "INN", "number": "7805746764"},
        {"type": "KPP", "number": "780501001"},
        {"type": "OGRN", "number": "1197847066020"},
    ],
    "addresses": [
        {
            "kind": "legal",
            "postal_code": "198096",
            "region": "г. Санкт-Петербург",
            "city": "Санкт-Петербург",
            "street": "ул. Кронштадтская",
            "house": "9",
            "text": "198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9",
        }
    ],
    "bankdetails": [
        {
            "bank": "ПАО Сбербанк",
            "bik": "044030653",
            "account": "40702810755000000001",
            "corr_account": "30101810500000000653",
        }
    ],
    "phones": ["8 (812) 123-45-67 доб. 12"],
    "emails": ["info@romashka.example"],
    "site": None,
    "orders": {"count": 12, "total": "154300.50", "currency": "RUB", "last_at": "2024-03-02"},
    "deleted": False,
    "created_at": "2021-05-04T09:12:00+03:00",
    "changed_at": "2024-02-11T17:40:12+03:00",
}
PERSON = {
    "partner": "0002000456",
    "category": "1",
    "last_name": "Иванов",
    "first_name": "Пётр",
    "middle_name": "Сергеевич",
    "position": "Менеджер по закупкам",
    "contact_of": ["0001000123"],
    "phones": ["+7 921 123-45-67, 8-812-1234567"],
    "emails": ["P.Ivanov@Romashka.example"],
    "deleted": False,
    "created_at": "2022-01-10T10:00:00+03:00",
    "changed_at": "2024-02-11T17:40:12+03:00",
}


def clean(record: object) -> Row:
    row = clean_partner(record)
    assert isinstance(row, Row)
    return row


def company(**changes: object) -> tuple[Row, Company]:
    row = clean({**ORGANISATION, **changes})
    return row, decode_company(row.payload)


def contact(**changes: object) -> tuple[Row, Contact]:
    row = clean({**PERSON, **changes})
    return row, decode_contact(row.payload)


def test_an_organisation() -> None:
    row, found = company()
    assert (row.source, row.kind, row.source_id, row.tin) == (
        "B",
        "company",
        "0001000123",
        "7805746764",
    )
    assert (row.reason, row.detail, row.changed_at, row.order) == ("", "", 1707662412000000, 0)
    assert json.loads(row.raw) == ORGANISATION
    assert found == Company(
        tin="7805746764",
        kpps=("780501001",),
        ogrn="1197847066020",
        name="ООО «Ромашка»",
        address=Address(
            "198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9",
            "198096",
            "г. Санкт-Петербург",
            "Санкт-Петербург",
        ),
        accounts=(
            BankAccount(
                "044030653", "40702810755000000001", "ПАО Сбербанк", "30101810500000000653"
            ),
        ),
        phones=("+78121234567;ext=12",),
        emails=("info@romashka.example",),
        orders=Orders(12, 15430050, "2024-03-02"),
    )


def test_a_person() -> None:
    row, found = contact()
    assert (row.kind, row.source_id, row.tin, row.reason) == ("contact", "0002000456", "", "")
    assert found == Contact(
        "Иванов",
        "Пётр",
        "Сергеевич",
        "Менеджер по закупкам",
        ("0001000123",),
        ("+79211234567", "+78121234567"),
        ("P.Ivanov@romashka.example",),
    )


def test_the_order_of_versions_is_kept() -> None:
    row = clean_partner(PERSON, order=42)
    assert isinstance(row, Row)
    assert row.order == 42


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "not_an_object"),
        ([], "not_an_object"),
        ("partner", "not_an_object"),
        ({}, "no_partner_number"),
        ({"partner": " ", "category": "1"}, "no_partner_number"),
        ({"partner": [], "category": "1"}, "no_partner_number"),
        ({"partner": 0, "category": "1"}, "no_partner_number"),
        ({"partner": "1"}, "bad_category"),
        ({"partner": "1", "category": "3"}, "bad_category"),
        ({"partner": "1", "category": ["1"]}, "bad_category"),
    ],
)
def test_unusable(record: object, reason: str) -> None:
    found = clean_partner(record)
    assert isinstance(found, Unusable)
    assert found.reason == reason
    assert found.detail


@pytest.mark.parametrize("category", ["2", 2, 2.0, " 2 "])
@pytest.mark.parametrize("partner", ["0001000123", " 0001000123\n", 1000123, 1000123.0])
def test_numbers_and_categories_of_another_type(category: object, partner: object) -> None:
    row, _ = company(partner=partner, category=category)
    assert (row.kind, row.source_id) == ("company", "0001000123")


@pytest.mark.parametrize(
    ("taxnumbers", "tin", "reason"),
    [
        (None, "", "missing_tin"),
        ([], "", "missing_tin"),
        ("7805746764", "", "missing_tin"),
        ([{"type": "INN", "number": 7805746764}], "7805746764", ""),
        ([{"type": "inn", "number": "7805746764"}], "7805746764", ""),
        ({"type": "INN", "number": "7805746764"}, "7805746764", ""),
        ({"INN": "7805746764"}, "7805746764", ""),
        ([{"type": "INN", "number": "7805746764"}] * 2, "7805746764", ""),
        ([{"type": "INN", "number": "7805746765"}], "7805746765", "bad_tin_checksum"),
        (
            [{"type": "INN", "number": x} for x in ("7805746764", "7707083893")],
            "7707083893, 7805746764",
            "bad_tin_format",
        ),
    ],
)
def test_tax_numbers(taxnumbers: object, tin: str, reason: str) -> None:
    row, found = company(taxnumbers=taxnumbers)
    assert (row.tin, found.tin, row.reason) == (tin, tin, reason)


def test_a_bad_tin_beside_a_good_one_is_noted() -> None:
    numbers = [{"type": "INN", "number": x} for x in ("нет", "7805746765", 7805746764)]
    row, found = company(taxnumbers=numbers)
    assert (row.tin, row.reason) == ("7805746764", "")
    assert found.notes == (Note("tin", "bad_tin_checksum", "7805746765"),)


def test_a_lost_zero_is_put_back_and_noted() -> None:
    row, found = company(taxnumbers={"INN": 105000008})
    assert (row.tin, row.reason) == ("0105000008", "")
    assert found.notes == (Note("tin", "leading_zero", "105000008"),)


def test_all_kpps_are_kept_and_unknown_numbers_noted() -> None:
    numbers = [
        {"type": "INN", "number": "7805746764/780501001"},
        {"type": "KPP", "number": "784201001"},
        {"type": "KPP", "number": 50101001},
        {"type": "OGRNIP", "number": "320000000000040"},
        {"type": "OKPO", "number": "123"},
    ]
    _, found = company(taxnumbers=numbers)
    assert found.kpps == ("784201001", "050101001", "780501001")
    assert found.ogrn == "320000000000040"
    assert found.notes == (
        Note("kpp", "leading_zero", "50101001"),
        Note("taxnumbers", "unknown_type", '["OKPO","123"]'),
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (('ООО "Ромашка"', None, "ООО"), "ООО «Ромашка»"),
        (("Ромашка", None, "ООО"), "ООО «Ромашка»"),
        (('ООО "Торговый дом', 'Ромашка"', None), "ООО «Торговый дом Ромашка»"),
        ((None, "Ромашка", "АО"), "АО «Ромашка»"),
        (("Иванов Пётр", "Сергеевич", "ИП"), "ИП Иванов Пётр Сергеевич"),
        ((None, None, "ООО"), ""),
    ],
)
def test_names(names: tuple[object, object, object], shown: str) -> None:
    name1, name2, form = names
    assert company(name1=name1, name2=name2, legal_form=form)[1].name == shown


@pytest.mark.parametrize(
    "addresses",
    [
        "г. Псков, ул. Мира",
        {"text": "г. Псков, ул. Мира"},
        [{"kind": "legal", "region": "г. Псков", "city": "Псков", "street": "ул. Мира"}],
        [None, {"kind": "LEGAL", "text": "г. Псков, ул. Мира"}],
    ],
)
def test_addresses(addresses: object) -> None:
    assert company(addresses=addresses)[1].address.text == "г. Псков, ул. Мира"


@pytest.mark.parametrize(
    ("contact_of", "ids"),
    [
        ("0001000123", ("0001000123",)),
        (1000123, ("0001000123",)),
        (["0001000123", 1000123, " 0001000124 "], ("0001000123", "0001000124")),
        ("0001000123, 0001000124", ("0001000123", "0001000124")),
        ({"partner": "0001000123"}, ("0001000123",)),
    ],
)
def test_a_person_of_one_or_several_companies(contact_of: object, ids: tuple[str, ...]) -> None:
    row, found = contact(contact_of=contact_of)
    assert (row.reason, found.company_ids, found.notes) == ("", ids, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contact_of": []}, "no_company"),
        ({"contact_of": None}, "no_company"),
        ({"contact_of": [True]}, "no_company"),
        ({"last_name": "", "first_name": None, "middle_name": "-"}, "no_name"),
        ({"last_name": None, "first_name": None, "middle_name": None, "contact_of": []}, "no_name"),
        ({"deleted": "X", "last_name": None, "first_name": None}, "deleted_in_store"),
    ],
)
def test_refused_persons(changes: dict[str, object], reason: str) -> None:
    row, found = contact(**changes)
    assert row.reason == reason
    assert found.phones == ("+79211234567", "+78121234567")


@pytest.mark.parametrize("deleted", [True, 1, "true", "X", "1", "да"])
def test_deleted(deleted: object) -> None:
    row, _ = company(deleted=deleted, taxnumbers=None)
    assert (row.reason, row.tin) == ("deleted_in_store", "")


@pytest.mark.parametrize("deleted", [False, None, 0, "", "false", "нет", [True], {}])
def test_not_deleted(deleted: object) -> None:
    assert company(deleted=deleted)[0].reason == ""


def test_what_is_dropped_is_noted() -> None:
    _, found = company(
        phones="123-45-68",
        emails=["нет"],
        site="есть",
        orders=5,
        bankdetails=["Сбербанк", {"bik": "044030653", "account": "12"}],
        addresses=[{"kind": "post", "text": "а/я 5"}, {"kind": "legal", "text": "Псков"}],
    )
    assert [(note.field, note.problem, note.value) for note in found.notes] == [
        ("account", "unreadable", "12"),
        ("phone", "incomplete", "123-45-68"),
        ("email", "placeholder", "нет"),
        ("site", "unreadable", "есть"),
        ("address", "not_used", "а/я 5"),
        ("orders", "wrong_type", "5"),
        ("account", "wrong_type", "Сбербанк"),
    ]


@pytest.mark.parametrize("record", [ORGANISATION, PERSON])
@given(data=st.data())
def test_takes_anything(record: dict[str, object], data: st.DataObject) -> None:
    fields = st.sampled_from(sorted(record))
    found = clean_partner({**record, **data.draw(st.dictionaries(fields, ANY_JSON))})
    if isinstance(found, Row):
        json.loads(found.raw)


def test_very_long_values_end_as_notes() -> None:
    long = {"partner", "category"}
    text = "8 («ООО. " * 150_000
    for record in (ORGANISATION, PERSON):
        row = clean({**record, **{name: text for name in record if name not in long}})
        assert json.loads(row.raw)["truncated"] is True
        assert len(row.raw) <= 65_536
        assert len(row.payload) < 20_000


def test_values_nested_deeper_than_the_stack() -> None:
    deep = nested(100_000)
    row, found = company(phones=deep, taxnumbers=deep, addresses=deep, orders=deep, name1=deep)
    assert row.reason == "missing_tin"
    assert Note("phone", "unreadable", "дно") in found.notes
    json.loads(row.raw)


def test_half_a_surrogate_pair_and_endless_numbers_are_kept_as_json() -> None:
    row, found = contact(last_name="Иванов\ud800", position=10**400)
    assert found.last_name == "Иванов"
    assert json.loads(row.raw)["last_name"] == "Иванов\ud800"
