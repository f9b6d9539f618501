"""Reading from store A: few connections, short queries, and patience when one is lost."""

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

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 120
TRIES = 6

# Nothing is wrong with the query: the connection is lost or refused for the moment, the server
# restarts, or it is too busy. 0 is what the driver says of a connection that is closed already.
_PASSING = {0, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927}
_PASSING |= {2002, 2003, 2006, 2013, 2014, 2027, 2055, 4031}

_slots: dict[tuple[str, int, str], threading.BoundedSemaphore] = {}
_slots_lock = threading.Lock()


class StoreClient:
    """Store A, with at most ``connections`` connections at once in this process.

    It looks the URL in ``store`` up when it connects: pickled, it holds no password.
    """

    def __init__(self, store: Secret, connections: int) -> None:
        self.connections = connections
        self._store = store

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """A connection for some queries; waits until one is free.

        Raises:
            SecretError: when the store's URL is not known here.
            ConfigurationError: when it cannot be read.
        """
        url = StoreUrl.parse(self._store.value())
        with self._slots(url):
            session = Session(url)
            try:
                yield session
            finally:
                session.close()

    def _slots(self, url: StoreUrl) -> threading.BoundedSemaphore:
        # All clients of a process share them: each source is unpickled with a client of its own.
        store = url.host, url.port, url.database
        with _slots_lock:
            return _slots.setdefault(store, threading.BoundedSemaphore(self.connections))


class Session:
    """One connection, opened when first needed and again when it was lost. For one thread."""

    def __init__(self, url: StoreUrl) -> None:
        self._url = url
        self._connection: Any = None

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """All rows of a query that gives one page: sent again when the connection was lost.

        Raises:
            StoreError: when store A stays away, or refuses the query.
        """
        for attempt in range(TRIES):
            try:
                return self._query(query, parameters)
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
                self.close()
                if not is_transient(error):
                    raise _refused(error) from None
                lost = error
            except pymysql.err.MySQLError as error:
                raise _refused(error) from None
            if attempt < TRIES - 1:
                time.sleep(random.uniform(0.25, 0.5) * 2**attempt)
        raise StoreError(
            f"store A does not answer, tried {TRIES} times; last: {describe_error(lost)}"
        )

    def close(self) -> None:
        """Gives the connection back; a later query opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Not close(): it would talk to a server that may be gone, or be sending still.
            connection._force_close()

    def _query(self, query: str, parameters: Sequence[object]) -> list[RawRow]:
        if self._connection is None:
            self._connection = connect(self._url)
        with self._connection.cursor(DictCursor) as cursor:
            cursor.execute(query, tuple(parameters))
            return list(cursor.fetchall())


def connect(url: StoreUrl) -> Any:
    """A new connection; without a transaction, so that a page is read and forgotten.

    Raises:
        pymysql.err.MySQLError: when the server cannot be reached or refuses.
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
    """Whether it is no fault of the query, nor of the account: trying again may help."""
    return error.args[0] in _PASSING


def describe_error(error: Exception) -> str:
    """What the server or driver said; neither ever says a password."""
    return " ".join(map(str, reversed(error.args)))


def _refused(error: Exception) -> StoreError:
    return StoreError(f"store A refuses a query: {describe_error(error)}")
