"""The cursors of a store, and the moments from which a delta reads.

A table's cursor is the newest time of change that has been read. Rows may turn up late, so a delta
begins some minutes before the cursor; rows that it reads twice change nothing. A time in the future
comes from a wrong clock and never becomes the cursor: changes until then would be lost. Nor does a
date with zeros in it, which MySQL accepts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from transforms.configuration.builtin import FIRST_STORE
from transforms.stores.sql.client import Session
from transforms.stores.sql.clock import EARLIEST, Clock
from transforms.stores.sql.keyset import newest_moment
from transforms.stores.sql.store import SqlStore, TableName

Cursors = Mapping[str, str]
"""A time of change by the cursor's name, in ISO 8601: local where it has no offset."""

DeltaStart = Mapping[TableName, datetime]
"""The moment from which a delta reads each table, by the clock of the table."""

# What the cursors of the built-in store were called before stores had keys: ledgers have these.
_FIRST_NAMES: Mapping[TableName, str] = {
    "company": "companies",
    "contact": "contacts",
    "order": "orders",
}


def cursor_name(store: str, table: TableName) -> str:
    """Returns the name of a cursor in the ledger.

    >>> cursor_name("shop", "company"), cursor_name("A", "company")
    ('shop.company', 'companies')
    """
    return _FIRST_NAMES[table] if store == FIRST_STORE else f"{store}.{table}"


def cursor_names(former_key: str, key: str) -> dict[str, str]:
    """Returns the names of a store's cursors under a new key, by those under the former one.

    >>> cursor_names("A", "shop")["contacts"], cursor_names("web", "A")["web.contact"]
    ('shop.contact', 'contacts')
    """
    return {cursor_name(former_key, name): cursor_name(key, name) for name in _FIRST_NAMES}


def newest_cursors(session: Session, store: SqlStore) -> Cursors:
    """Returns each table's newest time of change that is not in the future."""
    cursors = {}
    for name, table in store.tables.items():
        if clock := table.clock:
            newest = newest_moment(session, table, EARLIEST, clock.now())
            cursors[cursor_name(store.key, name)] = clock.write(newest or EARLIEST)
    return cursors


def delta_start(
    store: SqlStore, cursors: Cursors, newest: Cursors, window: timedelta
) -> DeltaStart | None:
    """Returns the moments to read from: ``window`` before each cursor.

    Returns ``None`` for all rows, when there is no cursor yet; a table that has none is read whole.
    ``newest`` are the tables' newest times now: when one is older than its cursor, a clock was
    wrong, and it counts instead.
    """
    starts: dict[TableName, datetime] = {}
    for name, table in store.tables.items():
        cursor = cursor_name(store.key, name)
        if table.clock and cursor in cursors:
            moment = store.cursor(cursors[cursor], table.clock)
            starts[name] = _start(table.clock, moment, newest[cursor]) - window
    return starts or None


def start_since(store: SqlStore, since: datetime) -> DeltaStart:
    """Returns the moments to read from, for a local time of the store."""
    return {
        name: store.local(since, table.clock) for name, table in store.tables.items() if table.clock
    }


def gapless_cursors(
    store: SqlStore, cursors: Cursors, newest: Cursors, starts: DeltaStart
) -> Cursors:
    """Returns the cursors that move to ``newest`` after reading from ``starts`` on.

    A cursor before that must not move: the rows between them are not read.
    """
    moves = {}
    for name, start in starts.items():
        cursor, clock = cursor_name(store.key, name), store.tables[name].clock
        if clock and cursor in cursors and start <= store.cursor(cursors[cursor], clock):
            moves[cursor] = newest[cursor]
    return moves


def _start(clock: Clock, cursor: datetime, newest: str) -> datetime:
    return min(cursor, clock.read(newest)) - clock.put_back(cursor, clock.now())
