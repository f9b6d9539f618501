"""Cleans the rows of store A. Source: contracts/stores.

A row maps column names to the driver's values: texts as the column's bytes, times as Moscow local
``datetime`` or text. Companies also have ``orders_count``, ``orders_total`` (roubles) and
``orders_last_at``.

>>> row = clean_contact({"id": 7, "last_name": "Иванов".encode("cp1251"), "company_id": 17})
>>> row.source_id, row.reason, row.detail
('7', '', '')
"""

from collections.abc import Mapping

from transforms.configuration.builtin import FIRST_STORE
from transforms.core.records import Note, Row
from transforms.fields import address, orders, text
from transforms.stores._companies import RawBankAccount, RawCompany, company_row
from transforms.stores._contacts import RawContact, contact_row
from transforms.stores._rows import RowHeader, change_time, is_set, raw_json, unreadable_notes


def decode(data: bytes) -> str:
    r"""Decodes a column's bytes: as UTF-8 when that yields Cyrillic letters, else as Windows-1251.

    >>> decode(b"\xce\xce\xce"), decode("ООО".encode()), decode(b"A\x98B") == "A\ufffdB"
    ('ООО', 'ООО', True)
    """
    if not data.isascii():
        try:
            decoded = data.decode()
        except UnicodeDecodeError:
            decoded = ""
        if text.has_cyrillic(decoded):
            return decoded
    return data.decode("cp1251", errors="replace")


def clean_company(raw: Mapping[str, object]) -> Row:
    """Returns the row of a line of ``companies`` with its orders."""
    columns = _decode_texts(raw)
    header, notes = _header(columns)
    legal_address, address_notes = address.parse(columns.get("address"))
    order_totals, order_notes = orders.parse(
        columns.get("orders_count"), columns.get("orders_total"), columns.get("orders_last_at")
    )
    bank = RawBankAccount(
        columns.get("bik"),
        columns.get("account"),
        columns.get("bank_name"),
        columns.get("corr_account"),
    )
    company = RawCompany(
        tins=[columns.get("inn")],
        kpps=columns.get("kpp"),
        ogrns=columns.get("ogrn"),
        name=columns.get("name"),
        legal_form=None,
        full_name=columns.get("full_name"),
        address=legal_address,
        banks=[bank],
        phones=columns.get("phone"),
        emails=columns.get("email"),
        site=columns.get("site"),
        orders=order_totals,
        notes=address_notes + order_notes + notes,
    )
    return company_row(header, company)


def clean_contact(raw: Mapping[str, object]) -> Row:
    """Returns the row of a line of ``contacts``."""
    columns = _decode_texts(raw)
    header, notes = _header(columns)
    company_ids, id_notes = _company_ids(columns.get("company_id"))
    contact = RawContact(
        last_name=columns.get("last_name"),
        first_name=columns.get("first_name"),
        middle_name=columns.get("middle_name"),
        position=columns.get("position"),
        company_ids=company_ids,
        phones=columns.get("phone"),
        emails=columns.get("email"),
        notes=id_notes + notes,
    )
    return contact_row(header, contact)


def _decode_texts(raw: Mapping[str, object]) -> dict[str, object]:
    return {
        name: decode(value) if isinstance(value, bytes) else value for name, value in raw.items()
    }


def _header(columns: dict[str, object]) -> tuple[RowHeader, text.Notes]:
    changed_at, notes = change_time(
        columns.get("updated_at"), columns.get("created_at"), local=True
    )
    source_id = text.parse(columns.get("id"), "id")[0]
    deleted = is_set(columns.get("is_deleted"))
    raw = raw_json(columns)
    return RowHeader(FIRST_STORE, source_id, changed_at, 0, deleted, raw), notes + unreadable_notes(
        columns, raw
    )


def _company_ids(value: object) -> tuple[tuple[str, ...], text.Notes]:
    company_id, notes = text.parse(value, "company_ids")
    if company_id.lstrip("0").isdecimal():
        return (company_id.lstrip("0"),), notes
    if company_id.strip("0"):
        notes += (Note("company_ids", "unreadable", text.excerpt(company_id)),)
    return (), notes
