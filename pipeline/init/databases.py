"""Looks at the tables of a database: their columns, and a sample of what stands in them."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from transforms.core.errors import ConfigurationError
from transforms.core.secrets import mask
from transforms.proposal.contents import misread_encoding, read_again
from transforms.proposal.samples import Column, Table

SAMPLE = 1000
_MOST_TABLES = 1000
_DRIVERS = {
    "mysql": ("mysql", "mysql+pymysql"),
    "mariadb": ("mysql", "mysql+pymysql"),
    "postgresql": ("postgresql", "postgresql+psycopg"),
    "postgres": ("postgresql", "postgresql+psycopg"),
}
_SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "pg_toast")


def is_database(place: str) -> bool:
    """Whether a place is a database's URL."""
    return place.partition("://")[0] in _DRIVERS


def sample_database(url: str) -> tuple[str, list[Table], str]:
    """Returns the database's kind, its tables with a sample of rows, and the texts' encoding.

    The encoding is empty, unless the texts are not in the columns' character set.

    Raises:
        ConfigurationError: the database cannot be read.
    """
    kind, engine = _engine(url)
    try:
        with closing(engine.connect()) as connection:
            tables = list(_tables(connection, kind))
    except SQLAlchemyError as error:
        reason = mask(str(getattr(error, "orig", None) or error)).strip()
        raise ConfigurationError(f"--from: the database cannot be read: {reason}") from None
    finally:
        engine.dispose()
    texts = (value for table in tables for column in table.columns for value in column.values)
    encoding = misread_encoding(texts)
    if encoding:
        tables = [_decoded(table, encoding) for table in tables]
    return kind, tables, f"{encoding} in latin1" if encoding else ""


def _engine(url: str) -> tuple[str, Engine]:
    kind, driver = _DRIVERS[url.partition("://")[0]]
    try:
        address = make_url(url).set(drivername=driver)
        timeout = {"connect_timeout": 10}
        return kind, sa.create_engine(address, connect_args=timeout, poolclass=sa.NullPool)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            f"--from: it is no URL like {kind}://user:password@host/database (a password's own @"
            " and / are written %40 and %2F)"
        ) from None


def _tables(connection: Connection, kind: str) -> Iterator[Table]:
    inspector = sa.inspect(connection)
    schemas: Sequence[str | None] = [None]
    if kind == "postgresql":
        schemas = [
            name for name in inspector.get_schema_names() if not name.startswith(_SYSTEM_SCHEMAS)
        ]
    names = [
        (schema, name)
        for schema in schemas
        for name in (*inspector.get_table_names(schema), *inspector.get_view_names(schema))
    ]
    for schema, name in names[:_MOST_TABLES]:
        # What our account may not read is not there for us.
        try:
            yield _table(connection, inspector, schema, name)
        except SQLAlchemyError:
            connection.rollback()


def _table(connection: Connection, inspector: sa.Inspector, schema: str | None, name: str) -> Table:
    keys = inspector.get_pk_constraint(name, schema).get("constrained_columns") or []
    foreign = {
        key["constrained_columns"][0]: (
            _full_name(key["referred_schema"] or schema, key["referred_table"]),
            key["referred_columns"][0],
        )
        for key in inspector.get_foreign_keys(name, schema)
        if len(key["constrained_columns"]) == 1
    }
    columns: list[sa.ColumnClause[Any]] = [
        sa.column(column["name"]) for column in inspector.get_columns(name, schema)
    ]
    source = sa.table(name, *columns, schema=schema)
    rows = connection.execute(sa.select(source).limit(SAMPLE)).all()
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    place = _full_name(schema, name)
    return Table(
        place,
        tuple(
            Column(column.name, tuple(values), [column.name] == keys, foreign.get(column.name))
            for column, values in zip(columns, cells, strict=True)
        ),
        {"from": place},
    )


def _full_name(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name


def _decoded(table: Table, encoding: str) -> Table:
    columns = (
        msgspec.structs.replace(
            column, values=tuple(_decode(value, encoding) for value in column.values)
        )
        for column in table.columns
    )
    return msgspec.structs.replace(table, columns=tuple(columns))


def _decode(value: Any, encoding: str) -> Any:
    if not isinstance(value, str) or value.isascii():
        return value
    # A few texts may be in another encoding all the same.
    for name in ("utf-8", encoding):
        with suppress(UnicodeError):
            return read_again(value, name)
    return value
