"""MySQL and MariaDB, by PyMySQL."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pymysql
from pymysql.cursors import DictCursor

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

# The server's codes for a connection that is lost or denied for the moment, a restart, or too much
# load. The driver's code for a closed connection is 0.
_TRANSIENT = {0, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927}
_TRANSIENT |= {2002, 2003, 2006, 2013, 2014, 2027, 2055, 4031}
_TROUBLES: dict[int, Trouble] = {
    **dict.fromkeys((1045, 1698), "account"),
    **dict.fromkeys((1044, 1049), "database"),
    **dict.fromkeys((1051, 1146), "table"),
    **dict.fromkeys((1142, 1143, 1356), "permission"),
}

_TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), "integer"),
    **dict.fromkeys(("decimal", "float", "double"), "number"),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), "text"),
    **dict.fromkeys(("enum", "set"), "list"),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob"), "binary"),
    **dict.fromkeys(("mediumblob", "longblob"), "binary"),
    **dict.fromkeys(("uuid", "inet6", "inet4"), "uuid"),
    "json": "json",
    "date": "date",
    "datetime": "datetime",
    "timestamp": "instant",
}
_UUID_BYTES = 16

_TABLES = """
SELECT table_schema AS s, table_name AS n, table_type AS kind, engine AS engine,
       COALESCE(table_rows, 0) AS size
FROM information_schema.tables WHERE table_schema = COALESCE(%s, DATABASE())"""
_COLUMNS = """
SELECT column_name AS n, data_type AS type, is_nullable AS nullable, column_type AS native,
       COALESCE(character_set_name, '') AS charset, COALESCE(character_maximum_length, 0) AS length
FROM information_schema.columns WHERE table_schema = %s AND table_name = %s
ORDER BY ordinal_position"""


class MySQL(Dialect):
    """MySQL 8.0 and MariaDB 10.11."""

    name: ClassVar[DialectName] = "mysql"
    title = "MySQL"
    errors = pymysql.err.MySQLError

    def connect(self, url: DatabaseUrl) -> Any:
        """Opens a connection whose moments are UTC."""
        return pymysql.connect(
            host=url.host,
            port=url.port,
            user=url.user,
            password=url.password,
            database=url.database,
            charset="utf8mb4",
            # TIMESTAMP columns come in the session's time zone.
            init_command="SET time_zone = '+00:00'",
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            write_timeout=CONNECT_TIMEOUT,
            **dict(url.tls),
        )

    def query(self, connection: Any, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """Returns all rows of a query."""
        with connection.cursor(DictCursor) as cursor:
            cursor.execute(query, tuple(parameters))
            return list(cursor.fetchall())

    def abandon(self, connection: Any) -> None:
        """Closes the socket: ``close()`` would talk to the server."""
        connection._force_close()

    def is_transient(self, error: Exception) -> bool:
        """Whether the code is that of a lost connection; a wrong certificate stays wrong."""
        # The driver reports a wrong certificate as a lost connection, but it stays wrong.
        return error.args[0] in _TRANSIENT and "certificate" not in self.describe(error)

    def describe(self, error: Exception) -> str:
        """Returns the text and the code."""
        return " ".join(map(str, reversed(error.args)))

    def trouble(self, error: Exception) -> Trouble:
        """Returns what the code says."""
        text = self.describe(error)
        if "SSL" in text or "certificate" in text:
            return "tls"
        return _TROUBLES.get(error.args[0], "")

    def quote(self, name: str) -> str:
        """Returns the name in backticks.

        >>> MySQL().quote("a`b 100%")
        '`a``b 100%%`'
        """
        return f"`{name.replace('`', '``').replace('%', '%%')}`"

    def find_relation(self, query: Query, name: str) -> Relation | None:
        """Returns the table or view; its database may stand before its name."""
        for schema, table in qualified_names(name):
            rows = query(_TABLES, (schema or None,))
            if row := match_name(table, rows, lambda row: row["n"]):
                return self._relation(query, row)
        return None

    def relation_names(self, query: Query) -> list[str]:
        """Returns the tables and views of the database."""
        return [row["n"] for row in query(_TABLES, (None,))]

    def selected(self, column: Column, place: str, charset: str) -> str:
        """Returns the expression: bytes for lying texts, digits for UUIDs in 16 bytes."""
        if charset and column.charset == charset:
            return f"CAST({place} AS BINARY)"
        return f"LOWER(HEX({place}))" if is_uuid_in_bytes(column) else place

    def as_number(self, expression: str, column: Column) -> str:
        """Returns the expression itself."""
        return expression

    def after(self, columns: Sequence[str], values: Sequence[object]) -> Condition:
        """Returns the condition in the form for which the server uses an index's range."""
        if len(columns) == 1:
            return f"{columns[0]} > %s", list(values)
        first, second = columns
        query = f"({first} = %s AND {second} > %s OR {first} > %s)"
        return query, [*values, values[0]]

    def hint(self, index: str) -> str:
        """Forces the index: for a wide range the server would choose to read the whole table."""
        return f" FORCE INDEX ({self.quote(index)})" if index else ""

    def valid_time(self, expression: str, column: Column) -> str:
        """Leaves out days such as 2024-00-00, which MySQL accepts."""
        if column.type not in ("date", "datetime", "instant"):
            return ""
        return f"MONTH({expression}) > 0 AND DAYOFMONTH({expression}) > 0"

    def _relation(self, query: Query, row: RawRow) -> Relation:
        is_view = "VIEW" in row["kind"]
        columns = query(_COLUMNS, (row["s"], row["n"]))
        indexes = () if is_view else self._indexes(query, row)
        primary = (index.columns for index in indexes if index.name == "PRIMARY")
        return Relation(
            row["s"],
            row["n"],
            is_view,
            tuple(map(_column, columns)),
            indexes,
            int(row["size"]),
            next(primary, ()),
            ends_with_key=row["engine"] == "InnoDB",
        )

    def _indexes(self, query: Query, row: RawRow) -> tuple[Index, ...]:
        parts: dict[str, list[RawRow]] = {}
        for part in query(f"SHOW INDEX FROM {self.quote(row['s'])}.{self.quote(row['n'])}", ()):
            parts.setdefault(part["Key_name"], []).append(part)
        return tuple(
            Index(name, tuple(_leading_columns(of_index)), unique=_is_unique(of_index))
            for name, of_index in parts.items()
            if all(map(_is_usable, of_index))
        )


def is_uuid_in_bytes(column: Column) -> bool:
    """Whether the column is a BINARY(16): there is no other use for it."""
    return column.type == "binary" and column.length == _UUID_BYTES


def _column(row: RawRow) -> Column:
    native = _text(row["type"]).lower()
    return Column(
        row["n"],
        _TYPES.get(native, "other"),
        nullable=row["nullable"] == "YES",
        charset=row["charset"],
        length=int(row["length"]) if native == "binary" else 0,
        native=_text(row["native"]),
        is_aware=False,
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _is_usable(part: RawRow) -> bool:
    is_visible = part.get("Visible", "YES") == "YES" and part.get("Ignored", "NO") == "NO"
    return bool(part["Index_type"] == "BTREE" and is_visible)


def _leading_columns(parts: Sequence[RawRow]) -> list[str]:
    """Returns the columns up to the first that is only in part there, or is an expression."""
    columns: list[str] = []
    for part in parts:
        if part["Sub_part"] is not None or part["Column_name"] is None:
            break
        columns.append(part["Column_name"])
    return columns


def _is_unique(parts: Sequence[RawRow]) -> bool:
    return not parts[0]["Non_unique"] and len(_leading_columns(parts)) == len(parts)
