"""The same facts give the same record, whichever store tells them."""

from decimal import Decimal

import msgspec
import pytest

from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
from transforms.core.records import Row, decode_company, decode_contact
from transforms.stores.mapping.cleaners import compile_store
from transforms.stores.two_stores import clean_company, clean_contact

# Its ids in the form of store A's: what is compared is the rest.
STORE_B = msgspec.structs.replace(built_in_configuration().store[SECOND_STORE], id_form=None)
clean_partner = compile_store(SECOND_STORE, STORE_B).records


def from_a(fields: dict[str, object]) -> Row:
    text = {
        name: value.encode("cp1251", "replace") if isinstance(value, str) else value
        for name, value in fields.items()
    }
    return clean_company({"id": 1, "updated_at": "2024-02-11 17:40:12", **text})


def from_b(fields: dict[str, object]) -> Row:
    taxes = [
        {"type": kind, "number": fields.get(name)}
        for kind, name in (("INN", "inn"), ("KPP", "kpp"), ("OGRN", "ogrn"))
    ]
    bank = {
        "bank": fields.get("bank_name"),
        "bik": fields.get("bik"),
        "account": fields.get("account"),
        "corr_account": fields.get("corr_account"),
    }
    orders = {"count": fields.get("orders_count"), "total": str(fields.get("orders_total") or "")}
    row = clean_partner(
        {
            "partner": "1",
            "category": "2",
            "changed_at": "2024-02-11T14:40:12Z",
            "name1": fields.get("name"),
            "taxnumbers": taxes,
            "addresses": [{"kind": "legal", "text": fields.get("address")}],
            "bankdetails": [bank],
            "phones": [fields.get("phone")],
            "emails": [fields.get("email")],
            "site": fields.get("site"),
            "orders": orders,
        }
    )
    assert isinstance(row, Row)
    return row


@pytest.mark.parametrize(
    "fields",
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
def test_companies(fields: dict[str, object]) -> None:
    one, other = from_a(fields), from_b(fields)
    assert decode_company(one.payload) == decode_company(other.payload)
    assert (one.tin, one.reason, one.detail) == (other.tin, other.reason, other.detail)
    assert one.changed_at == other.changed_at
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    "fields",
    [
        {"last_name": "ИВАНОВ ПЁТР СЕРГЕЕВИЧ", "phone": "89211234567", "email": "ivan@mail.ru"},
        {"last_name": "Иванов", "first_name": "П.С.", "position": " Директор ", "phone": "нет"},
        {"phone": "123"},
    ],
)
def test_contacts(fields: dict[str, object]) -> None:
    one = clean_contact({"id": 1, "company_id": 17, "updated_at": "2024-02-11 17:40:12", **fields})
    other = clean_partner(
        {
            **fields,
            "partner": "1",
            "category": "1",
            "contact_of": ["17"],
            "changed_at": "2024-02-11T14:40:12Z",
            "phones": [fields.get("phone")],
            "emails": [fields.get("email")],
        }
    )
    assert isinstance(other, Row)
    assert decode_contact(one.payload) == decode_contact(other.payload)
    assert (one.reason, one.changed_at, one.fingerprint) == (
        other.reason,
        other.changed_at,
        other.fingerprint,
    )
