"""The time of change as a column writes it: what a delta compares, and how.

Everything outside the column is a *moment*: a ``datetime`` without a time zone, by the column's own
clock. That is UTC for columns that know their offset, and the store's local time for others.

>>> clock = Clock("epoch", unit=1000)
>>> clock.moment(1709251200500), clock.value(datetime(2024, 3, 1))
(datetime.datetime(2024, 3, 1, 0, 0, 0, 500000), 1709251200000)
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from statistics import median
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from transforms.stores.sql.relation import Column

EARLIEST = datetime(1970, 1, 2)
LATEST = datetime(9999, 12, 30)

_EPOCH = datetime(1970, 1, 1)
_ONE_SECOND = timedelta(seconds=1)
_ONE_DAY = timedelta(days=1)
# Seconds and milliseconds of the years 1990 to 2100.
_UNITS = {1: (631_152_000, 4_102_444_800), 1000: (631_152_000_000, 4_102_444_800_000)}
_UTC = r"(Z|\+00(:?00)?)"
# A text that is compared is cut behind the seconds: what follows them sorts behind it.
_FORMS = (
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?"), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?{_UTC}"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?{_UTC}"), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(r"\d{8}"), "%Y%m%d"),
    (re.compile(r"\d{14}"), "%Y%m%d%H%M%S"),
)
# Of a sample: a few values that are no times do not make the column useless.
_MOST = 0.9

ClockKind = Literal["datetime", "instant", "date", "epoch", "text"]


class NoClockError(Exception):
    """Why a column cannot be what a delta goes by."""


class Clock(msgspec.Struct, frozen=True):
    """How a column writes moments. ``unit``: of an epoch; ``form``: of a text."""

    kind: ClockKind
    timezone: str = "UTC"
    unit: int = 1
    form: str = ""
    is_aware: bool = False

    @property
    def is_local(self) -> bool:
        """Whether moments are the store's local time: UTC otherwise."""
        return self.timezone != "UTC"

    @property
    def has_ranges(self) -> bool:
        """Whether moments can be numbered, so that ranges of them can be read apart."""
        return self.kind != "text"

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(ZoneInfo(self.timezone)).replace(tzinfo=None, microsecond=0)

    def value(self, moment: datetime) -> object:
        """Returns the moment as the column has it, for comparing; what the column lacks is cut."""
        if self.kind == "epoch":
            return (moment - _EPOCH) // _ONE_SECOND * self.unit
        if self.kind == "text":
            return moment.strftime(self.form)
        if self.kind == "date":
            return moment.date()
        return moment.replace(tzinfo=UTC) if self.is_aware else moment

    def moment(self, value: Any) -> datetime:
        """Returns the moment of a column's value."""
        if isinstance(value, datetime):
            moment: datetime = value
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        if self.kind == "epoch":
            return _EPOCH + timedelta(seconds=float(value) / self.unit)
        return datetime.strptime(_text(value)[: len(LATEST.strftime(self.form))], self.form)

    def find_moment(self, value: Any) -> datetime | None:
        """Returns the moment of a column's value; None for a text that is no time."""
        try:
            return self.moment(value)
        except ValueError:
            return None

    def position(self, moment: datetime) -> int:
        """Returns the number of a moment: of seconds, or of days, since the epoch."""
        return (moment - _EPOCH) // (_ONE_DAY if self.kind == "date" else _ONE_SECOND)

    def moment_at(self, position: int) -> datetime:
        """Returns the moment of a number; one after the last that there is, is the last."""
        try:
            return _EPOCH + position * (_ONE_DAY if self.kind == "date" else _ONE_SECOND)
        except OverflowError:
            return datetime.max

    def write(self, moment: datetime) -> str:
        """Returns a moment as the ledger keeps it: UTC with its offset, local time without."""
        return moment.isoformat() if self.is_local else f"{moment.isoformat()}+00:00"

    def read(self, text: str) -> datetime:
        """Returns a moment that ``write`` wrote, perhaps by another clock."""
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
        return moment

    def put_back(self, moment: datetime, now: datetime) -> timedelta:
        """Returns by how much local clocks were put back since a moment: its hour came twice."""
        zone = ZoneInfo(self.timezone)
        shift = (zone.utcoffset(moment) or timedelta()) - (zone.utcoffset(now) or timedelta())
        return max(shift, timedelta())


def clock_of(column: Column, timezone: str, sample: Sequence[object]) -> Clock:
    """Returns the clock of a column; ``sample`` are some of its values, none of them NULL.

    Raises:
        NoClockError: saying why there is none.
    """
    if column.type == "datetime":
        return Clock("datetime", timezone)
    if column.type == "instant":
        return Clock("instant", is_aware=column.is_aware)
    if column.type == "date":
        return Clock("date", timezone)
    if column.type in ("integer", "number"):
        return Clock("epoch", unit=_unit(sample))
    if column.type == "text":
        return _text_clock(timezone, sample)
    raise NoClockError(f"it is a {column.native}, which is no time")


def _unit(sample: Sequence[Any]) -> int:
    numbers = [float(value) for value in sample if isfinite(value)]
    if not numbers:
        return 1
    middle = median(numbers)
    for unit, (first, last) in _UNITS.items():
        if first <= middle < last:
            return unit
    raise NoClockError("its numbers are neither seconds nor milliseconds since 1970")


def _text_clock(timezone: str, sample: Sequence[object]) -> Clock:
    texts = [_text(value) for value in sample]
    for pattern, form in _FORMS:
        if sum(map(bool, map(pattern.fullmatch, texts))) >= max(1, _MOST * len(texts)):
            is_utc = _UTC in pattern.pattern
            return Clock("text", "UTC" if is_utc else timezone, form=form)
    if not texts:
        return Clock("text", timezone, form=_FORMS[1][1])
    raise NoClockError(
        "it is a text, and its values are not all of one form that sorts by time"
        " (2024-03-01, 2024-03-01 12:00:00, 2024-03-01T12:00:00Z, 20240301, 20240301120000)"
    )


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
