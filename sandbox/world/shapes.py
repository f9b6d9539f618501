"""Damages a partner's fields: missing, null, or of another type than the format's."""

from collections.abc import Callable
from typing import Any, Final

Draw = Callable[[], float]
Values = tuple[Any, ...]

ORGANISATION_FIELDS: Final = (
    *("name1", "name2", "legal_form", "addresses", "bankdetails"),
    *("phones", "emails", "site", "orders", "created_at"),
)
_PERSON_FIELDS: Final = ("position", "created_at", "phones", "emails")
_MISSING: Final = object()
_NOTHING: Final = (None, _MISSING) * 2
# By the type of the field's value: text, a list, any other.
_FOR_TEXT: Final[Values] = (*_NOTHING, True, 0, 12.5, [], ["?"], {}, {"text": "?"})
_FOR_LISTS: Final[Values] = (
    *_NOTHING,
    "",
    "нет",
    False,
    0,
    {},
    [None],
    [[]],
    [[None, {}]],
    [True],
)
_FOR_REST: Final[Values] = (*_NOTHING, "", [], False, "12", {"count": "12", "total": 154300.5})


def person_fields(evidence: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the fields of a person that can be damaged without removing its evidence."""
    safe = [field for field in _PERSON_FIELDS if field not in ("phones", "emails")]
    if "email" not in evidence:
        safe.append("emails")
    if evidence in ((), ("email",)):
        safe.append("phones")
    return tuple(safe)


def damage_shape(draw: Draw, partner: dict[str, Any], fields: tuple[str, ...]) -> None:
    """Damages one of the fields in one partner of ten, and rarely phones or deletion mark."""
    lot = draw()
    if lot < 0.1:
        _spoil(draw, partner, fields[int(draw() * len(fields))])
    elif lot < 0.12:
        _rewrap(draw, partner)
    elif lot < 0.14 or (partner["deleted"] and lot < 0.5):
        _mark(draw, partner)


def _spoil(draw: Draw, partner: dict[str, Any], field: str) -> None:
    value = partner.get(field)
    pool = _FOR_TEXT if isinstance(value, str) else _FOR_REST
    if isinstance(value, list):
        pool = _FOR_LISTS
    wrong = pool[int(draw() * len(pool))]
    partner[field] = wrong
    if wrong is _MISSING:
        del partner[field]


def _rewrap(draw: Draw, partner: dict[str, Any]) -> None:
    """Puts the phones into nested lists, adds a null, or makes the only phone a number."""
    phones = partner["phones"]
    digits = "".join(filter(str.isdigit, phones[0])) if len(phones) == 1 else ""
    if len(digits) == 11 and phones[0][:2] != "00":
        partner["phones"] = [int(digits)]
    elif isinstance(phones, list):
        partner["phones"] = [[phone] for phone in phones] if draw() < 0.5 else [None, *phones]


def _mark(draw: Draw, partner: dict[str, Any]) -> None:
    """Makes the deletion mark a number or a text, or omits a false one."""
    deleted = partner["deleted"]
    lot = draw()
    if lot < 0.4:
        partner["deleted"] = int(deleted)
    elif lot < 0.7:
        partner["deleted"] = str(deleted).lower()
    elif not deleted:
        del partner["deleted"]


def no_tax_numbers(draw: Draw) -> Any:
    """Draws a value of ``taxnumbers`` without a TIN, of any type."""
    shapes: Values = (
        None,
        [],
        "",
        "нет",
        {},
        True,
        [None],
        [[]],
        [{"type": "KPP", "number": "780501001"}],
    )
    return shapes[int(draw() * len(shapes))]


def damage_references(draw: Draw, partners: list[str]) -> Any:
    """Returns ``contact_of``, rarely as a text, as numbers without their zeros, or with nulls."""
    lot = draw()
    if not partners:
        return (None, [], "", [None], [""])[int(draw() * 5)]
    if lot < 0.02 and len(partners) == 1:
        return partners[0]
    if lot < 0.03:
        return [int(partner) for partner in partners]
    return [*partners, None, partners[0]] if lot < 0.04 else partners
