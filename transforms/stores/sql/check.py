"""Checks before a run that a store's database answers and has what the configuration names."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from transforms.configuration.structs import StoreTable
from transforms.core.errors import AwayError, ConfigurationError, SecretError
from transforms.stores.sql.client import DIALECTS, Session, StoreClient, connect
from transforms.stores.sql.dialect import Dialect
from transforms.stores.sql.location import StoreLocation
from transforms.stores.sql.resolution import Findings, resolve_store
from transforms.stores.sql.store import SqlStore, sql_tables, store_client
from transforms.stores.sql.url import DatabaseUrl


def check_store(key: str, store: StoreTable) -> list[str]:
    """Checks the connection, the account, and each table, column and index that is read.

    Returns what only costs something, as warnings.

    Raises:
        ConfigurationError: naming the option or the keys of the file, what is wrong, what to do.
        AwayError: when the store does not answer at the moment.
    """
    client = store_client(key, store)
    findings = _findings(key, client)
    dialect, url, origin = _parts(client)
    with closing(_Connection(dialect, url, origin)) as connection:
        try:
            resolve_store(key, store, client, connection.query, findings)
        except dialect.errors as error:
            raise _connection_error(dialect, url, origin, error) from None
    return findings.warnings


def open_store(session: Session, key: str, store: StoreTable, client: StoreClient) -> SqlStore:
    """Returns the store as its catalogue has it now, ready to be read.

    Raises:
        ConfigurationError: with all that is wrong.
        StoreError: when the store does not answer.
    """
    return resolve_store(key, store, client, session.rows, _findings(key, client))


def estimate_rows(key: str, store: StoreTable) -> int:
    """The server's own estimate of the rows of companies and contacts.

    Raises:
        ConfigurationError: as ``check_store``; an ``AwayError`` when the store does not answer.
    """
    dialect, url, origin = _parts(store_client(key, store))
    names = [table.from_ or "" for name, table in sql_tables(store).items() if name != "order"]
    with closing(_Connection(dialect, url, origin)) as connection:
        try:
            relations = [dialect.find_relation(connection.query, name) for name in names]
        except dialect.errors as error:
            raise _connection_error(dialect, url, origin, error) from None
    return sum(relation.rows for relation in relations if relation)


class _Connection:
    """A connection without new attempts: a person waits for the answer."""

    def __init__(self, dialect: Dialect, url: DatabaseUrl, origin: str) -> None:
        self._dialect = dialect
        try:
            self._connection: Any = connect(url)
        except dialect.errors as error:
            raise _connection_error(dialect, url, origin, error) from None
        except OSError:
            raise ConfigurationError(f"{origin}: {_FILES}") from None

    def query(self, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        return self._dialect.query(self._connection, query, parameters)

    def close(self) -> None:
        self._dialect.abandon(self._connection)


_FILES = "a file of its ssl_ca, ssl_cert or ssl_key cannot be read, or is not a certificate"


def _connection_error(
    dialect: Dialect, url: DatabaseUrl, origin: str, error: Exception
) -> ConfigurationError:
    trouble, text = dialect.trouble(error), dialect.describe(error)
    if trouble == "account":
        problem = f"{url} does not know this user and password"
    elif trouble == "database":
        problem = f"there is no database {url.database}, or {url.user} may not see it"
    elif trouble == "tls":
        problem = f"no secure connection to {url}: {text}"
    else:
        problem = f"{url} cannot be reached: {text}"
    error_class = AwayError if dialect.is_transient(error) else ConfigurationError
    return error_class(f"{origin}: {problem}")


def _parts(client: StoreClient) -> tuple[Dialect, DatabaseUrl, str]:
    address = client.address
    try:
        return DIALECTS[address.dialect], address.url(), address.origin
    except SecretError as error:
        raise ConfigurationError(f"{address.origin}: {error}") from None


def _findings(key: str, client: StoreClient) -> Findings:
    return Findings(StoreLocation.of(key, client.address.secret.variable))
