"""How far store A is read: of each table the newest ``updated_at``, and from where a delta reads.

Rows turn up late: a delta begins some minutes before the cursor, and what it has read before
changes nothing. A time in the future is somebody's wrong clock and never becomes the cursor: what
is changed until then would be lost.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from transforms.stores.mysql_client import Session
from transforms.stores.mysql_keys import COMPANIES, CONTACTS, ORDERS, Since

Cursors = Mapping[str, str]
"""By table name an ``updated_at`` in ISO 8601, Moscow time."""

_NONE = datetime(1970, 1, 2)


def newest(session: Session, now: datetime) -> Cursors:
    """The newest ``updated_at`` of each table that is not after ``now``, a Moscow time."""
    found = {}
    for table in (COMPANIES, CONTACTS, ORDERS):
        query = (
            f"SELECT MAX(updated_at) AS newest FROM {table.name}"  # noqa: S608 - our own names
            f" FORCE INDEX (idx_{table.name}_updated) WHERE updated_at <= %s"
        )
        [row] = session.rows(query, (now,))
        found[table.name] = (row["newest"] or _NONE).isoformat()
    return found


def changes_since(cursors: Cursors, found: Cursors, window: timedelta) -> Since | None:
    """From when on the tables are read; ``None``, all of them, when there is no cursor yet.

    ``found`` is what is newest now: should it be older than the cursor, a clock has been wrong.
    """
    if not cursors:
        return None
    start = {
        name: min(datetime.fromisoformat(cursors[name]), datetime.fromisoformat(at)) - window
        for name, at in found.items()
    }
    return Since(**start)


def without_gap(cursors: Cursors, found: Cursors, since: datetime) -> Cursors:
    """Those of the newest that reading since then may make the cursors: nothing is left out."""
    return {
        name: found[name] for name, at in cursors.items() if since <= datetime.fromisoformat(at)
    }
