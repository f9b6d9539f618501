"""Cleans the business partners of store B. Source: contracts/stores.

>>> row = clean_partner({"partner": 1000123, "category": 2, "name1": "ООО Ромашка",
...                      "taxnumbers": [{"type": "INN", "number": 7805746764}]})
>>> row.kind, row.source_id, row.tin, row.reason
('company', '0001000123', '7805746764', '')
>>> clean_partner({"category": "1"})
PartnerProblem(reason='no_partner_number', detail='the partner has no number')
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple, cast

import msgspec

from transforms.configuration.builtin import SECOND_STORE
from transforms.core.records import Note, Orders, Row
from transforms.fields import address, orders, text
from transforms.stores._companies import RawBankAccount, RawCompany, company_row
from transforms.stores._contacts import RawContact, contact_row
from transforms.stores._rows import RowHeader, change_time, is_set, raw_json, unreadable_notes

_CATEGORIES = ("1", "2")
_NUMBER_LENGTH = 10
_LONGEST_NUMBER = 64
_SEPARATORS = re.compile(r"[\s,;/]+")
_TIN, _KPP, _OGRN = "INN", "KPP", "OGRN"
_TAX_TYPES = {
    "INN": _TIN, "ИНН": _TIN, "KPP": _KPP, "КПП": _KPP,
    "OGRN": _OGRN, "OGRNIP": _OGRN, "ОГРН": _OGRN, "ОГРНИП": _OGRN,
}  # fmt: skip


class PartnerProblem(msgspec.Struct, frozen=True):
    """Why a value is not a partner: ``not_an_object``, ``no_partner_number``, ``bad_category``."""

    reason: str
    detail: str


class ClockBound(NamedTuple):
    """The latest plausible time of change, by the time at which store B handed a partner over.

    A partner that changed after ``latest`` has the time of a wrong clock, and counts as changed at
    ``substitute``. When ``substitute`` is 0 every time is allowed. Both are in microseconds since
    the epoch.
    """

    latest: int
    substitute: int

    def allows(self, changed_at: int) -> bool:
        """Whether the time is plausible."""
        return changed_at <= self.latest or not self.substitute


NO_CLOCK_BOUND = ClockBound(0, 0)


def clean_partner(raw: object, *, order: int = 0) -> Row | PartnerProblem:
    """Returns the row of a decoded JSON value; ``order`` ranks versions of equal time."""
    problem = partner_problem(raw)
    return problem or partner_row(cast(dict[str, object], raw), order=order)


def partner_row(
    raw: dict[str, object], *, order: int = 0, clock_bound: ClockBound = NO_CLOCK_BOUND
) -> Row:
    """Returns the row of a partner in which ``partner_problem`` finds none."""
    number = partner_number(raw.get("partner"))
    changed_at, notes = change_time(raw.get("changed_at"), raw.get("created_at"))
    if not clock_bound.allows(changed_at):
        changed_at = clock_bound.substitute
        notes += (Note("changed_at", "in_the_future", text.excerpt(raw.get("changed_at"))),)
    deleted = is_set(raw.get("deleted"))
    header = RowHeader(SECOND_STORE, number, changed_at, order, deleted, raw_json(raw))
    notes += unreadable_notes(raw, header.raw)
    if _category(raw) == "1":
        return contact_row(header, _raw_contact(raw, notes))
    return company_row(header, _raw_company(raw, notes))


def partner_problem(raw: object) -> PartnerProblem | None:
    """Returns why a value is not a partner, or ``None`` when it is one.

    >>> partner_problem([]), partner_problem({"partner": "1", "category": 2})
    (PartnerProblem(reason='not_an_object', detail='a partner is an object, not list'), None)
    """
    if not isinstance(raw, dict):
        return PartnerProblem("not_an_object", f"a partner is an object, not {type(raw).__name__}")
    if not partner_number(raw.get("partner")):
        return PartnerProblem("no_partner_number", "the partner has no number")
    if not _category(raw):
        return PartnerProblem(
            "bad_category", f"category is 1 or 2, not {text.excerpt(raw.get('category'))}"
        )
    return None


def _category(partner: dict[str, object]) -> str:
    """Returns ``1``, ``2`` or an empty text."""
    category = partner.get("category")
    if type(category) is str and category in _CATEGORIES:
        return category
    code = text.parse(category, "category")[0]
    return code if code in _CATEGORIES else ""


def partner_number(value: object) -> str:
    """Returns a partner's number: a text as it is, a number with SAP's ten digits, else "".

    >>> partner_number(" 0001000123 "), partner_number(1000123), partner_number(True)
    ('0001000123', '0001000123', '')
    """
    if isinstance(value, str):
        number = value.strip() if value.isprintable() else text.clean(value)
        return number if len(number) <= _LONGEST_NUMBER else ""
    integer = text.integer(value)
    return full_partner_number(str(integer)) if integer and integer > 0 else ""


def full_partner_number(number: str) -> str:
    """Returns a partner's number with the leading zeros that people and integers leave out.

    >>> full_partner_number("1000123"), full_partner_number("K-17")
    ('0001000123', 'K-17')
    """
    return number.zfill(_NUMBER_LENGTH) if number.isdigit() else number


def _raw_contact(raw: dict[str, object], notes: text.Notes) -> RawContact:
    company_ids, id_notes = _company_ids(raw.get("contact_of"))
    return RawContact(
        raw.get("last_name"),
        raw.get("first_name"),
        raw.get("middle_name"),
        raw.get("position"),
        company_ids,
        raw.get("phones"),
        raw.get("emails"),
        id_notes + notes,
    )


def _company_ids(value: object) -> tuple[tuple[str, ...], text.Notes]:
    """Returns the partner numbers in a list, or in a text or number.

    >>> _company_ids(["0001000123", 1000124]), _company_ids("0001000123, 0001000124")[0]
    ((('0001000123', '0001000124'), ()), ('0001000123', '0001000124'))
    """
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if type(single) is str and single.isalnum() and len(single) <= _LONGEST_NUMBER:
        return (single,), ()
    leaves, notes = text.leaf_values(value, "company_ids")
    ids: dict[str, None] = {}
    for part in chain.from_iterable(map(_split, leaves)):
        if number := partner_number(part):
            ids[number] = None
        else:
            notes += (Note("company_ids", "unreadable", text.excerpt(part)),)
    return tuple(ids), notes


def _split(leaf: object) -> Iterable[object]:
    return filter(None, _SEPARATORS.split(leaf)) if isinstance(leaf, str) else [leaf]


def _raw_company(raw: dict[str, object], notes: text.Notes) -> RawCompany:
    numbers, tax_notes = _tax_numbers(raw.get("taxnumbers"))
    legal_address, address_notes = address.choose(raw.get("addresses"))
    order_totals, order_notes = _orders(raw.get("orders"))
    banks, bank_notes = _banks(raw.get("bankdetails"))
    return RawCompany(
        tins=numbers[_TIN],
        kpps=numbers[_KPP],
        ogrns=numbers[_OGRN],
        name=_name(raw.get("name1"), raw.get("name2")),
        legal_form=raw.get("legal_form"),
        full_name=None,
        address=legal_address,
        banks=banks,
        phones=raw.get("phones"),
        emails=raw.get("emails"),
        site=raw.get("site"),
        orders=order_totals,
        notes=address_notes + order_notes + tax_notes + bank_notes + notes,
    )


def _name(name1: object, name2: object) -> object:
    # SAP splits a long name into two fields.
    if not isinstance(name2, str) or not name2:
        return name1
    return f"{name1} {name2}" if isinstance(name1, str) else name2


def _objects(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _tax_numbers(value: object) -> tuple[dict[str, list[object]], text.Notes]:
    """Returns the numbers by type, of a list of objects with type and number, or of one object.

    >>> _tax_numbers({"INN": "7805746764", "KPP": 780501001})[0]
    {'INN': ['7805746764'], 'KPP': [780501001], 'OGRN': []}
    """
    numbers: dict[str, list[object]] = {_TIN: [], _KPP: [], _OGRN: []}
    notes: list[Note] = []
    for kind, number in _typed(value):
        if tax_type := _tax_type(kind):
            numbers[tax_type].append(number)
        elif number is not None:
            notes.append(Note("taxnumbers", "unknown_type", text.excerpt([kind, number])))
    return numbers, tuple(notes[: text.MOST_VALUES])


def _tax_type(kind: object) -> str:
    if not isinstance(kind, str):
        return ""
    return _TAX_TYPES.get(kind) or _TAX_TYPES.get(kind[: text.EXCERPT_LENGTH].strip().upper(), "")


def _typed(value: object) -> Iterator[tuple[object, object]]:
    for entry in _objects(value):
        if not isinstance(entry, dict):
            yield None, entry
        elif "type" in entry or "number" in entry:
            yield entry.get("type"), entry.get("number")
        else:
            yield from entry.items()


def _banks(value: object) -> tuple[list[RawBankAccount], text.Notes]:
    banks = []
    notes: list[Note] = []
    for entry in _objects(value):
        if isinstance(entry, dict):
            fields = map(entry.get, ("bik", "account", "bank", "corr_account"))
            banks.append(RawBankAccount(*fields))
        else:
            notes.append(Note("account", "wrong_type", text.excerpt(entry)))
    return banks, tuple(notes[: text.MOST_VALUES])


def _orders(value: object) -> tuple[Orders | None, text.Notes]:
    if value is None:
        return None, ()
    if not isinstance(value, dict):
        return None, (Note("orders", "wrong_type", text.excerpt(value)),)
    fields = map(value.get, ("count", "total", "last_at", "currency"))
    return orders.parse(*fields)
