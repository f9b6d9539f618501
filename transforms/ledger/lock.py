"""One run at a time: two that load into one CRM would double what they create."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.errors import SvodError
from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.database import Ledger

_NUMBER = 0x73766F64  # "svod"
_LOOK = 0.05
_LONGEST = 31_536_000  # MySQL's own limit: a year, in seconds


class LedgerLockedError(SvodError):
    """Another run is going on with this ledger."""


def check_run_is_newest(connection: Connection, run: Run) -> None:
    """Whoever is about to create something makes sure that its run is the last that has begun.

    A database that was restarted, or dropped the lock's connection, lets another run in.

    Raises:
        LedgerLockedError: when another run has begun since.
    """
    last = connection.execute(sa.select(sa.func.max(schema.runs.c.run_seq))).scalar()
    if last is not None and last > run.run_seq:
        raise LedgerLockedError(
            "another run has begun with this ledger, for the database has let go of this one's"
            " lock (it was restarted, or the connection lost): this run ends; nothing is lost"
        )


@contextmanager
def exclusive(ledger: Ledger) -> Iterator[None]:
    """Hold the ledger for one run. The lock ends with the process, however that ends.

    Raises:
        LedgerLockedError: when another run holds it.
    """
    url = ledger.engine.url
    if url.get_backend_name() == "sqlite":
        with _file_lock(f"{url.database}.lock"):
            yield
        return
    query = (
        "SELECT GET_LOCK(CONCAT('svod ', DATABASE()), 0)"
        if url.get_backend_name() == "mysql"
        else f"SELECT pg_try_advisory_lock({_NUMBER})"
    )
    # The lock belongs to the connection: it is kept open, and not given back to the pool.
    # And in no transaction: one that is open for hours keeps the server from tidying up.
    connection = ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        if url.get_backend_name() == "mysql":
            # A load can take days, and the server ends connections that are idle for hours.
            connection.execute(sa.text(f"SET SESSION wait_timeout = {_LONGEST}"))
        if not connection.execute(sa.text(query)).scalar():
            raise _locked()
        yield
    finally:
        connection.invalidate()
        connection.close()


@contextmanager
def wait_for_exclusive(ledger: Ledger) -> Iterator[None]:
    """``exclusive``, after the run that may be going on."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive(ledger))
                break
            except LedgerLockedError:
                time.sleep(_LOOK)
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
