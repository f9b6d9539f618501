"""Filters, order and pages of ``*.list``."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sandbox.bitrix24 import php
from sandbox.bitrix24.errors import RestError, refuse
from sandbox.bitrix24.fields import Field
from sandbox.bitrix24.table import Row, Table

PAGE = 50
MAX_VALUES = 50

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
    given: Any, fields: Mapping[str, Field], unknown: Callable[[str], None]
) -> list[Condition]:
    """The conditions of a filter; ``unknown`` is told fields that are not there (it may raise)."""
    conditions = []
    for key, value in php.items(given):
        match = _KEY.fullmatch(key)
        spec = fields.get(match[2]) if match else None
        if match is None or spec is None:
            unknown(key)
            continue
        wanted = php.values(value) if isinstance(value, list | dict) else [value]
        if len(wanted) > MAX_VALUES:
            raise RestError(
                400, "INVALID_ARG_VALUE", f"Invalid filter: field '{match[2]}' has invalid value"
            )
        operator = match[1] or ""
        wanted = [_comparable(spec, one) for one in wanted] or [_comparable(spec, None)]
        conditions.append(Condition(_SAME.get(operator, operator), match[2], wanted))
    return conditions


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
    order: Any,
    start: Any,
) -> Page:
    """The rows asked for. ``start`` -1 leaves out counting, and with it ``total`` and ``next``."""
    offset = php.to_int(start)
    sort = _read_order(order, fields)
    found = (
        row
        for row in table.rows(_candidates(table, conditions))
        if _matches(row, conditions, fields)
    )
    if offset < 0 and sort == [("id", False)]:
        return Page(_first(found, PAGE), None, None)
    rows = list(found)
    for name, descending in reversed(sort):
        rows.sort(key=lambda row: (row[name] is not None, row[name]), reverse=descending)
    if offset < 0:
        return Page(rows[:PAGE], None, None)
    after = offset + PAGE
    return Page(rows[offset:after], len(rows), after if len(rows) > after else None)


def _first(rows: Iterator[Row], count: int) -> list[Row]:
    return [row for row, _ in zip(rows, range(count), strict=False)]


def _read_order(order: Any, fields: Mapping[str, Field]) -> list[tuple[str, bool]]:
    sort = []
    for name, direction in php.items(order):
        if name not in fields:
            continue
        if php.to_str(direction).upper() not in ("ASC", "DESC"):
            refuse(f"Invalid order: allowed sort directions are ASC, DESC ('{name}')")
        sort.append((_column(name), php.to_str(direction).upper() == "DESC"))
    return sort or [("id", False)]


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
