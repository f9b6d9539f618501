"""Checks before a run that a store's database answers and has what the configuration names."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from transforms.configuration.selection import Reading
from transforms.configuration.structs import StoreTable
from transforms.core.errors import AwayError, ConfigurationError, SecretError
from transforms.stores.sql.client import DIALECTS, Session, StoreAddress, StoreClient, connect
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.resolution import Findings, resolve_store
from transforms.stores.sql.store import SqlStore, sql_tables, store_client


def check_store(
    key: str, store: StoreTable, reading: Reading = "full", file: str = ""
) -> list[str]:
    """Checks the connection, the account, and each table, column and index that is read.

    ``file`` is that of the configuration. Returns what only costs something, as warnings.

    Raises:
        ConfigurationError: naming the option or the keys of the file, what is wrong, what to do.
        AwayError: when the store does not answer at the moment.
    """
    client = store_client(key, store, reading, file)
    findings = Findings(client.address.location)
    with closing(_Connection(client.address)) as connection, connection.plain_errors():
        resolve_store(key, store, client, connection.query, findings)
    return findings.warnings


def open_store(session: Session, key: str, store: StoreTable, client: StoreClient) -> SqlStore:
    """Returns the store as its catalogue has it now, ready to be read.

    Raises:
        ConfigurationError: with all that is wrong.
        StoreError: when the store does not answer.
    """
    return resolve_store(key, store, client, session.rows, Findings(client.address.location))


def estimate_rows(key: str, store: StoreTable, reading: Reading = "full", file: str = "") -> int:
    """The server's own estimate of the rows of companies and contacts.

    Raises:
        ConfigurationError: as ``check_store``; an ``AwayError`` when the store does not answer.
    """
    address = store_client(key, store, reading, file).address
    names = [table.from_ or "" for name, table in sql_tables(store).items() if name != "order"]
    with closing(_Connection(address)) as connection, connection.plain_errors():
        find = connection.dialect.find_relation
        relations = [find(connection.query, name) for name in names]
    return sum(relation.rows for relation in relations if relation)


class _Connection:
    """A connection without new attempts: a person waits for the answer."""

    def __init__(self, address: StoreAddress) -> None:
        self._origin = address.location.url
        try:
            self._url = address.url()
        except SecretError as error:
            raise ConfigurationError(f"{self._origin}: {error}") from None
        self.dialect = DIALECTS[self._url.dialect]
        try:
            with self.plain_errors():
                self._connection: Any = connect(self._url)
        except OSError:
            problem = "a file of its ssl_ca, ssl_cert or ssl_key cannot be read, or is not a"
            raise ConfigurationError(f"{self._origin}: {problem} certificate") from None

    def query(self, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        return self.dialect.query(self._connection, query, parameters)

    def close(self) -> None:
        self.dialect.abandon(self._connection)

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Raise the driver's errors as those of the option or file."""
        try:
            yield
        except self.dialect.errors as error:
            raise self._plain_error(error) from None

    def _plain_error(self, error: Exception) -> ConfigurationError:
        url, trouble = self._url, self.dialect.trouble(error)
        text = self.dialect.describe(error)
        problems = {
            "account": f"{url} does not know this user and password",
            "database": f"there is no database {url.database}, or {url.user} may not see it",
            "tls": f"no secure connection to {url}: {text}",
        }
        problem = problems.get(trouble, f"{url} cannot be reached: {text}")
        is_away = self.dialect.is_transient(error)
        return (AwayError if is_away else ConfigurationError)(f"{self._origin}: {problem}")
