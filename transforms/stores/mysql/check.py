"""Is store A there, and as agreed? Asked before anything is read."""

import re
from typing import Any, NoReturn

import pymysql

from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.mysql.client import connect, describe_error, is_transient
from transforms.stores.mysql.keyset import COMPANIES, CONTACTS, ORDERS, Table
from transforms.stores.mysql.url import StoreUrl

# What is read of each table, and the indexes that reading it leans on.
_ORDER_SUMS = Table("orders", (), ("status", "total", "created_at", *ORDERS.others))
_NEEDS = (
    (COMPANIES, ("idx_companies_updated",)),
    (CONTACTS, ("idx_contacts_updated",)),
    (_ORDER_SUMS, ("idx_orders_company", "idx_orders_updated")),
)
_QUOTED = re.compile(r"'([^']*)'")


def check_store_a(url: str) -> None:
    """Tries store A: the way there, the account, and each table, column and index that is read.

    Raises:
        ConfigurationError: naming ``--store_a``, what is wrong and what to do.
        AwayError: it does not answer, or not now.
    """
    store = StoreUrl.parse(url)
    try:
        connection = connect(store)
    except pymysql.err.MySQLError as error:
        _explain_connection(store, error)
    except OSError:
        raise ConfigurationError(
            "--store_a: a file of its ssl_ca, ssl_cert or ssl_key cannot be read, or is no"
            " certificate"
        ) from None
    try:
        with connection.cursor() as cursor:
            for table, indexes in _NEEDS:
                _check_table(cursor, store, table, indexes)
    finally:
        connection.close()


def _check_table(cursor: Any, store: StoreUrl, table: Table, indexes: tuple[str, ...]) -> None:
    try:
        cursor.execute(f"{table.select} LIMIT 0")
        for index in indexes:
            query = f"SELECT 1 FROM {table.name} FORCE INDEX ({index}) LIMIT 0"  # noqa: S608
            cursor.execute(query)
    except pymysql.err.MySQLError as error:
        _explain_table(store, table.name, error)


def _explain_connection(store: StoreUrl, error: pymysql.err.MySQLError) -> NoReturn:
    code, where = error.args[0], f"{store.host}:{store.port}"
    if code == 1045:
        problem = f"{where} does not know this user and password"
    elif code in (1044, 1049):
        problem = f"there is no database {store.database}, or {store.user} may not see it"
    elif "SSL" in describe_error(error) or "certificate" in describe_error(error):
        problem = f"no secure connection to {where}: {describe_error(error)}"
    else:
        problem = f"{where} cannot be reached: {describe_error(error)}"
    raise _kind(error)(f"--store_a: {problem}") from None


def _kind(error: pymysql.err.MySQLError) -> type[ConfigurationError]:
    # A wrong certificate comes as a lost connection too, and stays wrong.
    is_away = is_transient(error) and "certificate" not in describe_error(error)
    return AwayError if is_away else ConfigurationError


def _explain_table(store: StoreUrl, table: str, error: pymysql.err.MySQLError) -> NoReturn:
    code = error.args[0]
    named = _QUOTED.search(str(error.args[-1]))
    name = named[1] if named else ""
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
    raise _kind(error)(f"--store_a: {problem}") from None
