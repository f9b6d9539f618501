from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import Note
from transforms.fields import time


def micros(*moment: int) -> int:
    delta = datetime(*moment, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2024-02-11T17:40:12+03:00", micros(2024, 2, 11, 14, 40, 12)),
        ("2024-02-11T14:40:12Z", micros(2024, 2, 11, 14, 40, 12)),
        (" 2024-02-11 14:40:12.000001Z ", micros(2024, 2, 11, 14, 40, 12, 1)),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("0001-01-01T00:00:00+14:00", micros(1, 1, 1) - 14 * 3600 * 10**6),
        (datetime(2024, 2, 11, 14, 40, tzinfo=UTC), micros(2024, 2, 11, 14, 40)),
    ],
)
def test_moments_with_an_offset(typed: object, moment: int) -> None:
    assert time.parse(typed) == (moment, ())


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        (datetime(2024, 2, 11, 17, 40, 12), micros(2024, 2, 11, 14, 40, 12)),
        ("2024-02-11 17:40:12.5", micros(2024, 2, 11, 14, 40, 12, 500_000)),
        (datetime(2013, 2, 1), micros(2013, 1, 31, 20)),  # all year at +4
        (datetime(2008, 7, 1), micros(2008, 6, 30, 20)),  # summer time
        (datetime(2008, 1, 1), micros(2007, 12, 31, 21)),
        (date(2024, 2, 11), micros(2024, 2, 10, 21)),
    ],
)
def test_moscow_time(typed: object, moment: int) -> None:
    assert time.parse(typed, local=True) == (moment, ())
    assert time.parse(typed)[0] == moment
    assert [note.problem for note in time.parse(typed)[1]] == ["no_offset"]


@pytest.mark.parametrize(
    ("typed", "note"),
    [
        (None, Note("changed_at", "missing", "")),
        ("", Note("changed_at", "missing", "")),
        ("0000-00-00 00:00:00", Note("changed_at", "unreadable", "0000-00-00 00:00:00")),
        ("11.02.2024", Note("changed_at", "unreadable", "11.02.2024")),
        (1707662412, Note("changed_at", "unreadable", "1707662412")),
        ({}, Note("changed_at", "unreadable", "{}")),
    ],
)
def test_no_moment(typed: object, note: Note) -> None:
    assert time.parse(typed) == (0, (note,))


@given(ANY_JSON | st.datetimes(timezones=st.none() | st.timezones()))
def test_takes_anything(value: object) -> None:
    moment, _ = time.parse(value)
    assert -(2**63) < moment < 2**63
    day, _ = time.moscow_date(value, "orders")
    assert time.moscow_date(day, "orders") == (day, ())
