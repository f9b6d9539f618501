"""Filters, order and pages of ``*.list``."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
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
    "=": lambda value, operands: value in operands,
    "!": lambda value, operands: value not in operands,
    "%": lambda value, operands: any(
        str(operand).lower() in str(value).lower() for operand in operands
    ),
    ">": lambda value, operands: value > operands[0],
    "<": lambda value, operands: value < operands[0],
    ">=": lambda value, operands: value >= operands[0],
    "<=": lambda value, operands: value <= operands[0],
}
_SYNONYMS = {"": "=", "@": "=", "!=": "!", "!@": "!"}


class Condition(NamedTuple):
    """Compares ``field`` with ``operands`` by one of ``_TESTS``."""

    test: str
    field: str
    operands: list[Any]


class Page(NamedTuple):
    """One page of rows; ``total`` and ``next`` are None when they were not counted."""

    rows: list[Row]
    total: int | None
    next: int | None


def read_filter(
    filter_param: Any, fields: Mapping[str, Field], stats: Stats, strict: bool
) -> list[Condition]:
    """Returns the conditions of a filter.

    ``strict`` (``crm.item.list``) refuses a field that does not exist; the older lists drop it
    silently, and then return every record.
    """
    conditions: list[Condition] = []
    for key, value in php.items(filter_param):
        match = _KEY.fullmatch(key)
        spec = fields.get(match[2]) if match else None
        if match is None or spec is None:
            _count_unknown_field(key, "filter", stats, strict)
            continue
        operands = php.values(value) if isinstance(value, list | dict) else [value]
        if len(operands) > MAX_VALUES:
            stats.blame("filters_too_long")
            refuse(f"Invalid filter: field '{key}' has invalid value", _INVALID)
        operator = match[1] or ""
        operands = [_comparable(spec, operand) for operand in operands] or [_comparable(spec, None)]
        conditions.append(Condition(_SYNONYMS.get(operator, operator), match[2], operands))
    return conditions


def read_order(order: Any, fields: Mapping[str, Field], stats: Stats, strict: bool) -> Sort:
    """Returns the columns to sort by, and whether descending; by default ascending ids."""
    sort = []
    for name, direction in php.items(order):
        if name not in fields:
            _count_unknown_field(name, "order", stats, strict)
            continue
        word = php.to_str(direction).upper()
        if word not in ("ASC", "DESC"):
            refuse("Invalid order: allowed sort directions are `ASC, DESC`", _INVALID)
        sort.append((_column(name), word == "DESC"))
    return sort or [("id", False)]


def _count_unknown_field(name: str, place: str, stats: Stats, strict: bool) -> None:
    stats.blame("unknown_filters")
    if strict:
        refuse(f"Invalid {place}: field '{name}' is not allowed in {place}", _INVALID)


def _comparable(spec: Field, value: Any) -> Any:
    is_number = spec.type in ("integer", "user", "crm_company")
    return php.to_int(value) if is_number else php.to_str(value)


def _matches(row: Row, conditions: list[Condition], fields: Mapping[str, Field]) -> bool:
    for test, name, operands in conditions:
        spec = fields[name]
        value = row[_column(name)]
        several = value or [None] if spec.multiple else [value]
        if not any(_TESTS[test](_comparable(spec, element), operands) for element in several):
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
    """Returns a page of matching rows; ``start`` -1 omits ``total`` and ``next``."""
    offset = php.to_int(start)
    matches = (
        row
        for row in table.rows(_candidates(table, conditions))
        if _matches(row, conditions, fields)
    )
    if offset < 0 and sort == [("id", False)]:
        return Page(list(islice(matches, PAGE)), None, None)
    rows = list(matches)
    for name, descending in reversed(sort):
        rows.sort(key=lambda row: (row[name] is not None, row[name]), reverse=descending)
    if offset < 0:
        return Page(rows[:PAGE], None, None)
    after = offset + PAGE
    return Page(rows[offset:after], len(rows), after if len(rows) > after else None)


def _candidates(table: Table, conditions: list[Condition]) -> Iterable[int]:
    """Returns ids that may match, ascending: by an index if there is one, else above ``>id``."""
    for condition in conditions:
        if condition.test == "=":
            ids = _indexed_ids(table, condition)
            if ids is not None:
                return ids
    bounds = [
        operands[0] for test, name, operands in conditions if test == ">" and _column(name) == "id"
    ]
    return table.ids(max(bounds, default=0))


def _indexed_ids(table: Table, condition: Condition) -> list[int] | None:
    """Returns the ids whose field equals an operand, ascending; None without a usable index."""
    if _column(condition.field) == "id":
        return sorted(row_id for row_id in set(condition.operands) if row_id in table)
    # The index lacks rows whose field is empty.
    if not table.is_indexed(condition.field) or any(map(php.is_empty, condition.operands)):
        return None
    ids = (table.find(condition.field, operand) for operand in condition.operands)
    return sorted(set(chain.from_iterable(ids)))
