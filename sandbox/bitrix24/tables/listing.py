"""Filters, order and pages of ``*.list``."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import refuse
from sandbox.bitrix24.stats import Stats
from sandbox.bitrix24.tables.fields import Field
from sandbox.bitrix24.tables.table import Row, Table

PAGE = 50
MAX_VALUES = 50

Sort = list[tuple[str, bool]]

_INVALID = "INVALID_ARG_VALUE"
_KEY = re.compile(r"(>=|<=|!=|!@|[=@><!%])?(\w+)")
_TESTS: Mapping[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda had, wanted: had in wanted,
    "!": lambda had, wanted: had not in wanted,
    "%": lambda had, wanted: any(str(one).lower() in str(had).lower() for one in wanted),
    ">": lambda had, wanted: had > wanted[0],
    "<": lambda had, wanted: had < wanted[0],
    ">=": lambda had, wanted: had >= wanted[0],
    "<=": lambda had, wanted: had <= wanted[0],
}
_SAME = {"": "=", "@": "=", "!=": "!", "!@": "!"}


class Condition(NamedTuple):
    """``field`` compared with ``wanted`` by one of ``_TESTS``."""

    test: str
    field: str
    wanted: list[Any]


class Page(NamedTuple):
    """One page of rows; ``total`` and ``next`` are None when they are not told."""

    rows: list[Row]
    total: int | None
    next: int | None


def read_filter(
    given: Any, fields: Mapping[str, Field], stats: Stats, strict: bool
) -> list[Condition]:
    """The conditions of a filter.

    A field that is not there is refused when ``strict`` (``crm.item.list``); the older lists drop
    it without a word, and then give every record there is.
    """
    conditions: list[Condition] = []
    for key, value in php.items(given):
        match = _KEY.fullmatch(key)
        spec = fields.get(match[2]) if match else None
        if match is None or spec is None:
            _unknown(key, "filter", stats, strict)
            continue
        wanted = php.values(value) if isinstance(value, list | dict) else [value]
        if len(wanted) > MAX_VALUES:
            stats.blame("filters_too_long")
            refuse(f"Invalid filter: field '{key}' has invalid value", _INVALID)
        operator = match[1] or ""
        wanted = [_comparable(spec, one) for one in wanted] or [_comparable(spec, None)]
        conditions.append(Condition(_SAME.get(operator, operator), match[2], wanted))
    return conditions


def read_order(given: Any, fields: Mapping[str, Field], stats: Stats, strict: bool) -> Sort:
    """Columns to sort by and whether downwards; rising ids when nothing was asked."""
    sort = []
    for name, direction in php.items(given):
        if name not in fields:
            _unknown(name, "order", stats, strict)
            continue
        word = php.to_str(direction).upper()
        if word not in ("ASC", "DESC"):
            refuse("Invalid order: allowed sort directions are `ASC, DESC`", _INVALID)
        sort.append((_column(name), word == "DESC"))
    return sort or [("id", False)]


def _unknown(name: str, place: str, stats: Stats, strict: bool) -> None:
    stats.blame("unknown_filters")
    if strict:
        refuse(f"Invalid {place}: field '{name}' is not allowed in {place}", _INVALID)


def _comparable(spec: Field, value: Any) -> Any:
    is_number = spec.type in ("integer", "user", "crm_company")
    return php.to_int(value) if is_number else php.to_str(value)


def _matches(row: Row, conditions: list[Condition], fields: Mapping[str, Field]) -> bool:
    for test, name, wanted in conditions:
        spec = fields[name]
        had = row[_column(name)]
        several = had or [None] if spec.multiple else [had]
        if not any(_TESTS[test](_comparable(spec, one), wanted) for one in several):
            return False
    return True


def _column(name: str) -> str:
    return "id" if name == "ID" else name


def find_page(
    table: Table,
    fields: Mapping[str, Field],
    conditions: list[Condition],
    sort: Sort,
    start: Any,
) -> Page:
    """The rows asked for. ``start`` -1 leaves out counting, and with it ``total`` and ``next``."""
    offset = php.to_int(start)
    found = (
        row
        for row in table.rows(_candidates(table, conditions))
        if _matches(row, conditions, fields)
    )
    if offset < 0 and sort == [("id", False)]:
        return Page(list(islice(found, PAGE)), None, None)
    rows = list(found)
    for name, descending in reversed(sort):
        rows.sort(key=lambda row: (row[name] is not None, row[name]), reverse=descending)
    if offset < 0:
        return Page(rows[:PAGE], None, None)
    after = offset + PAGE
    return Page(rows[offset:after], len(rows), after if len(rows) > after else None)


def _candidates(table: Table, conditions: list[Condition]) -> Iterable[int]:
    """Ids that can match at all, rising: by an index if there is one, else above ``>id``."""
    after = 0
    for test, name, wanted in conditions:
        if test == "=" and name in ("id", "ID"):
            return sorted(one for one in set(wanted) if one in table)
        if test == "=" and table.is_indexed(name) and not any(php.is_empty(w) for w in wanted):
            return sorted({row_id for one in wanted for row_id in table.find(name, one)})
        if test == ">" and name in ("id", "ID"):
            after = max(after, wanted[0])
    return table.ids(after)
