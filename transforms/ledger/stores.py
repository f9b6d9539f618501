"""The stores of a ledger: written when a run starts, read by everything behind the cleaners."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.stores import ABSENT, Store, Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.renaming import Renaming, has_rows, rename_store
from transforms.ledger.rows.rebuild_marks import mark_records_of
from transforms.ledger.statements import upsert


def read_stores(connection: Connection) -> Stores:
    """All stores of which the ledger knows, also those that the configuration no longer has."""
    table = schema.stores.c
    query = sa.select(
        *(table.key, table.title, table.priority, table.last_read_wins, table.state),
        table.undated,
    )
    return Stores(
        Store(key, title, priority, bool(last_read_wins), state, tuple(undated.split()))
        for key, title, priority, last_read_wins, state, undated in connection.execute(query)
    )


def stores_of_ledger(ledger: Ledger) -> Stores:
    """What ``read_stores`` returns, by a connection of its own."""
    with ledger.read() as connection:
        return read_stores(connection)


def write_stores(ledger: Ledger, stores: Stores, renamings: Sequence[Renaming] = ()) -> None:
    """Let the ledger know the stores of the configuration, before a run that reads them.

    ``renamings`` are those of stores that had another key before.

    A store that the configuration no longer has stays, as absent, as long as it has rows. Where a
    priority has changed, the next run consolidates the store's records anew.

    Raises:
        ConfigurationError: a store cannot be renamed, for the ledger has rows of both keys.
    """

    def write(connection: Connection) -> None:
        for renaming in renamings:
            rename_store(connection, renaming)
        _write(connection, stores)

    ledger.transact(write)


def _write(connection: Connection, stores: Stores) -> None:
    previous = read_stores(connection)
    absent = [
        msgspec.structs.replace(store, state=ABSENT)
        for store in previous
        if store.key not in stores and has_rows(connection, store.key)
    ]
    entries = [
        {
            "key": store.key,
            "title": store.title[: schema.TITLE_WIDTH],
            "priority": store.priority,
            "last_read_wins": int(store.last_read_wins),
            "state": store.state,
            "undated": " ".join(store.undated),
        }
        for store in (*stores, *absent)
    ]
    if reordered := _reordered(previous, stores):
        mark_records_of(connection, reordered)
    connection.execute(schema.stores.delete())
    upsert(connection, schema.stores, entries)


def _reordered(previous: Stores, stores: Stores) -> list[str]:
    """The stores whose priority has changed: other values may win in all their records."""
    return [
        store.key
        for store in stores
        if store.key in previous and previous[store.key].priority != store.priority
    ]
