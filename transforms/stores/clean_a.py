"""Store A's rows to clean records. Source: contracts, ``store_a.md``.

A row is a mapping of column names to what the driver gave: text as the column's bytes, times as
Moscow local ``datetime`` or text. Companies carry ``orders_count``, ``orders_total`` (roubles) and
``orders_last_at`` as well.

>>> row = clean_contact({"id": 7, "last_name": "Иванов".encode("cp1251"), "company_id": 17})
>>> row.source_id, row.reason, row.detail
('7', '', '')
"""

from collections.abc import Mapping

from transforms.core.records import Note, Row
from transforms.core.stores import STORE_A
from transforms.fields import address, orders, text
from transforms.stores._companies import BankDetails, CompanyFacts, company_row
from transforms.stores._contacts import ContactFacts, contact_row
from transforms.stores._rows import Origin, is_set, moment, raw_json, unreadable


def decode(data: bytes) -> str:
    r"""The text in a column's bytes: UTF-8 if it is that and holds Cyrillic, else Windows-1251.

    >>> decode(b"\xce\xce\xce"), decode("ООО".encode()), decode(b"A\x98B") == "A\ufffdB"
    ('ООО', 'ООО', True)
    """
    if not data.isascii():
        try:
            written = data.decode()
        except UnicodeDecodeError:
            written = ""
        if text.has_cyrillic(written):
            return written
    return data.decode("cp1251", errors="replace")


def clean_company(raw: Mapping[str, object]) -> Row:
    """The row of a line of ``companies`` with its orders."""
    told = _decoded(raw)
    origin, notes = _origin(told)
    where, address_notes = address.parse(told.get("address"))
    deals, order_notes = orders.parse(
        told.get("orders_count"), told.get("orders_total"), told.get("orders_last_at")
    )
    bank = BankDetails(
        told.get("bik"), told.get("account"), told.get("bank_name"), told.get("corr_account")
    )
    facts = CompanyFacts(
        tins=[told.get("inn")],
        kpps=told.get("kpp"),
        ogrns=told.get("ogrn"),
        name=told.get("name"),
        legal_form=None,
        full_name=told.get("full_name"),
        address=where,
        banks=[bank],
        phones=told.get("phone"),
        emails=told.get("email"),
        site=told.get("site"),
        orders=deals,
        notes=address_notes + order_notes + notes,
    )
    return company_row(origin, facts)


def clean_contact(raw: Mapping[str, object]) -> Row:
    """The row of a line of ``contacts``."""
    told = _decoded(raw)
    origin, notes = _origin(told)
    company_ids, id_notes = _company_ids(told.get("company_id"))
    facts = ContactFacts(
        last_name=told.get("last_name"),
        first_name=told.get("first_name"),
        middle_name=told.get("middle_name"),
        position=told.get("position"),
        company_ids=company_ids,
        phones=told.get("phone"),
        emails=told.get("email"),
        notes=id_notes + notes,
    )
    return contact_row(origin, facts)


def _decoded(raw: Mapping[str, object]) -> dict[str, object]:
    return {
        name: decode(value) if isinstance(value, bytes) else value for name, value in raw.items()
    }


def _origin(told: dict[str, object]) -> tuple[Origin, text.Notes]:
    changed_at, notes = moment(told.get("updated_at"), told.get("created_at"), local=True)
    source_id = text.parse(told.get("id"), "id")[0]
    deleted = is_set(told.get("is_deleted"))
    raw = raw_json(told)
    return Origin(STORE_A.key, source_id, changed_at, 0, deleted, raw), notes + unreadable(
        told, raw
    )


def _company_ids(value: object) -> tuple[tuple[str, ...], text.Notes]:
    company_id, notes = text.parse(value, "company_ids")
    if company_id.lstrip("0").isdecimal():
        return (company_id.lstrip("0"),), notes
    if company_id.strip("0"):
        notes += (Note("company_ids", "unreadable", text.shown(company_id)),)
    return (), notes
