"""The stretch of a store in a database that a run reads, and the cursors after it."""

from contextlib import closing
from datetime import timedelta
from typing import NamedTuple

import msgspec

from pipeline import options
from transforms.configuration.builtin import FIRST_STORE, built_in_configuration
from transforms.configuration.structs import StoreTable
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


def sql_stores(chosen: options.Options) -> dict[str, StoreTable]:
    """Returns the stores of a run that are in databases, by key."""
    if not chosen.store_a or not chosen.reads(FIRST_STORE):
        return {}
    store = built_in_configuration().store[FIRST_STORE]
    replace = msgspec.structs.replace
    full = store.full and replace(store.full, connections=chosen.store_a_connections)
    changes = store.changes and replace(store.changes, trailing_minutes=chosen.store_a_window)
    return {FIRST_STORE: replace(store, full=full, changes=changes)}


def built_in_store() -> SqlStore:
    """Returns the built-in store in a database, as its catalogue has it now."""
    store = built_in_configuration().store[FIRST_STORE]
    client = store_client(FIRST_STORE, store)
    with client.session() as session:
        return open_store(session, FIRST_STORE, store, client)


def full_stretch(chosen: options.Options, key: str, table: StoreTable) -> Stretch:
    """Returns the whole of a store, or what changed since the date that the options name."""
    cursors = _cursors(chosen)
    store, newest = _newest(key, table)
    if chosen.since is None:
        return Stretch(store, None, newest)
    since = start_since(store, chosen.since)
    return Stretch(store, since, gapless_cursors(store, cursors, newest, since))


def delta_stretch(chosen: options.Options, key: str, table: StoreTable) -> Stretch:
    """Returns what changed since a window before the last run, or all if there was none."""
    cursors = _cursors(chosen)
    store, newest = _newest(key, table)
    minutes = table.changes.trailing_minutes if table.changes else 0.0
    since = delta_start(store, cursors, newest, timedelta(minutes=minutes))
    return Stretch(store, since, newest)


def _cursors(chosen: options.Options) -> Cursors:
    with closing(open_ledger(chosen.ledger)) as ledger, ledger.read() as connection:
        return read_cursors(connection)


def _newest(key: str, table: StoreTable) -> tuple[SqlStore, Cursors]:
    # Taken before anything is read: what changes meanwhile is for the next run.
    client = store_client(key, table)
    with client.session() as session:
        store = open_store(session, key, table, client)
        return store, newest_cursors(session, store) if store.has_cursor else {}
