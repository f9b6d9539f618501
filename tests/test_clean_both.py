"""The same facts give the same record, whichever store tells them."""

from decimal import Decimal

import pytest

from transforms.core.records import Row, decode_company, decode_contact
from transforms.stores.clean_a import clean_company, clean_contact
from transforms.stores.clean_b import clean_partner


def from_a(told: dict[str, object]) -> Row:
    text = {
        name: value.encode("cp1251", "replace") if isinstance(value, str) else value
        for name, value in told.items()
    }
    return clean_company({"id": 1, "updated_at": "2024-02-11 17:40:12", **text})


def from_b(told: dict[str, object]) -> Row:
    taxes = [
        {"type": kind, "number": told.get(name)}
        for kind, name in (("INN", "inn"), ("KPP", "kpp"), ("OGRN", "ogrn"))
    ]
    bank = {
        "bank": told.get("bank_name"),
        "bik": told.get("bik"),
        "account": told.get("account"),
        "corr_account": told.get("corr_account"),
    }
    orders = {"count": told.get("orders_count"), "total": str(told.get("orders_total") or "")}
    row = clean_partner(
        {
            "partner": "1",
            "category": "2",
            "changed_at": "2024-02-11T14:40:12Z",
            "name1": told.get("name"),
            "taxnumbers": taxes,
            "addresses": [{"kind": "legal", "text": told.get("address")}],
            "bankdetails": [bank],
            "phones": [told.get("phone")],
            "emails": [told.get("email")],
            "site": told.get("site"),
            "orders": orders,
        }
    )
    assert isinstance(row, Row)
    return row


@pytest.mark.parametrize(
    "told",
    [
        {},
        {
            "inn": "7805746764/780501001",
            "kpp": "784201001",
            "ogrn": "1197847066020",
            "name": 'Общество с ограниченной ответственностью "Ромашка"',
            "address": "198096, г. Санкт-Петербург",
            "bank_name": "ПАО Сбербанк",
            "bik": "044030653",
            "account": "40702810755000000001",
            "corr_account": "30101810500000000653",
            "phone": "8 (812) 123-45-67 доб. 12, Маша",
            "email": "Info@Romashka.example, нет",
            "site": "romashka.example",
            "orders_count": 3,
            "orders_total": Decimal("10.50"),
        },
        {"inn": "500000000100", "kpp": "784201001", "name": "ИП ИВАНОВ П.С.", "account": "1"},
        {"inn": "1717586110", "name": "-", "phone": "123-45-68", "email": "a @b,ru"},
        {"inn": "105000008", "orders_count": 0},
    ],
)
def test_companies(told: dict[str, object]) -> None:
    one, other = from_a(told), from_b(told)
    assert decode_company(one.payload) == decode_company(other.payload)
    assert (one.tin, one.reason, one.detail) == (other.tin, other.reason, other.detail)
    assert one.changed_at == other.changed_at
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    "told",
    [
        {"last_name": "ИВАНОВ ПЁТР СЕРГЕЕВИЧ", "phone": "89211234567", "email": "ivan@mail.ru"},
        {"last_name": "Иванов", "first_name": "П.С.", "position": " Директор ", "phone": "нет"},
        {"phone": "123"},
    ],
)
def test_contacts(told: dict[str, object]) -> None:
    one = clean_contact({"id": 1, "company_id": 17, "updated_at": "2024-02-11 17:40:12", **told})
    other = clean_partner(
        {
            **told,
            "partner": "1",
            "category": "1",
            "contact_of": ["17"],
            "changed_at": "2024-02-11T14:40:12Z",
            "phones": [told.get("phone")],
            "emails": [told.get("email")],
        }
    )
    assert isinstance(other, Row)
    assert decode_contact(one.payload) == decode_contact(other.payload)
    assert (one.reason, one.changed_at, one.fingerprint) == (
        other.reason,
        other.changed_at,
        other.fingerprint,
    )
