"""The stretch of a store in a database that a run reads, and the cursors after it."""

from contextlib import closing
from datetime import timedelta
from typing import NamedTuple

from pipeline import options
from transforms.configuration.builtin import FIRST_STORE, built_in_configuration
from transforms.configuration.selection import Reading, readable_stores
from transforms.configuration.structs import SQL_KINDS, StoreTable
from transforms.ledger.cursors import read_cursors
from transforms.ledger.database import open_ledger
from transforms.stores.sql.check import open_store
from transforms.stores.sql.cursors import (
    Cursors,
    DeltaStart,
    delta_start,
    gapless_cursors,
    newest_cursors,
    start_since,
)
from transforms.stores.sql.store import SqlStore, store_client


class Stretch(NamedTuple):
    """A store, the start of reading (``None``: all is read), and the cursors after the run."""

    store: SqlStore
    since: DeltaStart | None
    read_up_to: Cursors


def sql_stores(chosen: options.Options, reading: Reading) -> dict[str, StoreTable]:
    """Returns the stores that a run reads of databases, by key."""
    stores = readable_stores(chosen.configuration, reading)
    return {
        key: store
        for key, store in stores.items()
        if chosen.reads(key) and _is_in_database(store, reading)
    }


def _is_in_database(store: StoreTable, reading: Reading) -> bool:
    if reading == "delta":
        return store.changes is not None and store.changes.kind == "cursor"
    return store.full is not None and store.full.kind in SQL_KINDS


def built_in_store() -> SqlStore:
    """Returns the built-in store in a database, as its catalogue has it now."""
    store = built_in_configuration().store[FIRST_STORE]
    client = store_client(FIRST_STORE, store)
    with client.session() as session:
        return open_store(session, FIRST_STORE, store, client)


def full_stretch(chosen: options.Options, key: str, table: StoreTable) -> Stretch:
    """Returns the whole of a store, or what changed since the date that the options name."""
    cursors = _cursors(chosen)
    store, newest = _newest(chosen, key, table, "full")
    if chosen.since is None:
        return Stretch(store, None, newest)
    since = start_since(store, chosen.since)
    return Stretch(store, since, gapless_cursors(store, cursors, newest, since))


def delta_stretch(chosen: options.Options, key: str, table: StoreTable) -> Stretch:
    """Returns what changed since a window before the last run, or all if there was none."""
    cursors = _cursors(chosen)
    store, newest = _newest(chosen, key, table, "delta")
    minutes = table.changes.trailing_minutes if table.changes else 0.0
    since = delta_start(store, cursors, newest, timedelta(minutes=minutes))
    return Stretch(store, since, newest)


def _cursors(chosen: options.Options) -> Cursors:
    with closing(open_ledger(chosen.ledger)) as ledger, ledger.read() as connection:
        return read_cursors(connection)


def _newest(
    chosen: options.Options, key: str, table: StoreTable, reading: Reading
) -> tuple[SqlStore, Cursors]:
    # Taken before anything is read: what changes meanwhile is for the next run.
    client = store_client(key, table, reading, chosen.configuration_file)
    with client.session() as session:
        store = open_store(session, key, table, client)
        return store, newest_cursors(session, store) if store.has_cursor else {}
