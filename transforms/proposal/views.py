"""Views that make columns of fields that are none: attributes, JSON, child tables, link tables."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from transforms.proposal.contents import share, value_text
from transforms.proposal.names import name_strength, plain_name
from transforms.proposal.relations import best_reference, id_columns, overlap, rival_names
from transforms.proposal.roles import CERTAIN, assign_roles, fit
from transforms.proposal.samples import Column, Table

_MOST_KEYS = 500
_SEVERAL = ("phones", "emails")
_PLACES = ("address", "postal_code", "city", "street")
_CHILD_ROLES = (
    *("tin", "kpp", "ogrn", "name", "phones", "emails", "bik", "account", "bank"),
    *_PLACES,
)
_ATTRIBUTE_ROLES = (
    *("tin", "kpp", "ogrn", "bik", "account", "emails", "phones", "name", "full_name"),
    *_PLACES,
)
_KEY_WORDS = frozenset(("key", "attribute", "field", "code", "prop", "property"))


class Join(NamedTuple):
    """A column of a view: its name, its values in the sample, and its SQL.

    ``expression`` stands behind ``SELECT``, ``join`` behind ``FROM``.
    """

    column: Column
    expression: str
    join: str = ""


class Dialect(NamedTuple):
    """How a database quotes names, joins texts and reads JSON."""

    quote: str
    joined: str
    json: str

    def name(self, name: str) -> str:
        """Returns a quoted name, schema and table apart."""
        mark = self.quote
        return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in name.split("."))


DIALECTS = {
    "mysql": Dialect(
        "`", "GROUP_CONCAT({} SEPARATOR ', ')", "JSON_UNQUOTE(JSON_EXTRACT({}, '$.\"{}\"'))"
    ),
    "postgresql": Dialect('"', "STRING_AGG(CAST({} AS text), ', ')", "CAST({} AS json) ->> '{}'"),
}


class View(NamedTuple):
    """A table with more columns than it has, and the statement that makes it."""

    table: Table
    statement: str


def make_view(base: Table, joins: Sequence[Join], name: str, dialect: Dialect) -> View:
    """Returns the view of a table with the columns of the joins."""
    expressions = ",\n       ".join(
        f"{join.expression} AS {dialect.name(join.column.name)}" for join in joins
    )
    parts = [
        f"CREATE VIEW {dialect.name(name)} AS",
        f"SELECT t.*,\n       {expressions}",
        f"FROM {dialect.name(base.name)} t",
        *(join.join for join in joins if join.join),
    ]
    columns = (*base.columns, *(join.column for join in joins))
    table = Table(name, columns, {**base.place, "from": name})
    return View(table, "\n".join(parts) + ";")


class JoinFinder:
    """Finds columns for a table in others that point at it."""

    def __init__(self, tables: Sequence[Table], base: Table, dialect: Dialect) -> None:
        self._tables = [table for table in tables if table.name != base.name]
        self._base, self._dialect = base, dialect
        self._ids = id_columns(base)[0]
        self._id = f"t.{dialect.name(self._ids.name)}"
        self._aliases = (f"j{number}" for number in count(1))
        self._names = {column.name.lower() for column in base.columns}
        self._rivals = rival_names(tables, base)
        self._known_joins: dict[str, tuple[str, str]] = {}

    def joins(self, roles: Iterable[str]) -> Iterator[Join]:
        """Yields a column for each of the roles that another place fills."""
        missing = set(roles)
        for role, join in (*self._json_joins(), *self._attribute_joins(), *self._child_joins()):
            if role in missing:
                missing.discard(role)
                yield join

    def _reference(self, table: Table) -> tuple[float, str]:
        return best_reference(table, "company_ref", self._base, self._ids, (), self._rivals)

    def _free_name(self, name: str) -> str:
        free = re.sub(r"\W+", "_", name).strip("_") or "value"
        while free.lower() in self._names:
            free = f"{free}_2"
        self._names.add(free.lower())
        return free

    def _json_joins(self) -> Iterator[tuple[str, Join]]:
        for column in self._base.columns:
            objects = [_json_object(value) for value in column.values]
            if sum(map(bool, objects)) * 2 <= len(column.filled) or not any(objects):
                continue
            for key in sorted({key for entries in objects for key in entries}):
                values = tuple(entries.get(key) for entries in objects)
                if role := _role_of(key, values):
                    name = self._free_name(f"{column.name}_{key}")
                    place = f"t.{self._dialect.name(column.name)}"
                    expression = self._dialect.json.format(place, key.replace("'", "''"))
                    yield role, Join(Column(name, values), expression)

    def _attribute_joins(self) -> Iterator[tuple[str, Join]]:
        for table in self._tables:
            if attributes := self._attributes(table):
                yield from self._joins_of_attributes(table, *attributes)

    def _attributes(self, table: Table) -> tuple[str, str, str] | None:
        """Returns the columns of reference, key and value of a table of attributes."""
        points, reference = self._reference(table)
        if points < CERTAIN or len(table.columns) > 12:
            return None
        keys = [column for column in table.columns if _is_attribute_key(column, reference)]
        values = [
            column
            for column in table.columns
            if column.name != reference and "value" in plain_name(column.name).split("_")
        ]
        # A key says more than a type or a name.
        keys.sort(key=lambda column: not _KEY_WORDS & set(plain_name(column.name).split("_")))
        return (reference, keys[0].name, values[0].name) if keys and values else None

    def _joins_of_attributes(
        self, table: Table, reference: str, key: str, value: str
    ) -> Iterator[tuple[str, Join]]:
        by_key: dict[str, dict[str, Any]] = defaultdict(dict)
        rows = (table.column(name).values for name in (reference, key, value))
        for row_reference, row_key, row_value in zip(*rows, strict=True):
            by_key[value_text(row_key)][value_text(row_reference)] = row_value
        for attribute, values in by_key.items():
            if role := _role_of(attribute, tuple(values.values())):
                name = self._free_name(f"{role}_{attribute}" if attribute.isdigit() else attribute)
                quoted = attribute.replace("'", "''")
                condition = f" AND {{}}.{self._dialect.name(key)} = '{quoted}'"
                yield role, self._row_join(table, reference, value, name, values, condition)

    def _child_joins(self) -> Iterator[tuple[str, Join]]:
        for table in self._tables:
            points, reference = self._reference(table)
            if points < CERTAIN or self._attributes(table):
                continue
            for role, names in assign_roles(table, _CHILD_ROLES, [reference]).columns.items():
                if role == "name" and not share("name", table.column(names[0]).filled):
                    continue
                values = self._values(table, reference, names[0])
                name = self._free_name(names[0])
                if role in _SEVERAL:
                    yield role, self._list_join(table, reference, names[0], name, values)
                else:
                    yield role, self._row_join(table, reference, names[0], name, values)

    def _values(self, table: Table, reference: str, name: str) -> dict[str, Any]:
        pairs = zip(table.column(reference).values, table.column(name).values, strict=True)
        return {value_text(key): value for key, value in pairs}

    def _column(self, name: str, values: dict[str, Any]) -> Column:
        ids = map(value_text, self._ids.values)
        return Column(name, tuple(values.get(row_id) for row_id in ids))

    def _row_join(
        self,
        table: Table,
        reference: str,
        value: str,
        name: str,
        values: dict[str, Any],
        condition: str = "",
    ) -> Join:
        """Returns the join with one row of a table: its first one where there are several."""
        quoted = self._dialect.name
        place = f"{table.name} {reference} {condition}"
        if place in self._known_joins:
            alias, _ = self._known_joins[place]
            return Join(self._column(name, values), f"{alias}.{quoted(value)}")
        alias = next(self._aliases)
        ids = [column.name for column in id_columns(table) if column.name != reference]
        row = f"{alias}.{quoted(reference)} = {self._id}{condition.format(alias)}"
        if ids:
            first = f"MIN(x.{quoted(ids[0])})"
            row = f"{alias}.{quoted(ids[0])} = {self._rows(first, table, reference, condition)}"
        join = f"LEFT JOIN {quoted(table.name)} {alias} ON {row}"
        self._known_joins[place] = (alias, join)
        return Join(self._column(name, values), f"{alias}.{quoted(value)}", join)

    def _list_join(
        self, table: Table, reference: str, value: str, name: str, values: dict[str, Any]
    ) -> Join:
        """Returns the join with all rows of a table: their values in one text."""
        quoted = self._dialect.name
        listed = self._dialect.joined.format(f"x.{quoted(value)}")
        return Join(self._column(name, values), self._rows(listed, table, reference))

    def _rows(self, expression: str, table: Table, reference: str, condition: str = "") -> str:
        """Returns the query for something of those rows of a table that point at a base's row."""
        quoted = self._dialect.name
        return (
            f"(SELECT {expression} FROM {quoted(table.name)} x"  # noqa: S608 - quoted names
            f" WHERE x.{quoted(reference)} = {self._id}{condition.format('x')})"
        )

    def link_join(self, target: Table, target_ids: Column) -> Join | None:
        """Returns the column with ids of a table, by a table of links; None without links."""
        for table in self._tables:
            if table.name == target.name or len(table.columns) >= 10:
                continue
            own, reference = best_reference(table, "contact_ref", self._base, self._ids)
            points, link = best_reference(table, "company_ref", target, target_ids, [reference])
            is_link = overlap(table.column(link).filled, target_ids.values) > 0.5 if link else False
            if own >= CERTAIN and points >= CERTAIN and is_link:
                values = self._values(table, reference, link)
                return self._list_join(table, reference, link, self._free_name(link), values)
        return None


def _is_attribute_key(column: Column, reference: str) -> bool:
    """Whether a column says which attribute a row is: few values, each of them often."""
    name = plain_name(column.name)
    is_named = bool((_KEY_WORDS | {"type", "name"}) & set(name.split("_")))
    texts = {value_text(value) for value in column.filled}
    is_repeated = 0 < len(texts) <= min(_MOST_KEYS, max(1, len(column.filled) * 2 // 3))
    return column.name != reference and is_named and is_repeated and not column.is_key


def _role_of(name: str, values: tuple[Any, ...]) -> str:
    """Returns what an attribute holds; an empty text when it is nothing of a company."""
    column = Column(name, tuple(value for value in values if value not in (None, "")))
    best = max(fit(role, column) for role in _ATTRIBUTE_ROLES)
    is_named = best.role not in _PLACES or name_strength(best.role, name) > 0
    return best.role if best.points >= CERTAIN and is_named else ""


def _json_object(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    if isinstance(value, list):
        return {str(number): item for number, item in enumerate(value)}
    return value if isinstance(value, dict) else {}
