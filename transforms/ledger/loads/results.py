"""Results of a load: how each golden record ended in the CRM, and which rows are deferred for it.

Only records that the run has touched are counted one by one; an index answers all other counts. So
a delta's numbers cost less than a full load's.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import CHUNK, chunks
from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import (
    CREATED,
    CRM_NOT_REACHED,
    NOT_REACHED,
    REJECTED,
    UNCHANGED,
    UPDATED,
)
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.loads.load_queue import count_pending, queued, still_open
from transforms.ledger.rows import links
from transforms.ledger.rows.deferrals import record_deferrals
from transforms.ledger.rows.row_keys import delete_entries


def defer_unloaded(connection: Connection, run: Run) -> None:
    """Defer the rows of records that did not reach the CRM, and no others for that reason.

    A row that waits for the register as well keeps that reason. The moment since when it waits is
    kept.
    """
    _dequeue(connection)
    for kind in (COMPANY, CONTACT):
        for rows in _deferred(connection, kind):
            keys = links.golden_key_by_row(connection, kind, rows)
            waiting = _unloaded(connection, kind, sorted(set(keys.values())))
            reached = [row for row in rows if keys.get(row) not in waiting]
            delete_entries(connection, schema.deferred, kind, reached)
        for unloaded in queued(connection, kind):
            _defer(connection, run, kind, unloaded)


def _dequeue(connection: Connection) -> None:
    """Leave only those records in the queue that are still to be loaded."""
    connection.execute(schema.unloaded.delete().where(~still_open()))


def _deferred(connection: Connection, kind: str) -> Iterator[Sequence[RowKey]]:
    """The rows that wait for the CRM, page by page."""
    table = schema.deferred.c
    query = (
        sa.select(table.source, table.source_id)
        .where(table.reason == CRM_NOT_REACHED, table.kind == kind)
        .order_by(table.source, table.source_id)
        .limit(CHUNK)
    )
    after = ("", "")
    while page := connection.execute(
        query.where(sa.tuple_(table.source, table.source_id) > sa.tuple_(*after))
    ).all():
        rows = [(source, source_id) for source, source_id in page]
        yield rows
        after = rows[-1]


def _unloaded(connection: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    table = schema.unloaded.c
    query = sa.select(table.key).where(table.kind == kind)
    return {
        key
        for chunk in chunks(keys)
        for key in connection.execute(query.where(table.key.in_(chunk))).scalars()
    }


def _defer(connection: Connection, run: Run, kind: str, keys: Sequence[str]) -> None:
    rows = [
        (row, key if kind == COMPANY else "")
        for key, members in goldens.members_of(connection, kind, keys).items()
        for row in sorted(members)
    ]
    record_deferrals(connection, run, kind, CRM_NOT_REACHED, rows, keep_reason=True)


def count_loads(connection: Connection, run: Run, kind: str) -> dict[str, int]:
    """Count each golden record in the outcome that it has after this run."""
    table, golden = schema.crosswalk.c, schema.golden.c
    version = (
        sa.select(golden.version)
        .where(golden.kind == table.kind, golden.key == table.key)
        .scalar_subquery()
    )
    created = table.created_run == run.run_seq
    query = (
        sa.select(created, sa.func.count())
        .where(table.kind == kind, table.updated_run == run.run_seq, table.version == version)
        .group_by(created)
    )
    loaded = {bool(is_new): int(count) for is_new, count in connection.execute(query)}
    counts: dict[str, int] = {
        CREATED: loaded.get(True, 0),
        UPDATED: loaded.get(False, 0),
        UNCHANGED: 0,
        REJECTED: _count_rejected(connection, kind),
        NOT_REACHED: count_pending(connection, kind),
    }
    return counts | {UNCHANGED: _count(connection, schema.golden, kind) - sum(counts.values())}


def _count(connection: Connection, table: sa.Table, kind: str) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.kind == kind)
    return int(connection.execute(query).scalar_one())


def _count_rejected(connection: Connection, kind: str, *also: sa.ColumnElement[bool]) -> int:
    table, golden = schema.rejected.c, schema.golden.c
    stands = sa.exists().where(
        golden.kind == table.kind, golden.key == table.key, golden.version == table.version
    )
    query = sa.select(sa.func.count()).select_from(schema.rejected)
    return int(connection.execute(query.where(table.kind == kind, stands, *also)).scalar_one())


def count_orphaned_items(connection: Connection) -> int:
    """Items in the CRM whose golden record is gone with all its rows: a person decides on them."""
    return sum(_count_orphaned(connection, kind) for kind in (COMPANY, CONTACT))


def _count_orphaned(connection: Connection, kind: str) -> int:
    # Golden records that are not in the CRM are queued or rejected: there are few of them.
    crosswalk, unloaded, rejected = schema.crosswalk.c, schema.unloaded.c, schema.rejected.c
    query = (
        sa.select(sa.func.count())
        .select_from(schema.unloaded)
        .where(
            unloaded.kind == kind,
            ~sa.exists().where(crosswalk.kind == unloaded.kind, crosswalk.key == unloaded.key),
        )
    )
    missing = int(connection.execute(query).scalar_one()) + _count_rejected(
        connection,
        kind,
        ~sa.exists().where(crosswalk.kind == rejected.kind, crosswalk.key == rejected.key),
    )
    in_crm = _count(connection, schema.crosswalk, kind)
    return in_crm - (_count(connection, schema.golden, kind) - missing)
