"""Moments in microseconds since the epoch, UTC; times without an offset are Moscow time.

Source: contracts/fields, "Time". Moscow's offset was not always +3: the time zone database has it.

>>> parse("2024-02-11T17:40:12+03:00")
(1707662412000000, ())
>>> parse("2024-02-11 17:40:12")[0], parse("2024-02-11T14:40:12Z")[0]
(1707662412000000, 1707662412000000)
>>> parse("вчера")
(0, (Note(field='changed_at', problem='unreadable', value='вчера'),))
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from transforms.core.records import Note
from transforms.fields import text

MOSCOW = ZoneInfo("Europe/Moscow")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = 40


def parse(
    value: object, field: str = "changed_at", local: bool = False, zone: ZoneInfo = MOSCOW
) -> tuple[int, text.Notes]:
    """Returns the moment of a datetime or an ISO 8601 text; 0 and a note when there is none.

    A value without an offset, such as a date, is the time of ``zone``; a note says so unless the
    store's times are ``local`` by contract.

    >>> parse(datetime(2012, 7, 1, 12), local=True)[0] == parse("2012-07-01T12:00:00+04:00")[0]
    True
    >>> parse("2024-02-11")
    (1707598800000000, (Note(field='changed_at', problem='no_offset', value='2024-02-11'),))
    """
    moment = read(value)
    if moment is None:
        problem = "missing" if value is None or value == "" else "unreadable"
        return 0, (Note(field, problem, "" if value is None else text.excerpt(value)),)
    notes: text.Notes = ()
    if moment.tzinfo is None:
        if not local:
            notes = (Note(field, "no_offset", text.excerpt(value)),)
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MICROSECOND, notes


def moscow_date(value: object, field: str) -> tuple[str, text.Notes]:
    """Returns the calendar day in Moscow, ``YYYY-MM-DD``, of a date or a moment.

    >>> moscow_date("2024-03-02", "orders"), moscow_date("2024-03-01T22:00:00Z", "orders")
    (('2024-03-02', ()), ('2024-03-02', ()))
    """
    if value is None or value == "":
        return "", ()
    moment = read(value)
    if moment is None:
        return "", (Note(field, "unreadable", text.excerpt(value)),)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(MOSCOW)
        except OverflowError:
            return "", (Note(field, "unreadable", text.excerpt(value)),)
    return moment.date().isoformat(), ()


def read(value: object) -> datetime | None:
    """Returns the moment of a datetime, a date or an ISO 8601 text, else None."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip()) if len(value) <= _LONGEST else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None
