"""The values of a workbook's cells as JSON has them.

Excel makes numbers of texts, and keeps 15 digits of a number: a number above that has lost some,
and stays a ``Decimal`` that the fields note.
"""

from collections.abc import Callable, Set
from datetime import date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from openpyxl.utils.datetime import from_excel

from transforms.stores.files.sheet_xml import RawCell

# From here on a number has lost its last digits.
_INEXACT = 2**53
_KEPT_DIGITS = Context(prec=15)


class DateStyles(NamedTuple):
    """By which styles of cells a number is a date or a duration, counted from ``epoch``."""

    dates: Set[int]
    durations: Set[int]
    epoch: datetime


def cell_value(cell: RawCell, shared: Callable[[int], str], styles: DateStyles) -> object:
    """Returns a cell's value: a text, a number, a truth value; None for nothing.

    A formula without a kept value, and an error such as ``#N/A``, are objects: a note says so.
    """
    value = cell.value
    if not value:
        return _without_value(cell)
    match cell.kind:
        case "s":
            return shared(int(value)) if value.strip().isdecimal() else None
        case "str" | "inlineStr" | "d":
            return value
        case "b":
            return value.strip() == "1"
        case "e":
            return {"error": value}
    return _number(value, cell.style, styles)


def _without_value(cell: RawCell) -> object:
    if cell.formula is None or (cell.kind == "str" and cell.value is not None):
        return None
    return {"formula": f"={cell.formula}"}


def _number(text: str, style: int, styles: DateStyles) -> object:
    if style in styles.dates:
        return _moment(text, style, styles)
    return excel_number(text)


def excel_number(text: str) -> object:
    """Returns the number that a cell holds; a text that is no number as it is.

    >>> excel_number("7805746764"), excel_number("7.805746764E9"), excel_number("0.1")
    (7805746764, 7805746764, 0.1)
    >>> excel_number("4.0702810655E19"), excel_number("40702810655000000001")
    (Decimal('4.0702810655E+19'), Decimal('4.0702810655E+19'))
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    if abs(number) >= _INEXACT:
        # Its exponent says that digits are missing.
        return _KEPT_DIGITS.plus(number).normalize(_KEPT_DIGITS)
    return int(number) if number == number.to_integral_value() else float(number)


def _moment(text: str, style: int, styles: DateStyles) -> object:
    try:
        moment = from_excel(float(text), styles.epoch, timedelta=style in styles.durations)
    except (ValueError, OverflowError):
        return excel_number(text)
    if isinstance(moment, datetime):
        if moment.time() == datetime.min.time():
            return moment.date().isoformat()
        return moment.isoformat()
    return moment.isoformat() if isinstance(moment, date) else str(moment)
