"""Moments in any of the forms in which stores write them.

Source: contracts/configuration. ISO 8601 is read as ``transforms.fields.time`` reads it.

>>> moscow = "2024-02-11T17:40:12+03:00"
>>> forms = (moscow, "11.02.2024 17:40:12", "20240211174012", 20240211174012,
...          "/Date(1707662412000)/", 1707662412, "1707662412000", 45333.736250)
>>> {parse(form)[0] for form in forms}
{1707662412000000}
>>> [str(read(form)) for form in ("2024-02-10T24:00:00", "2024-02-10T23:59:60", "11.02.24", 45333)]
['2024-02-11 00:00:00', '2024-02-11 00:00:00', 'None', '2024-02-11 00:00:00']
>>> parse("вчера"), parse("0000-00-00")[1][0].problem
((0, (Note(field='changed_at', problem='unreadable', value='вчера'),)), 'unreadable')
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from transforms.core.records import Note
from transforms.fields import text, time

_LONGEST = 40
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL_EPOCH = datetime(1899, 12, 30)
MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_HALF_MILLISECOND = timedelta(microseconds=500)
# Days of 1950 to 2100 in a spreadsheet.
_EXCEL_DAYS = (18_264, 73_415)
# Above it is no number of the forms that are known: 20240211174012 has 14 digits.
_GREATEST = 10**14
# Seconds and milliseconds of 1973 to 2286.
_SECONDS, _MILLISECONDS = (10**8, 10**10), (10**11, 10**13)

_MICROSOFT = re.compile(r"/Date\((-?\d{1,14})([+-]\d{4})?\)/", re.ASCII).fullmatch
_RUSSIAN = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?[ T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?", re.ASCII
).fullmatch
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?", re.ASCII).fullmatch
# A day's end, and a leap second: Python knows neither.
_ISO_END = re.compile(
    r"(?P<date>\d{4}-?\d\d-?\d\d)(?P<mark>[T ])"
    r"(?:(?P<midnight>24:?00(?::?00(?:[.,]0+)?)?)|(?P<time>\d\d:?\d\d:?)60(?:[.,]\d+)?)"
    r"(?P<offset> ?(?:Z|[+-]\d\d:?(?:\d\d)?))?",
    re.ASCII | re.IGNORECASE,
).fullmatch
_NUMBER = re.compile(r"\d{5,13}(?:[.,]\d{1,10})?", re.ASCII).fullmatch


def parse(
    value: object, field: str = "changed_at", zone: ZoneInfo = time.MOSCOW
) -> tuple[int, text.Notes]:
    """Returns a moment in microseconds since the epoch; 0 and a note when there is none.

    A value without an offset is the time of ``zone``.
    """
    moment = read(value)
    if moment is None:
        problem = "missing" if is_empty(value) else "unreadable"
        return 0, (Note(field, problem, "" if value is None else text.excerpt(value)),)
    return microseconds(moment, zone), ()


def microseconds(moment: datetime, zone: ZoneInfo) -> int:
    """Returns the microseconds since the epoch; a moment without a time zone is one of ``zone``."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - EPOCH) // MICROSECOND


def moscow_date(value: object, field: str, zone: ZoneInfo = time.MOSCOW) -> tuple[str, text.Notes]:
    """Returns the calendar day in Moscow, ``YYYY-MM-DD``; of a value without an offset its own.

    >>> moscow_date("02.03.2024", "orders"), moscow_date("2024-03-01T22:00:00Z", "orders")
    (('2024-03-02', ()), ('2024-03-02', ()))
    """
    if is_empty(value):
        return "", ()
    return time.moscow_date(read(value) or value, field)


def is_empty(value: object) -> bool:
    """Whether a value says that there is no moment."""
    return value is None or value == "" or (isinstance(value, str) and not value.strip())


def read(value: object) -> datetime | None:
    """Returns the moment, without a time zone where the value has none; None when it is none."""
    if isinstance(value, str):
        if len(value) > _LONGEST:
            return None
        cell = value.strip()
        try:
            return datetime.fromisoformat(cell)
        except ValueError:
            return _read_text(cell)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _read_number(value)
    return time.read(value)


def _read_text(cell: str) -> datetime | None:
    try:
        return _read_known_form(cell)
    except (ValueError, OverflowError):
        return None


def _read_known_form(cell: str) -> datetime | None:
    if match := _COMPACT(cell):
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    if match := _RUSSIAN(cell):
        day, month, year, *clock = (int(part or 0) for part in match.groups())
        return _at(datetime(year, month, day), *clock)
    if match := _MICROSOFT(cell):
        return EPOCH + timedelta(milliseconds=int(match[1]))
    if match := _ISO_END(cell):
        offset = (match["offset"] or "").strip()
        time_of_day = f"{match['time']}59" if match["time"] else "00:00:00"
        moment = datetime.fromisoformat(f"{match['date']}{match['mark']}{time_of_day}{offset}")
        return moment + (_DAY if match["midnight"] else timedelta(seconds=1))
    return _read_number(Decimal(cell.replace(",", "."))) if _NUMBER(cell) else None


def _at(day: datetime, hour: int, minute: int, second: int) -> datetime:
    """Returns a time of a day, which may be its end (24:00) or a leap second."""
    if (hour, minute, second) == (24, 0, 0):
        return day + _DAY
    if second == 60:
        return day.replace(hour=hour, minute=minute, second=59) + timedelta(seconds=1)
    return day.replace(hour=hour, minute=minute, second=second)


def _read_number(value: float | Decimal) -> datetime | None:
    # A number without an end says so itself; an integer may have more digits than a float.
    finite = value.is_finite() if isinstance(value, Decimal) else value == value
    if not finite or not 0 <= value < _GREATEST:
        return None
    if _SECONDS[0] <= value < _SECONDS[1]:
        return EPOCH + timedelta(microseconds=int(value * 10**6))
    if _MILLISECONDS[0] <= value < _MILLISECONDS[1]:
        return EPOCH + timedelta(microseconds=int(value * 1000))
    if _EXCEL_DAYS[0] <= value < _EXCEL_DAYS[1]:
        return _of_excel(float(value))
    return _read_text(str(int(value))) if value == int(value) and value >= 10**13 else _day(value)


def _day(value: float | Decimal) -> datetime | None:
    """Returns the day of a number such as 20240211."""
    return _read_text(str(int(value))) if value == int(value) and 10**7 < value < 10**8 else None


def _of_excel(days: float) -> datetime:
    """Returns the moment of a spreadsheet's number, in whole seconds where it is near one."""
    moment = _EXCEL_EPOCH + timedelta(days=days)
    whole = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
    return whole if abs(whole - moment) < _HALF_MILLISECOND * 2 else moment
