"""Checks before a run that store A answers and has the agreed tables."""

import re
from contextlib import closing
from typing import Any, NoReturn

import pymysql

from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.mysql.client import connect, describe_error, is_transient
from transforms.stores.mysql.keyset import COMPANIES, CONTACTS, ORDERS, Table
from transforms.stores.mysql.url import StoreUrl

# The columns that are read of each table, and the indexes that reading needs.
_ORDER_TOTALS = Table("orders", (), ("status", "total", "created_at", *ORDERS.non_texts))
_NEEDS = (
    (COMPANIES, ("idx_companies_updated",)),
    (CONTACTS, ("idx_contacts_updated",)),
    (_ORDER_TOTALS, ("idx_orders_company", "idx_orders_updated")),
)
_ROW_ESTIMATE = (
    "SELECT SUM(table_rows) FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name IN (%s, %s)"
)
_QUOTED = re.compile(r"'([^']*)'")


def check_store_a(url: str) -> None:
    """Checks the connection, the account, and each table, column and index that is read.

    Raises:
        ConfigurationError: naming ``--store_a``, what is wrong and what to do.
        AwayError: when the store does not answer at the moment.
    """
    store = StoreUrl.parse(url)
    try:
        connection = connect(store)
    except pymysql.err.MySQLError as error:
        _raise_connection_error(store, error)
    except OSError:
        raise ConfigurationError(
            "--store_a: a file of its ssl_ca, ssl_cert or ssl_key cannot be read, or is not a"
            " certificate"
        ) from None
    try:
        with connection.cursor() as cursor:
            for table, indexes in _NEEDS:
                _check_table(cursor, store, table, indexes)
    finally:
        connection.close()


def estimate_rows(url: str) -> int:
    """The server's own estimate of the rows of companies and contacts.

    Raises:
        ConfigurationError: naming ``--store_a``; an ``AwayError`` when the store does not answer.
    """
    store = StoreUrl.parse(url)
    try:
        with closing(connect(store)) as connection, connection.cursor() as cursor:
            cursor.execute(_ROW_ESTIMATE, (COMPANIES.name, CONTACTS.name))
            return int(cursor.fetchone()[0] or 0)
    except pymysql.err.MySQLError as error:
        _raise_connection_error(store, error)


def _check_table(cursor: Any, store: StoreUrl, table: Table, indexes: tuple[str, ...]) -> None:
    try:
        cursor.execute(f"{table.select} LIMIT 0")
        for index in indexes:
            query = f"SELECT 1 FROM {table.name} FORCE INDEX ({index}) LIMIT 0"  # noqa: S608
            cursor.execute(query)
    except pymysql.err.MySQLError as error:
        _raise_table_error(store, table.name, error)


def _raise_connection_error(store: StoreUrl, error: pymysql.err.MySQLError) -> NoReturn:
    code, where = error.args[0], f"{store.host}:{store.port}"
    if code == 1045:
        problem = f"{where} does not know this user and password"
    elif code in (1044, 1049):
        problem = f"there is no database {store.database}, or {store.user} may not see it"
    elif "SSL" in describe_error(error) or "certificate" in describe_error(error):
        problem = f"no secure connection to {where}: {describe_error(error)}"
    else:
        problem = f"{where} cannot be reached: {describe_error(error)}"
    raise _error_class(error)(f"--store_a: {problem}") from None


def _error_class(error: pymysql.err.MySQLError) -> type[ConfigurationError]:
    # The driver reports a wrong certificate as a lost connection, but it stays wrong.
    is_away = is_transient(error) and "certificate" not in describe_error(error)
    return AwayError if is_away else ConfigurationError


def _raise_table_error(store: StoreUrl, table: str, error: pymysql.err.MySQLError) -> NoReturn:
    code = error.args[0]
    match = _QUOTED.search(str(error.args[-1]))
    name = match[1] if match else ""
    if code == 1146:
        problem = f"the database {store.database} has no table {table}"
    elif code in (1142, 1143):
        problem = f"{store.user} may not read the table {table}: grant SELECT on all of it"
    elif code == 1054:
        problem = f"the column {table}.{name} is missing"
    elif code == 1176:
        problem = f"the table {table} lacks an index that reading it needs: {describe_error(error)}"
    else:
        problem = f"the table {table} cannot be read: {describe_error(error)}"
    raise _error_class(error)(f"--store_a: {problem}") from None
