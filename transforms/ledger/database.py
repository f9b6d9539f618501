"""Opening the ledger: SQLite by default, MySQL, MariaDB or PostgreSQL by URL."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from transforms.core.errors import ConfigurationError, LedgerError
from transforms.core.secrets import mask
from transforms.ledger.migrations import is_older, migrate, version_of
from transforms.ledger.statements import Statement

T = TypeVar("T")

# SQLAlchemy would take a driver that is not installed for a URL that names none.
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
_UNREADABLE = (
    "--ledger: it cannot be read as a URL: write mysql://user:password@host:3306/svod, and in the"
    " password %40 for @, %3A for :, %2F for /"
)
_UNKNOWN_SETTING = (
    "--ledger: it cannot be read as a URL: the driver does not know a setting behind the question"
    " mark (TLS is ssl_ca=FILE on MySQL, sslmode=verify-full on PostgreSQL)"
)
_TRIES = 8
# The log is copied into the database file after 64 MB: a page that many transactions write is
# copied once.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-65536",
    "wal_autocheckpoint=16384",
)


class Draft(NamedTuple, Generic[T]):
    """The result of work that has only read the ledger, and the statements that it would write."""

    result: T
    statements: list[Statement]


class Ledger:
    """The database that keeps all that must outlive a run. Safe to use from several threads.

    A process of ``transforms.core.process_pool`` gets it as its URL, and opens it once.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.engine = _engine(url)

    def __reduce__(self) -> tuple[Callable[[str], "Ledger"], tuple[str]]:
        return _open_once, (self._url,)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with; all that it sees is of one moment."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction to write in: all of it happens, or nothing."""
        with self.engine.connect() as bare:
            connection = bare.execution_options(svod_write=True)
            with connection.begin():
                yield connection

    def draft(self, work: Callable[[Connection], T]) -> Draft[T]:
        """Do ``work``, and collect what it writes by ``upsert``, ``update`` and ``delete``.

        ``work`` reads the ledger as it stands, and sees nothing of what it writes; ``perform``
        writes it. So drafts that have nothing in common can be made side by side, in any process,
        while one process writes.

        Raises:
            LedgerError: the database does not answer, or refuses.
        """
        statements: list[Statement] = []
        try:
            with self.engine.connect() as bare:
                connection = bare.execution_options(svod_draft=statements)
                with connection.begin():
                    return Draft(work(connection), statements)
        except DBAPIError as error:
            # A driver's error may not survive the way to another process.
            raise LedgerError(f"the ledger failed: {mask(str(error.orig))}") from None

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in a write transaction, again after a back-off if another writer interfered.

        Raises:
            DBAPIError: the transaction failed for another reason, or too often.
        """
        for attempt in range(_TRIES):
            try:
                with self.write() as connection:
                    return work(connection)
            except OperationalError as error:
                if attempt == _TRIES - 1 or not _may_pass(error):
                    raise
            time.sleep(random.uniform(0.05, 0.1) * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


@lru_cache(maxsize=1)
def _open_once(url: str) -> Ledger:
    return Ledger(url)


def open_ledger(url: str) -> Ledger:
    """The ledger at ``url``; its tables are created, or brought up to this program's version.

    Raises:
        ConfigurationError: naming ``--ledger``, when it cannot be opened or is of a newer program.
    """
    try:
        ledger = Ledger(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(f"--ledger: {mask(str(error))}") from None
    except ValueError:
        # The error's text quotes the URL, and with it the password.
        raise ConfigurationError(_UNREADABLE) from None
    try:
        _prepare(ledger)
    except DBAPIError as error:
        ledger.close()
        raise ConfigurationError(f"--ledger: cannot open it: {mask(str(error.orig))}") from None
    except TypeError:
        ledger.close()
        raise ConfigurationError(_UNKNOWN_SETTING) from None
    except OSError as error:
        ledger.close()
        raise ConfigurationError(
            "--ledger: cannot open it: a file that the URL names (ssl_ca, ssl_cert or ssl_key)"
            f" cannot be read: {error.strerror or type(error).__name__}"
        ) from None
    except BaseException:
        ledger.close()
        raise
    return ledger


def reach_database(url: str) -> None:
    """Check that a ledger's database answers, without making a ledger in it.

    Raises:
        ConfigurationError: naming ``--ledger``, when it does not.
    """
    try:
        engine = _engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise ConfigurationError(_UNREADABLE) from None
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise ConfigurationError(f"--ledger: cannot open it: {mask(str(error.orig))}") from None
    except (TypeError, OSError):
        raise ConfigurationError(_UNKNOWN_SETTING) from None
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if "@" in (parsed.host or ""):
        raise ValueError("an @ of the password is taken for the one before the host")
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "mysql":
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    return sa.create_engine(parsed, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True)


def _sqlite(url: URL) -> Engine:
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": 60})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        # The driver must not begin transactions by itself: it would begin them as readers.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer fails at once when another writer was faster; a writer waits.
        write = connection.get_execution_options().get("svod_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _may_pass(error: OperationalError) -> bool:
    """Whether a retry can help: after a lock held too long, a deadlock, a lost connection."""
    text = str(error.orig).lower()
    return error.connection_invalidated or any(
        sign in text for sign in ("locked", "deadlock", "lock wait", "1213", "1205", "40p01")
    )


def perform(connection: Connection, drafts: Iterable[Draft[Any]]) -> None:
    """Write the statements of the drafts."""
    for draft in drafts:
        for sql, values in draft.statements:
            connection.exec_driver_sql(sql, values)


def _prepare(ledger: Ledger) -> None:
    # Every worker opens the ledger: look first, so that only the first one takes the write lock.
    with ledger.read() as connection:
        version = version_of(connection)
    if version is None or is_older(version):
        migrate(ledger.engine, ledger.write)
