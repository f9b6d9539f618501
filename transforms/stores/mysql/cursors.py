"""The cursors of store A, and the moments from which a delta reads.

A table's cursor is the newest ``updated_at`` that has been read. Rows may turn up late, so a delta
begins some minutes before the cursor; rows that it reads twice change nothing. A time in the future
comes from a wrong clock and never becomes the cursor: changes until then would be lost. Nor does a
date with zeros in it, which MySQL accepts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from transforms.stores.mysql.client import Session
from transforms.stores.mysql.keyset import COMPANIES, CONTACTS, HAS_VALID_TIME, ORDERS, DeltaStart

Cursors = Mapping[str, str]
"""An ``updated_at`` by table name, in ISO 8601, Moscow time."""

_EARLIEST = datetime(1970, 1, 2)


def newest_cursors(session: Session, now: datetime) -> Cursors:
    """Returns each table's newest ``updated_at`` that is not after ``now``, a Moscow time."""
    cursors = {}
    for table in (COMPANIES, CONTACTS, ORDERS):
        query = (
            f"SELECT updated_at FROM {table.name}"  # noqa: S608 - our own names
            f" FORCE INDEX (idx_{table.name}_updated)"
            f" WHERE updated_at > %s AND updated_at <= %s AND {HAS_VALID_TIME}"
            " ORDER BY updated_at DESC LIMIT 1"
        )
        rows = session.rows(query, (_EARLIEST, now))
        cursors[table.name] = (rows[0]["updated_at"] if rows else _EARLIEST).isoformat()
    return cursors


def delta_start(cursors: Cursors, newest: Cursors, window: timedelta) -> DeltaStart | None:
    """Returns the moments to read from: ``window`` before each cursor.

    Returns ``None`` for all rows, when there is no cursor yet. ``newest`` are the tables' newest
    times now: when one is older than its cursor, a clock was wrong, and it counts instead.
    """
    if not cursors:
        return None
    start = {
        name: min(datetime.fromisoformat(cursors[name]), datetime.fromisoformat(moment)) - window
        for name, moment in newest.items()
    }
    return DeltaStart(**start)


def gapless_cursors(cursors: Cursors, newest: Cursors, since: datetime) -> Cursors:
    """Returns the cursors that move to ``newest`` after reading from ``since`` on.

    A cursor before ``since`` must not move: the rows between them are not read.
    """
    return {
        name: newest[name]
        for name, cursor in cursors.items()
        if since <= datetime.fromisoformat(cursor)
    }
