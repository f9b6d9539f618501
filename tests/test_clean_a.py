import json
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import (
    Address,
    BankAccount,
    Company,
    Contact,
    Note,
    Orders,
    decode_company,
    decode_contact,
)
from transforms.stores.sql.encoding import decode
from transforms.stores.two_stores import clean_company, clean_contact

COMPANY = {
    "id": 17,
    "inn": b"7805746764/780501001",
    "kpp": b"780501001",
    "ogrn": b"1197847066020",
    "name": 'ООО  "Ромашка"'.encode("cp1251"),
    "full_name": 'Общество с ограниченной ответственностью "Ромашка"'.encode("cp1251"),
    "address": "198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9".encode("cp1251"),
    "bank_name": "ПАО Сбербанк".encode(),
    "bik": b"044030653",
    "account": b"40702810755000000001",
    "corr_account": b"30101810500000000653",
    "phone": "8 (812) 123-45-67 доб. 12, спросить Машу".encode("cp1251"),
    "email": b"Info@Romashka.example",
    "site": b"Romashka.example",
    "is_deleted": 0,
    "created_at": datetime(2021, 5, 4, 9, 12),
    "updated_at": datetime(2024, 2, 11, 17, 40, 12),
    "orders_count": 12,
    "orders_total": Decimal("154300.50"),
    "orders_last_at": datetime(2024, 3, 2, 23, 59),
}
CONTACT = {
    "id": 5,
    "company_id": 17,
    "last_name": "ИВАНОВ".encode("cp1251"),
    "first_name": "Пётр".encode("cp1251"),
    "middle_name": None,
    "position": "Менеджер".encode("cp1251"),
    "phone": b"+7 921 123-45-67",
    "email": None,
    "is_deleted": 0,
    "created_at": "2022-01-10 10:00:00",
    "updated_at": "2024-02-11 17:40:12.500000",
}
COLUMNS = sorted({*COMPANY, *CONTACT})


def test_a_company() -> None:
    row = clean_company(COMPANY)
    assert (row.source, row.kind, row.source_id, row.order) == ("A", "company", "17", 0)
    assert (row.tin, row.reason, row.detail) == ("7805746764", "", "")
    assert row.changed_at == 1707662412000000
    assert decode_company(row.payload) == Company(
        tin="7805746764",
        kpps=("780501001",),
        ogrn="1197847066020",
        name="ООО «Ромашка»",
        full_name="Общество с ограниченной ответственностью «Ромашка»",
        address=Address("198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9", "198096"),
        accounts=(
            BankAccount(
                "044030653", "40702810755000000001", "ПАО Сбербанк", "30101810500000000653"
            ),
        ),
        phones=("+78121234567;ext=12",),
        emails=("info@romashka.example",),
        site="romashka.example",
        orders=Orders(12, 15430050, "2024-03-02"),
        notes=(Note("phone", "unreadable", "спросить Машу"),),
    )


def test_a_contact() -> None:
    row = clean_contact(CONTACT)
    assert (row.source, row.kind, row.source_id, row.tin, row.reason) == (
        "A",
        "contact",
        "5",
        "",
        "",
    )
    assert row.changed_at == 1707662412500000
    assert decode_contact(row.payload) == Contact(
        "Иванов", "Пётр", "", "Менеджер", ("17",), ("+79211234567",), (), ()
    )


def test_the_original_is_kept_readable() -> None:
    raw = json.loads(clean_company(COMPANY).raw)
    assert raw["name"] == 'ООО  "Ромашка"'
    assert raw["orders_total"] == "154300.50"
    assert raw["updated_at"] == "2024-02-11T17:40:12"


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"", ""),
        (b"abc", "abc"),
        ("Ромашка".encode("cp1251"), "Ромашка"),
        ("Ромашка".encode(), "Ромашка"),
        ("Café".encode(), "CafГ©"),  # UTF-8 without Cyrillic is not taken for UTF-8
        (b"\xce\xce\xce\x98", "ООО\ufffd"),
        ("Р".encode() + b"\xd0", "Р\xa0Р"),
    ],
)
def test_decode(data: bytes, written: str) -> None:
    assert decode(data) == written


@given(st.binary(max_size=40))
def test_decode_takes_any_bytes(data: bytes) -> None:
    assert isinstance(decode(data), str)
    clean_company({**COMPANY, "name": data, "inn": data, "phone": data})


@pytest.mark.parametrize(
    ("changes", "tin", "reason"),
    [
        ({"inn": None}, "", "missing_tin"),
        ({"inn": "нет".encode("cp1251")}, "нет", "missing_tin"),
        ({"inn": b"7805746765"}, "7805746765", "bad_tin_checksum"),
        ({"inn": b"780574676"}, "780574676", "bad_tin_format"),
        ({"inn": b"0000000000"}, "0000000000", "placeholder_tin"),
        ({"is_deleted": 1}, "7805746764", "deleted_in_store"),
        ({"is_deleted": 1, "inn": None}, "", "deleted_in_store"),
    ],
)
def test_refused_companies_keep_what_they_say(
    changes: dict[str, object], tin: str, reason: str
) -> None:
    row = clean_company({**COMPANY, **changes})
    assert (row.tin, row.reason) == (tin, reason)
    assert row.detail
    assert decode_company(row.payload).name == "ООО «Ромашка»"
    assert json.loads(row.raw)["id"] == 17


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"company_id": None}, "no_company"),
        ({"company_id": 0}, "no_company"),
        ({"last_name": None, "first_name": b"-"}, "no_name"),
        ({"last_name": None, "first_name": None, "company_id": None}, "no_name"),
        ({"is_deleted": 1, "last_name": None, "first_name": None}, "deleted_in_store"),
    ],
)
def test_refused_contacts(changes: dict[str, object], reason: str) -> None:
    row = clean_contact({**CONTACT, **changes})
    assert row.reason == reason
    assert decode_contact(row.payload).phones == ("+79211234567",)


def test_a_sole_proprietor_has_no_kpp() -> None:
    row = clean_company({**COMPANY, "inn": b"500000000100"})
    company = decode_company(row.payload)
    assert (row.reason, company.kpps) == ("", ())
    assert Note("kpp", "sole_proprietor_has_none", "780501001") in company.notes


def test_an_unknown_time_falls_back_on_the_creation() -> None:
    changes = {"updated_at": "0000-00-00 00:00:00", "created_at": datetime(1970, 1, 1, 3, 0, 1)}
    row = clean_contact({**CONTACT, **changes})
    assert row.changed_at == 1_000_000
    assert decode_contact(row.payload).notes == (
        Note("changed_at", "unreadable", "0000-00-00 00:00:00"),
    )


@given(st.dictionaries(st.sampled_from(COLUMNS), ANY_JSON | st.binary(max_size=20)))
def test_takes_anything(changes: dict[str, object]) -> None:
    for row in (clean_company({**COMPANY, **changes}), clean_contact({**CONTACT, **changes})):
        json.loads(row.raw)
    assert clean_company(changes).source == clean_contact(changes).source == "A"


def test_very_long_values_end_as_notes() -> None:
    row = clean_company({**dict.fromkeys(COMPANY, b"\xff 8" * 300000), "id": 17})
    company = decode_company(row.payload)
    assert (row.reason, company.name, company.phones) == ("bad_tin_format", "", ())
    assert {len(note.value) for note in company.notes} == {200}
    assert len(row.raw) <= 65_536
    assert json.loads(row.raw)["truncated"] is True
