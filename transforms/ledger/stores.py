"""The stores of a ledger: written when a run starts, read by everything behind the cleaners."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.stores import ABSENT, Store, Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.renaming import Renaming, has_rows, rename_store
from transforms.ledger.rows.rebuild_marks import mark_contacts_of, mark_records_of
from transforms.ledger.statements import upsert


def read_stores(connection: Connection) -> Stores:
    """All stores of which the ledger knows, also those that the configuration no longer has."""
    table = schema.stores.c
    query = sa.select(
        *(table.key, table.title, table.priority, table.last_read_wins, table.state),
        *(table.undated, table.company_store),
    )
    return Stores(
        Store(
            *(row.key, row.title, row.priority, bool(row.last_read_wins), row.state),
            tuple(row.undated.split()),
            row.company_store,
        )
        for row in connection.execute(query)
    )


def stores_of_ledger(ledger: Ledger) -> Stores:
    """What ``read_stores`` returns, by a connection of its own."""
    with ledger.read() as connection:
        return read_stores(connection)


def write_stores(ledger: Ledger, stores: Stores, renamings: Sequence[Renaming] = ()) -> None:
    """Let the ledger know the stores of the configuration, before a run that reads them.

    ``renamings`` are those of stores that had another key before.

    A store that the configuration no longer has stays, as absent, as long as it has rows. Where a
    priority has changed, the next run consolidates the store's records anew; where its contacts
    name another store's companies now, these contacts.

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
            "company_store": store.company_store,
        }
        for store in (*stores, *absent)
    ]
    known_stores = [store for store in stores if store.key in previous]
    if reordered := _changed(known_stores, previous, "priority"):
        mark_records_of(connection, reordered)
    if relinked := _changed(known_stores, previous, "company_store"):
        mark_contacts_of(connection, relinked)
    connection.execute(schema.stores.delete())
    upsert(connection, schema.stores, entries)


def _changed(stores: Sequence[Store], previous: Stores, field: str) -> list[str]:
    """The keys of the stores of which the field has another value than before."""
    return [
        store.key
        for store in stores
        if getattr(store, field) != getattr(previous[store.key], field)
    ]
