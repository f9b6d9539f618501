"""A value of our records in the form of a portal's field, or why it cannot have that form.

Source: contracts/configuration.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from transforms.crm.api.batch import as_map, defuse
from transforms.crm.api.portal_fields import FieldForm, PortalField
from transforms.fields import time


class Choice(msgspec.Struct, frozen=True):
    """A value with a name for people and a code: a store, a status of the register."""

    text: str
    code: str


Plain = str | int | Decimal | date | Choice
Value = Plain | tuple[Plain, ...] | None
"""A value of a record; several of one kind; or None."""


class PortalValue(NamedTuple):
    """What is sent (None: nothing), and why a value is left out; ``problem`` is "" for none."""

    content: Any
    problem: str = ""
    text: str = ""


class _UnfitError(ValueError):
    """The value cannot have the field's form; the message is the problem's code."""


_MOSCOW = ZoneInfo("Europe/Moscow")
_YES = frozenset(("true", "1", "y", "yes", "x", "да", "истина", "on"))
_NO = frozenset(("false", "0", "n", "no", "нет", "ложь", "off", "0000-00-00"))
_RUSSIAN_DATE = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})(?:[ T].*)?").fullmatch
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{6})?").fullmatch
# A portal keeps whole numbers in four bytes.
_LARGEST = 2**31 - 1


def portal_value(field: PortalField, value: Value) -> PortalValue:
    """The value as it is sent to the field.

    >>> portal_value(PortalField("ufCrmSum", "orders.total", "money"), Decimal("1100.50"))
    PortalValue(content='1100.50|RUB', problem='', text='')
    >>> kind = PortalField("ufCrmKind", "extra.kind", "choice", options=(("Оптовик", "45"),))
    >>> portal_value(kind, " оптовик").content, portal_value(kind, "Розница").problem
    ('45', 'not_in_list')
    """
    values = value if isinstance(value, tuple) else (value,)
    values = tuple(element for element in values if element is not None and _text(element))
    if not values:
        return PortalValue(None)
    if field.is_multiple:
        return _several(field, values)
    single = values[0] if len(values) == 1 else ", ".join(map(_text, values))
    try:
        return PortalValue(_CONVERSIONS[field.form](field, single))
    except _UnfitError as error:
        return PortalValue(None, str(error), _text(single))


def _several(field: PortalField, values: tuple[Plain, ...]) -> PortalValue:
    """Each value that fits; the first that does not is the problem."""
    contents: list[Any] = []
    problems: list[tuple[str, str]] = []
    for value in values:
        try:
            contents.append(_CONVERSIONS[field.form](field, value))
        except _UnfitError as error:
            problems.append((str(error), _text(value)))
    content = list(dict.fromkeys(contents)) or None
    return PortalValue(content, *problems[0]) if problems else PortalValue(content)


def _text(value: Plain) -> str:
    if isinstance(value, Choice):
        return value.text or value.code
    return value.isoformat() if isinstance(value, date) else str(value)


def _as_text(_: PortalField, value: Plain) -> str:
    return defuse(_text(value))


def _decimal(value: Plain) -> Decimal:
    """The number; blanks between digits and a decimal comma are understood.

    >>> _decimal("12 500,50"), _decimal(7)
    (Decimal('12500.50'), Decimal('7'))
    """
    digits = "".join(_text(value).split()).replace(",", ".").removesuffix("₽")
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise _UnfitError("not_a_number") from None
    if not number.is_finite():
        raise _UnfitError("not_a_number")
    return number


def _as_whole(_: PortalField, value: Plain) -> int:
    number = _decimal(value)
    if number != number.to_integral_value():
        raise _UnfitError("not_whole")
    if abs(number) > _LARGEST:
        raise _UnfitError("too_large")
    return int(number)


def _as_number(_: PortalField, value: Plain) -> str:
    return f"{_decimal(value):f}"


def _as_money(_: PortalField, value: Plain) -> str:
    return f"{_decimal(value):f}|RUB"


def _as_date(_: PortalField, value: Plain) -> str:
    return _day(value).isoformat()


def _day(value: Plain) -> date:
    """The calendar day in Moscow of a date or a text.

    >>> _day("04.03.2024 12:30"), _day("20240304"), _day("2024-03-03T22:00:00Z")
    (datetime.date(2024, 3, 4), datetime.date(2024, 3, 4), datetime.date(2024, 3, 4))
    """
    if isinstance(value, date):
        return value
    text = _text(value).strip()
    try:
        if match := _RUSSIAN_DATE(text):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if match := _COMPACT_DATE(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _UnfitError("not_a_date") from None
    day, _ = time.moscow_date(text, "")
    if not day:
        raise _UnfitError("not_a_date")
    return date.fromisoformat(day)


def _as_moment(_: PortalField, value: Plain) -> str:
    text = _text(value).strip()
    microseconds, notes = time.parse(text, local=True)
    if notes or isinstance(value, date):
        day = _day(value)
        return datetime(day.year, day.month, day.day, tzinfo=_MOSCOW).isoformat()
    return datetime.fromtimestamp(microseconds // 1_000_000, _MOSCOW).isoformat()


def _as_choice(field: PortalField, value: Plain) -> str:
    ids: dict[str, str] = {}
    for text, option_id in field.options:
        ids.setdefault(_folded(text), option_id)
    words = (value.text, value.code) if isinstance(value, Choice) else (_text(value),)
    for word in words:
        if option := ids.get(_folded(word)):
            return option
    raise _UnfitError("not_in_list")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _as_yes_or_no(_: PortalField, value: Plain) -> str:
    if isinstance(value, int | Decimal):
        return "Y" if value else "N"
    word = _folded(_text(value))
    if word in _YES:
        return "Y"
    if word in _NO:
        return "N"
    raise _UnfitError("not_yes_or_no")


_CONVERSIONS: Mapping[FieldForm, Callable[[PortalField, Plain], Any]] = {
    "text": _as_text,
    "whole": _as_whole,
    "number": _as_number,
    "money": _as_money,
    "date": _as_date,
    "moment": _as_moment,
    "choice": _as_choice,
    "yes_or_no": _as_yes_or_no,
}


def is_filled(field: PortalField, present: Any) -> bool:
    """Whether somebody has filled the field of a card: a box that nobody ticked says "N"."""
    if field.form == "yes_or_no":
        return _comparable(field, present) == "Y"
    return present not in (None, "", False, [], {}, 0, "0")


def is_same(field: PortalField, sent: Any, present: Any) -> bool:
    """Whether the portal holds what was sent, in whatever form it shows it.

    >>> date_field = PortalField("ufCrmSince", "register.since", "date")
    >>> is_same(date_field, "2024-03-02", "2024-03-02T03:00:00+03:00")
    True
    >>> is_same(PortalField("ufCrmSum", "orders.total", "number"), "1100.50", 1100.5)
    True
    """
    if field.is_multiple:
        present_words = {_comparable(field, value) for value in as_map(present).values()}
        return present_words == {_comparable(field, value) for value in as_map(sent).values()}
    return _comparable(field, sent) == _comparable(field, present)


def _comparable(field: PortalField, value: Any) -> str:
    if value is None or (value is False and field.form != "yes_or_no"):
        return ""
    text = str(value).strip()
    match field.form:
        case "date":
            return text[:10]
        case "moment":
            microseconds, _ = time.parse(text, local=True)
            return str(microseconds // 60_000_000)
        case "yes_or_no":
            return "N" if _folded(text) in {*_NO, ""} else "Y"
        case "number" | "money" | "whole":
            return _number_text(text)
        case _:
            return text


def _number_text(text: str) -> str:
    number, mark, currency = text.partition("|")
    try:
        return f"{Decimal(number).normalize():f}{mark}{currency}"
    except InvalidOperation:
        return text
