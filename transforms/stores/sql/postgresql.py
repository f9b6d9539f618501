"""PostgreSQL, by psycopg."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.rows import dict_row
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from transforms.stores.sql.dialect import CONNECT_TIMEOUT, READ_TIMEOUT, Condition, Dialect, Trouble
from transforms.stores.sql.relation import (
    Column,
    ColumnType,
    Index,
    Query,
    RawRow,
    Relation,
    match_name,
    qualified_names,
)
from transforms.stores.sql.url import DatabaseUrl, DialectName

# Classes of SQLSTATE: connection, resources, conflict with another transaction, operator.
_TRANSIENT = ("08", "53", "40", "57", "55P03")
# An account, a database: what libpq says before there is a SQLSTATE.
_ACCOUNT = ("password authentication failed", "pg_hba.conf", "no password supplied", "role ")
_TROUBLES: dict[str, Trouble] = {
    **dict.fromkeys(("28P01", "28000"), "account"),
    "3D000": "database",
    **dict.fromkeys(("42P01", "3F000"), "table"),
    "42501": "permission",
}
_SETTINGS = (
    "SET DateStyle = 'ISO, YMD'",
    "SET TimeZone = 'UTC'",
    f"SET statement_timeout = '{READ_TIMEOUT}s'",
    "SET extra_float_digits = 1",
    # For a wide range the server would choose to read the whole table.
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
)
_ANY_BYTES = "SQL_ASCII"

_TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "integer"),
    **dict.fromkeys(("numeric", "float4", "float8", "money"), "number"),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext"), "text"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    "bytea": "binary",
    "uuid": "uuid",
    "date": "date",
    "timestamp": "datetime",
    "timestamptz": "instant",
    "bool": "boolean",
}
# These have a plain value in the driver; all others are read as text.
_PLAIN = {"integer", "number", "text", "binary", "date", "datetime", "instant", "boolean"}

_TABLES = """
SELECT c.oid::bigint AS oid, n.nspname AS s, c.relname AS n, c.relkind::text AS kind,
       GREATEST(c.reltuples, 0)::bigint AS size
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN %s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
           ELSE lower(n.nspname) = lower(%s) END
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
_COLUMNS = """
WITH RECURSIVE base (oid, type) AS (
  SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT t.oid, b.type FROM pg_catalog.pg_type t JOIN base b ON b.oid = t.typbasetype
  WHERE t.typtype = 'd'
)
SELECT a.attname AS n, t.typname AS type, t.typtype::text AS kind, NOT a.attnotnull AS nullable,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS native
FROM pg_catalog.pg_attribute a JOIN base b ON b.oid = a.atttypid
     JOIN pg_catalog.pg_type t ON t.oid = b.type
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
# An index in another collation than its column's orders the rows differently.
_INDEXES = """
SELECT i.indexrelid::bigint AS id, x.relname AS n, i.indisunique AS is_unique,
       i.indnkeyatts AS keys, i.indisprimary AS is_primary, k.place AS place, a.attname AS c,
       i.indcollation[k.place - 1] IN (0, a.attcollation) AS in_order
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
     CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL AND k.place <= i.indnkeyatts
ORDER BY i.indisprimary DESC, x.relname, k.place"""


class _TextOfAnyBytes(bytes):
    """A text of a database that does not know its encoding; it returns as it came."""


class _AnyBytesLoader(Loader):
    def load(self, data: Buffer) -> _TextOfAnyBytes:
        return _TextOfAnyBytes(data)


class _AnyBytesDumper(Dumper):
    oid = 0

    def dump(self, obj: bytes) -> Buffer:
        return bytes(obj)


def _moment_or_text(load: Callable[[Buffer], Any], data: Buffer) -> Any:
    """Returns what is no moment of Python's (infinity, years BC) as text."""
    try:
        return load(data)
    except psycopg.DataError:
        return bytes(data).decode()


class _LenientDateLoader(DateLoader):
    def load(self, data: Buffer) -> Any:
        return _moment_or_text(super().load, data)


class _LenientTimestampLoader(TimestampLoader):
    def load(self, data: Buffer) -> Any:
        return _moment_or_text(super().load, data)


class _LenientTimestamptzLoader(TimestamptzLoader):
    def load(self, data: Buffer) -> Any:
        return _moment_or_text(super().load, data)


