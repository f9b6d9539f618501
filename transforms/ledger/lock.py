"""The ledger's lock: one run at a time, as two runs would create every item in the CRM twice."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.errors import SvodError
from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.database import Ledger

_NUMBER = 0x73766F64  # "svod"
_RETRY_EVERY = 0.05  # seconds
_IDLE_TIMEOUT = 31_536_000  # seconds: a year, the longest that MySQL allows


class LedgerLockedError(SvodError):
    """Another run is using this ledger."""


def check_run_is_newest(connection: Connection, run: Run) -> None:
    """Make sure, before a write that must not happen twice, that no other run has begun since.

    A database that was restarted, or lost the lock's connection, lets another run begin; and so
    does an engine whose job outlives the command that began it.

    Raises:
        LedgerLockedError: another run has begun since.
    """
    last = connection.execute(sa.select(sa.func.max(schema.runs.c.run_seq))).scalar()
    if last is not None and last > run.run_seq:
        raise LedgerLockedError(
            "another run has begun with this ledger, for the database has let go of this one's"
            " lock (it was restarted, or the connection lost): this run ends; nothing is lost"
        )


@contextmanager
def exclusive(ledger: Ledger) -> Iterator[None]:
    """Hold the lock. It ends with the process, however that ends.

    Raises:
        LedgerLockedError: another run holds it.
    """
    url = ledger.engine.url
    if url.get_backend_name() == "sqlite":
        # By whatever name, link or path a file is reached: it is one ledger, and has one lock.
        with _file_lock(f"{Path(url.database or '').resolve()}.lock"):
            yield
        return
    query = (
        "SELECT GET_LOCK(CONCAT('svod ', DATABASE()), 0)"
        if url.get_backend_name() == "mysql"
        else f"SELECT pg_try_advisory_lock({_NUMBER})"
    )
    # The lock belongs to the connection, so that stays open, and does not go back to the pool.
    # It is in no transaction: one that is open for hours keeps the server from tidying up.
    connection = ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        if url.get_backend_name() == "mysql":
            # A load can take days, and the server ends connections that are idle for hours.
            connection.execute(sa.text(f"SET SESSION wait_timeout = {_IDLE_TIMEOUT}"))
        if not connection.execute(sa.text(query)).scalar():
            raise _locked()
        yield
    finally:
        connection.invalidate()
        connection.close()


@contextmanager
def wait_for_exclusive(ledger: Ledger) -> Iterator[None]:
    """Hold the lock as ``exclusive`` does, once the run that may hold it has ended."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive(ledger))
                break
            except LedgerLockedError:
                time.sleep(_RETRY_EVERY)
        yield


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    with open(path, "w") as file:  # noqa: PTH123 - the descriptor is the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _locked() from None
        yield


def _locked() -> LedgerLockedError:
    return LedgerLockedError(
        "another run is going on with this ledger: wait for its end (svod status shows how far"
        " it is)"
    )
