"""SQL statements over many rows, alike on every database."""

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
"""Something to write: SQL, and its values or many rows of them."""


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    keep: Sequence[str] = (),
) -> None:
    """Insert the rows, or overwrite those of the same primary key but for the columns ``keep``."""
    if not rows:
        return
    sql, marks = _upsert_sql(connection.dialect, table, tuple(rows[0]), tuple(keep))
    # SQLAlchemy's own binding of each row costs more than the database's work.
    values: list[Any] = list(map(itemgetter(*marks), rows)) if marks else list(rows)
    if len(marks) == 1:  # itemgetter gives a tuple for several only
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
    """The statement, and the columns in the order of its marks; none where marks have names."""
    compiled = _upserts(dialect.name, table, columns, keep).compile(
        dialect=dialect, column_keys=columns
    )
    return str(compiled), tuple(compiled.positiontup or ())


def _upserts(dialect: str, table: sa.Table, columns: Sequence[str], keep: Sequence[str]) -> Any:
    keys = [column.name for column in table.primary_key]
    changed = [name for name in columns if name not in keys and name not in keep]
    if dialect in ("mysql", "mariadb"):
        own = mysql.insert(table)
        # MySQL has no "do nothing": setting a key to itself is the usual stand-in.
        return own.on_duplicate_key_update({name: own.inserted[name] for name in changed or keys})
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(table)
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed}
    )


def values_of(
    connection: Connection, key: sa.Column[str], value: sa.Column[T], kind: str, keys: Sequence[str]
) -> dict[str, T]:
    """``value`` of those records of one kind that are in the columns' table, by their ``key``."""
    return dict(look_up(connection, (key, value), key, keys, kind=kind))


def look_up(
    connection: Connection,
    columns: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    values: Sequence[Any],
    **same: Any,
) -> Iterator[Any]:
    """The rows (their ``columns``) of one table that have one of the values in ``column``.

    ``same`` names columns that must equal the given value. Values are asked for in pieces of
    ``CHUNK``; rows come in no order.
    """
    quote = connection.dialect.identifier_preparer.quote
    wanted = ", ".join(quote(one.name) for one in columns)
    for sql, some in _each_piece(connection, f"SELECT {wanted} FROM", "", column, values, same):
        yield from connection.exec_driver_sql(sql, some).all()


def delete(
    connection: Connection, column: sa.Column[Any], values: Sequence[Any], **same: Any
) -> None:
    """Delete the rows of one table that ``look_up`` would find."""
    for sql, some in _each_piece(connection, "DELETE FROM", "", column, values, same):
        _write(connection, sql, some)


def delete_rows(connection: Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Delete the rows of these primary keys, whose parts stand in the table's order."""
    if not keys:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.primary_key)
    head = f"DELETE FROM {quote(table.name)} WHERE ({names})"  # noqa: S608 - no value is in it
    one = ", ".join([_mark(connection)] * len(table.primary_key))
    if connection.dialect.name == "sqlite":
        # For a list of such keys it would read the whole table; here a statement costs nothing.
        _write(connection, f"{head} = ({one})", keys)
        return
    for chunk in chunks(keys):
        many = ", ".join([f"({one})"] * len(chunk))
        _write(connection, f"{head} IN ({many})", tuple(chain.from_iterable(chunk)))


def update(
    connection: Connection,
    changed: sa.Column[T],
    value: T,
    column: sa.Column[Any],
    values: Sequence[Any],
    **same: Any,
) -> None:
    """Set ``changed`` to ``value`` in the rows of one table that ``look_up`` would find."""
    quote = connection.dialect.identifier_preparer.quote
    assign = f" SET {quote(changed.name)} = {_mark(connection)}"
    for sql, some in _each_piece(connection, "UPDATE", assign, column, values, same):
        _write(connection, sql, (value, *some))


def _each_piece(
    connection: Connection,
    what: str,
    then: str,
    column: sa.Column[Any],
    values: Sequence[Any],
    same: Mapping[str, Any],
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    # SQLAlchemy would bind a list value by value, which costs more than the database's work.
    mark = _mark(connection)
    quote = connection.dialect.identifier_preparer.quote
    equal = "".join(f"{quote(column.table.c[name].name)} = {mark} AND " for name in same)
    head = f"{what} {quote(column.table.name)}{then} WHERE {equal}{quote(column.name)}"
    for chunk in chunks(values):
        sql = f"{head} IN ({', '.join([mark] * len(chunk))})"
        yield sql, (*same.values(), *chunk)


def _mark(connection: Connection) -> str:
    """What stands for a value; PyMySQL and psycopg take the same."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"
