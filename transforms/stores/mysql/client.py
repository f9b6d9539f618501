"""Reads from store A: few connections, short queries, and new attempts when one is lost."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from transforms.core.errors import StoreError
from transforms.core.secrets import Secret
from transforms.stores.mysql.url import StoreUrl

RawRow = dict[str, Any]
"""The values of a table's row by column, as the driver returns them."""

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 120
ATTEMPTS = 6

# The server's codes for a connection that is lost or denied for the moment, a restart, or too much
# load. The driver's code for a closed connection is 0.
_TRANSIENT = {0, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927}
_TRANSIENT |= {2002, 2003, 2006, 2013, 2014, 2027, 2055, 4031}

_slots: dict[tuple[str, int, str], threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()


class StoreClient:
    """Store A, with at most ``connections`` connections at a time in this process.

    It looks up the URL in ``store`` when it connects: a pickled client has no password.
    """

    def __init__(self, store: Secret, connections: int) -> None:
        self.connections = connections
        self._store = store

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Opens a connection for some queries; waits until one is free.

        Raises:
            SecretError: when this process does not have the store's URL.
            ConfigurationError: when the URL is malformed.
        """
        url = StoreUrl.parse(self._store.value())
        with self._slots(url):
            session = Session(url)
            try:
                yield session
            finally:
                session.close()

    def _slots(self, url: StoreUrl) -> threading.BoundedSemaphore:
        # The clients of a process share the slots: each source is unpickled with another client.
        store = url.host, url.port, url.database
        with _slots_lock:
            return _slots.setdefault(store, threading.BoundedSemaphore(self.connections))


class Session:
    """One connection for one thread, opened when first needed and again when it was lost."""

    def __init__(self, url: StoreUrl) -> None:
        self._url = url
        self._connection: Any = None

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """Returns all rows of a query for one page; repeats it when the connection is lost.

        Raises:
            StoreError: when store A does not answer after some attempts, or rejects the query.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._query(query, parameters)
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
                self.close()
                if not is_transient(error):
                    raise _denial(error) from None
                last_error = error
            except pymysql.err.MySQLError as error:
                raise _denial(error) from None
            if attempt < ATTEMPTS - 1:
                time.sleep(random.uniform(0.25, 0.5) * 2**attempt)
        raise StoreError(
            f"store A does not answer, tried {ATTEMPTS} times; last: {describe_error(last_error)}"
        )

    def close(self) -> None:
        """Closes the connection; a later query opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Not close(): that would talk to a server that may be gone, or may still be sending.
            connection._force_close()

    def _query(self, query: str, parameters: Sequence[object]) -> list[RawRow]:
        if self._connection is None:
            self._connection = connect(self._url)
        with self._connection.cursor(DictCursor) as cursor:
            cursor.execute(query, tuple(parameters))
            return list(cursor.fetchall())


def connect(url: StoreUrl) -> Any:
    """Opens a connection without transactions, so that the server keeps nothing after a page.

    Raises:
        pymysql.err.MySQLError: when the server cannot be reached, or denies access.
        OSError: when a certificate file cannot be read.
    """
    return pymysql.connect(
        host=url.host,
        port=url.port,
        user=url.user,
        password=url.password,
        database=url.database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        write_timeout=CONNECT_TIMEOUT,
        **dict(url.tls),
    )


def is_transient(error: Exception) -> bool:
    """Whether another attempt may help: the fault is not in the query or the account."""
    return error.args[0] in _TRANSIENT


def describe_error(error: Exception) -> str:
    """Returns the text of the server or driver, which never contains a password."""
    return " ".join(map(str, reversed(error.args)))


def _denial(error: Exception) -> StoreError:
    return StoreError(f"store A refuses a query: {describe_error(error)}")
