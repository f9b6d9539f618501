"""Reads from a database: few connections, short queries, and new attempts when one is lost."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from transforms.core.errors import StoreError
from transforms.core.secrets import Secret
from transforms.stores.sql.dialect import Dialect
from transforms.stores.sql.location import StoreLocation
from transforms.stores.sql.mysql import MySQL
from transforms.stores.sql.postgresql import PostgreSQL
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.url import DatabaseUrl, DialectName

ATTEMPTS = 6

DIALECTS: dict[DialectName, Dialect] = {"mysql": MySQL(), "postgresql": PostgreSQL()}
"""The dialects by name."""

_slots: dict[tuple[str, int, str], threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()


@dataclass(frozen=True)
class StoreAddress:
    """Where a store's database is; it holds the URL by name only.

    ``title`` is what people call the store; ``location`` the place where it names the URL. Without
    a ``dialect`` the URL says of what kind the database is.
    """

    title: str
    secret: Secret
    dialect: DialectName | None
    location: StoreLocation

    def url(self) -> DatabaseUrl:
        """Returns the URL, looked up where it is used.

        Raises:
            SecretError: when this process does not have it.
            ConfigurationError: when it is malformed.
        """
        return DatabaseUrl.parse(self.secret.value(), self.dialect, self.location.url)


class StoreClient:
    """A store's database, with at most ``connections`` connections at a time in this process.

    It looks up the URL when it connects: a pickled client has no password.
    """

    def __init__(self, address: StoreAddress, connections: int) -> None:
        self.address = address
        self.connections = connections

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Opens a connection for some queries; waits until one is free.

        Raises:
            SecretError: when this process does not have the store's URL.
            ConfigurationError: when the URL is malformed.
        """
        url = self.address.url()
        with self._slots(url):
            session = Session(url, self.address.title)
            try:
                yield session
            finally:
                session.close()

    def _slots(self, url: DatabaseUrl) -> threading.BoundedSemaphore:
        # The clients of a process share the slots: each source is unpickled with another client.
        store = url.host, url.port, url.database
        with _slots_lock:
            return _slots.setdefault(store, threading.BoundedSemaphore(self.connections))


class Session:
    """One connection for one thread, opened when first needed and again when it was lost."""

    def __init__(self, url: DatabaseUrl, title: str) -> None:
        self._url, self._title = url, title
        self.dialect = DIALECTS[url.dialect]
        self._connection: Any = None

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """Returns all rows of a query for one page; repeats it when the connection is lost.

        Raises:
            StoreError: when the store does not answer after some attempts, or rejects the query.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._query(query, parameters)
            except self.dialect.errors as error:
                self.close()
                if not self.dialect.is_transient(error):
                    problem = f"{self._title} refuses a query: {self.dialect.describe(error)}"
                    raise StoreError(problem) from None
                last_error = error
            if attempt < ATTEMPTS - 1:
                time.sleep(random.uniform(0.25, 0.5) * 2**attempt)
        raise StoreError(
            f"{self._title} does not answer, tried {ATTEMPTS} times;"
            f" last: {self.dialect.describe(last_error)}"
        )

    def close(self) -> None:
        """Closes the connection; a later query opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self.dialect.abandon(connection)

    def _query(self, query: str, parameters: Sequence[object]) -> list[RawRow]:
        if self._connection is None:
            self._connection = connect(self._url)
        return self.dialect.query(self._connection, query, parameters)


def connect(url: DatabaseUrl) -> Any:
    """Opens a connection. Raises as ``Dialect.connect`` does."""
    return DIALECTS[url.dialect].connect(url)