class PostgreSQL(Dialect):
    """PostgreSQL 12 and later."""

    name: ClassVar[DialectName] = "postgresql"
    title = "PostgreSQL"
    errors = psycopg.Error

    def connect(self, url: DatabaseUrl) -> Any:
        """Opens a connection whose moments are UTC and whose texts are UTF-8, or raw bytes."""
        connection: Any = psycopg.connect(
            host=url.host,
            port=url.port,
            user=url.user,
            password=url.password,
            dbname=url.database,
            autocommit=True,
            client_encoding="UTF8",
            connect_timeout=CONNECT_TIMEOUT,
            tcp_user_timeout=READ_TIMEOUT * 1000,
            # A statement that the server keeps would outlive the page.
            prepare_threshold=None,
            **dict(url.tls),  # type: ignore[arg-type]
        )
        try:
            for setting in _SETTINGS:
                connection.execute(setting)
            if connection.info.parameter_status("server_encoding") == _ANY_BYTES:
                _keep_bytes(connection)
        except psycopg.Error:
            self.abandon(connection)
            raise
        connection.adapters.register_loader("date", _LenientDateLoader)
        connection.adapters.register_loader("timestamp", _LenientTimestampLoader)
        connection.adapters.register_loader("timestamptz", _LenientTimestamptzLoader)
        return connection

    def query(self, connection: Any, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """Returns all rows of a query."""
        with connection.cursor(row_factory=dict_row) as cursor:
            rows: list[RawRow] = cursor.execute(query.encode(), tuple(parameters)).fetchall()
            return rows

    def abandon(self, connection: Any) -> None:
        """Closes the connection: libpq waits for no answer."""
        connection.close()

    def is_transient(self, error: Exception) -> bool:
        """Whether the SQLSTATE, or its absence, is that of a lost connection."""
        state = getattr(error, "sqlstate", None)
        if state:
            return str(state).startswith(_TRANSIENT)
        return isinstance(error, psycopg.OperationalError) and not self.trouble(error)

    def describe(self, error: Exception) -> str:
        """Returns the server's text in one line, without its details, which quote values."""
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return " ".join((primary or str(error)).split())

    def trouble(self, error: Exception) -> Trouble:
        """Returns what the SQLSTATE says; before a connection is made, what the text says."""
        state, text = getattr(error, "sqlstate", None), str(error)
        if state:
            return _TROUBLES.get(state, "")
        if "database " in text and "does not exist" in text:
            return "database"
        if any(words in text for words in _ACCOUNT):
            return "account"
        return "tls" if "SSL" in text or "certificate" in text else ""

    def quote(self, name: str) -> str:
        """Returns the name in quotes.

        >>> PostgreSQL().quote('a"b 100%')
        '"a""b 100%%"'
        """
        return '"' + name.replace('"', '""').replace("%", "%%") + '"'

    def find_relation(self, query: Query, name: str) -> Relation | None:
        """Returns the table or view; its schema may stand before its name."""
        for schema, table in qualified_names(name):
            rows = query(_TABLES, (schema or None, schema or None))
            if row := match_name(table, rows, lambda row: _text(row["n"])):
                return _relation(query, row)
        return None

    def relation_names(self, query: Query) -> list[str]:
        """Returns the tables and views on the search path."""
        return [_text(row["n"]) for row in query(_TABLES, (None, None))]

    def selected(self, column: Column, place: str, charset: str) -> str:
        """Returns the column, as text unless the driver has a plain value for its type."""
        if column.native == "money":
            return f"{place}::numeric"
        return place if column.type in _PLAIN else f"{place}::text"

    def as_number(self, expression: str, column: Column) -> str:
        """Returns the expression as a number of any size."""
        return f"{expression}::numeric"

    def after(self, columns: Sequence[str], values: Sequence[object]) -> Condition:
        """Returns the comparison of rows, for which the server uses an index."""
        if len(columns) == 1:
            return f"{columns[0]} > %s", list(values)
        places = ", ".join(["%s"] * len(columns))
        return f"({', '.join(columns)}) > ({places})", list(values)

    def hint(self, index: str) -> str:
        """Returns nothing: with ORDER BY and LIMIT the server takes the index by itself."""
        return ""

    def valid_time(self, expression: str, column: Column) -> str:
        """Leaves out infinity and the years that Python does not know."""
        if column.type not in ("date", "datetime", "instant"):
            return ""
        return f"{expression} >= '0001-01-02' AND {expression} < '9999-12-30'"


def _keep_bytes(connection: Any) -> None:
    """Reads texts as bytes: in a database of any bytes they need not be UTF-8."""
    connection.execute("SET client_encoding = 'SQL_ASCII'")
    connection.adapters.register_dumper(_TextOfAnyBytes, _AnyBytesDumper)
    for name in ("text", "varchar", "bpchar", "name"):
        connection.adapters.register_loader(name, _AnyBytesLoader)


def _relation(query: Query, row: RawRow) -> Relation:
    return Relation(
        _text(row["s"]),
        _text(row["n"]),
        row["kind"] == "v",
        tuple(map(_column, query(_COLUMNS, (row["oid"],)))),
        _indexes(query(_INDEXES, (row["oid"],))),
        row["size"],
    )


def _column(row: RawRow) -> Column:
    column_type = "list" if _text(row["kind"]) == "e" else _TYPES.get(_text(row["type"]), "other")
    native = "money" if _text(row["type"]) == "money" else _text(row["native"])
    return Column(_text(row["n"]), column_type, nullable=row["nullable"], native=native)


def _indexes(parts: list[RawRow]) -> tuple[Index, ...]:
    groups: dict[int, list[RawRow]] = {}
    for part in parts:
        groups.setdefault(part["id"], []).append(part)
    return tuple(map(_index, groups.values()))


def _index(parts: list[RawRow]) -> Index:
    columns: list[str] = []
    for part in parts:
        if part["c"] is None or not part["in_order"]:
            break
        columns.append(_text(part["c"]))
    is_unique = parts[0]["is_unique"] and len(columns) == parts[0]["keys"]
    return Index(_text(parts[0]["n"]), tuple(columns), unique=is_unique)


def _text(value: str | bytes) -> str:
    # A database of any bytes (SQL_ASCII) returns bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else value
