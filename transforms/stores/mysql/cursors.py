"""How far store A is read: of each table the newest ``updated_at``, and from where a delta reads.

Rows turn up late: a delta begins some minutes before the cursor, and what it has read before
changes nothing. A time in the future is somebody's wrong clock and never becomes the cursor: what
is changed until then would be lost. Nor does a date with zeros in it, which MySQL may hold.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from transforms.stores.mysql.client import Session
from transforms.stores.mysql.keyset import COMPANIES, CONTACTS, IS_A_TIME, ORDERS, DeltaStart

Cursors = Mapping[str, str]
"""By table name an ``updated_at`` in ISO 8601, Moscow time."""

_NONE = datetime(1970, 1, 2)


def newest_cursors(session: Session, now: datetime) -> Cursors:
    """The newest ``updated_at`` of each table that is not after ``now``, a Moscow time."""
    found = {}
    for table in (COMPANIES, CONTACTS, ORDERS):
        query = (
            f"SELECT updated_at FROM {table.name}"  # noqa: S608 - our own names
            f" FORCE INDEX (idx_{table.name}_updated)"
            f" WHERE updated_at > %s AND updated_at <= %s AND {IS_A_TIME}"
            " ORDER BY updated_at DESC LIMIT 1"
        )
        rows = session.rows(query, (_NONE, now))
        found[table.name] = (rows[0]["updated_at"] if rows else _NONE).isoformat()
    return found


def delta_start(cursors: Cursors, found: Cursors, window: timedelta) -> DeltaStart | None:
    """From when on the tables are read; ``None``, all of them, when there is no cursor yet.

    ``found`` is what is newest now: should it be older than the cursor, a clock has been wrong.
    """
    if not cursors:
        return None
    start = {
        name: min(datetime.fromisoformat(cursors[name]), datetime.fromisoformat(at)) - window
        for name, at in found.items()
    }
    return DeltaStart(**start)


def gapless_cursors(cursors: Cursors, found: Cursors, since: datetime) -> Cursors:
    """Those of the newest that reading since then may make the cursors: nothing is left out."""
    return {
        name: found[name] for name, at in cursors.items() if since <= datetime.fromisoformat(at)
    }
