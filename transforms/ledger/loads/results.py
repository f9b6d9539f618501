"""What came of a load: what the CRM holds now, what it refuses, what did not reach it.

All is counted from what the run has touched, and from counts that an index answers: a delta's
numbers must not cost what a full load's do.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import CHUNK, chunks
from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import CRM_NOT_REACHED
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.loads.load_queue import count_pending, queued, still_open
from transforms.ledger.rows import links
from transforms.ledger.rows.deferrals import record_deferrals
from transforms.ledger.rows.row_keys import delete_entries


def defer_unloaded(connection: Connection, run: Run) -> None:
    """Rows of records that did not reach the CRM are deferred, all others are no longer.

    A row that waits for the register as well keeps that reason; since when one waits is kept.
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
    """Leave in the queue only what is still to be loaded."""
    connection.execute(schema.unloaded.delete().where(~still_open()))


def _deferred(connection: Connection, kind: str) -> Iterator[Sequence[RowKey]]:
    """The rows that waited for the CRM, page by page."""
    table = schema.deferred.c
    query = (
        sa.select(table.source, table.source_id)
        .where(table.reason == CRM_NOT_REACHED, table.kind == kind)
        .order_by(table.source, table.source_id)
        .limit(CHUNK)
    )
    after = ("", "")
    while found := connection.execute(
        query.where(sa.tuple_(table.source, table.source_id) > sa.tuple_(*after))
    ).all():
        rows = [(source, source_id) for source, source_id in found]
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
    """How this run ended for each golden record: created, updated, unchanged, rejected, …"""
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
    written = {bool(new): int(count) for new, count in connection.execute(query)}
    counted = {
        "created": written.get(True, 0),
        "updated": written.get(False, 0),
        "unchanged": 0,
        "rejected": _count_rejected(connection, kind),
        "not_reached": count_pending(connection, kind),
    }
    return counted | {"unchanged": _count(connection, schema.golden, kind) - sum(counted.values())}


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
    """Records in the CRM that no row of a store stands for any more: a person decides."""
    return sum(_count_left(connection, kind) for kind in (COMPANY, CONTACT))


def _count_left(connection: Connection, kind: str) -> int:
    # Golden records that are not in the CRM are queued or rejected: there are few of them.
    there, open_, rejected = schema.crosswalk.c, schema.unloaded.c, schema.rejected.c
    query = (
        sa.select(sa.func.count())
        .select_from(schema.unloaded)
        .where(
            open_.kind == kind,
            ~sa.exists().where(there.kind == open_.kind, there.key == open_.key),
        )
    )
    missing = int(connection.execute(query).scalar_one()) + _count_rejected(
        connection,
        kind,
        ~sa.exists().where(there.kind == rejected.kind, there.key == rejected.key),
    )
    in_crm = _count(connection, schema.crosswalk, kind)
    return in_crm - (_count(connection, schema.golden, kind) - missing)
