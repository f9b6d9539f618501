"""SQL statements over many rows, alike on every database.

The SQL is put together here, not by SQLAlchemy Core: Core binds each value of each row by itself,
which takes two to three times the CPU of ours, in the one process that writes
(``python -m bench.statements``; decision 13). Names come from ``schema``, values are always bound.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks

T = TypeVar("T")

Statement = tuple[str, Any]
"""A statement that writes: its SQL, and its values, or the values of each of many rows."""


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    keep: Sequence[str] = (),
) -> None:
    """Insert the rows; of rows whose primary key exists, overwrite all columns but ``keep``.

    All rows have the same columns.
    """
    if not rows:
        return
    sql, marks = _upsert_sql(connection.dialect, table, tuple(rows[0]), tuple(keep))
    values: list[Any] = list(map(itemgetter(*marks), rows)) if marks else list(rows)
    if len(marks) == 1:  # itemgetter returns a tuple for several keys only
        values = [(value,) for value in values]
    _write(connection, sql, values)


def _write(connection: Connection, sql: str, values: Any) -> None:
    draft: list[Statement] | None = connection.get_execution_options().get("svod_draft")
    if draft is None:
        connection.exec_driver_sql(sql, values)
    else:
        draft.append((sql, values))


@lru_cache(maxsize=256)
def _upsert_sql(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The SQL, and the columns in the order of its marks; no columns where marks have names."""
    keys = [column.name for column in table.primary_key]
    changed = [name for name in columns if name not in keys and name not in keep]
    build = _on_duplicate_key if dialect.name in ("mysql", "mariadb") else _on_conflict
    compiled = build(dialect.name, table, keys, changed).compile(
        dialect=dialect, column_keys=columns
    )
    return str(compiled), tuple(compiled.positiontup or ())


def _on_duplicate_key(
    _: str, table: sa.Table, keys: Sequence[str], changed: Sequence[str]
) -> sa.Insert:
    insert = mysql.insert(table)
    # MySQL has no "do nothing": setting a key to itself is the usual stand-in.
    values = {name: insert.inserted[name] for name in changed or keys}
    return insert.on_duplicate_key_update(values)


def _on_conflict(
    dialect: str, table: sa.Table, keys: Sequence[str], changed: Sequence[str]
) -> sa.Insert:
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    if not changed:
        return insert.on_conflict_do_nothing(index_elements=keys)
    values = {name: insert.excluded[name] for name in changed}
    return insert.on_conflict_do_update(index_elements=keys, set_=values)


def values_of(
    connection: Connection, key: sa.Column[str], value: sa.Column[T], kind: str, keys: Sequence[str]
) -> dict[str, T]:
    """The column ``value`` of those records of one kind that the table holds, by their ``key``."""
    return dict(look_up(connection, (key, value), key, keys, kind=kind))


def look_up(
    connection: Connection,
    columns: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    values: Sequence[Any],
    **equals: Any,
) -> Iterator[Any]:
    """The ``columns`` of the rows of one table that have one of ``values`` in ``column``.

    ``equals`` names columns that must have the given value. A query has up to ``CHUNK`` values;
    rows come in no order.
    """
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(selected.name) for selected in columns)
    head = f"SELECT {names} FROM"
    for sql, bound in _by_chunk(connection, head, "", column, values, equals):
        # The driver's tuples: SQLAlchemy would make a row object of each.
        result = connection.exec_driver_sql(sql, bound)
        rows = result.cursor.fetchall()
        result.close()
        yield from rows


def delete(
    connection: Connection, column: sa.Column[Any], values: Sequence[Any], **equals: Any
) -> None:
    """Delete the rows of one table that ``look_up`` would return."""
    for sql, bound in _by_chunk(connection, "DELETE FROM", "", column, values, equals):
        _write(connection, sql, bound)


def delete_rows(connection: Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Delete the rows of these primary keys, whose parts stand in the table's order."""
    if not keys:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.primary_key)
    head = f"DELETE FROM {quote(table.name)} WHERE ({names})"  # noqa: S608 - no value is in it
    key_marks = ", ".join([_mark(connection)] * len(table.primary_key))
    if connection.dialect.name == "sqlite":
        # For a list of such keys it would read the whole table; here a statement costs nothing.
        _write(connection, f"{head} = ({key_marks})", keys)
        return
    for chunk in chunks(keys):
        all_marks = ", ".join([f"({key_marks})"] * len(chunk))
        _write(connection, f"{head} IN ({all_marks})", tuple(chain.from_iterable(chunk)))


def update(
    connection: Connection,
    changed: sa.Column[T],
    value: T,
    column: sa.Column[Any],
    values: Sequence[Any],
    **equals: Any,
) -> None:
    """Set ``changed`` to ``value`` in the rows of one table that ``look_up`` would return."""
    quote = connection.dialect.identifier_preparer.quote
    assignment = f" SET {quote(changed.name)} = {_mark(connection)}"
    for sql, bound in _by_chunk(connection, "UPDATE", assignment, column, values, equals):
        _write(connection, sql, (value, *bound))


def _by_chunk(
    connection: Connection,
    verb: str,
    assignment: str,
    column: sa.Column[Any],
    values: Sequence[Any],
    equals: Mapping[str, Any],
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """A statement and its bound values for each chunk of ``values``."""
    mark = _mark(connection)
    quote = connection.dialect.identifier_preparer.quote
    conditions = "".join(f"{quote(column.table.c[name].name)} = {mark} AND " for name in equals)
    table = quote(column.table.name)
    head = f"{verb} {table}{assignment} WHERE {conditions}{quote(column.name)}"
    for chunk in chunks(values):
        sql = f"{head} IN ({', '.join([mark] * len(chunk))})"
        yield sql, (*equals.values(), *chunk)


def _mark(connection: Connection) -> str:
    """The mark that stands for a value; PyMySQL and psycopg take the same."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"
