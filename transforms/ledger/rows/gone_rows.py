"""Known rows that their stores no longer have: refused, as if the store had deleted them.

A whole reading of a store that does not find a row is the only sign of a deletion in a table that
keeps no deleted rows. A withdrawn store has none of its rows any more.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.outcomes import GONE_FROM_STORE
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import Row
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.refusals import invalid_table
from transforms.ledger.rows.source_rows import TouchedKeys, replace_versions
from transforms.ledger.rows.versions import known_versions
from transforms.ledger.statements import look_up, update

StoreAndKind = tuple[str, str]
"""A store's key, and the kind of its rows."""

_AT_ONCE, _PER_TRANSACTION = 2000, 2
_DETAIL = "the store no longer has it"


def refuse_unseen(
    ledger: Ledger, run: Run, source: str, kind: str, processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """Refuse the known rows of this store and kind that the run has not seen.

    All rows that the run has read are remembered already. Returns the keys that the refusals touch.
    Safe to repeat within the run: the keys are those of the first attempt.
    """
    is_unseen = schema.rows.c.seen_run < run.run_seq
    return _refuse_where(ledger, run, (source, kind), is_unseen, processes)


def refuse_all(
    ledger: Ledger, run: Run, source: str, kind: str, processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """Refuse all known rows of this kind of a withdrawn store, as ``refuse_unseen`` does."""
    is_present = schema.rows.c.reason != GONE_FROM_STORE
    return _refuse_where(ledger, run, (source, kind), is_present, processes)


def _refuse_where(
    ledger: Ledger,
    run: Run,
    store_and_kind: StoreAndKind,
    condition: sa.ColumnElement[bool],
    processes: ProcessPool,
) -> TouchedKeys:
    work = partial(_refuse, run=run, store_and_kind=store_and_kind)
    pages = chain(
        _refused_ids(ledger, run, *store_and_kind), _row_ids(ledger, *store_and_kind, condition)
    )
    all_touched = TouchedKeys(set(), set(), set())
    for touched in carry_out(ledger, work, pages, processes, per_transaction=_PER_TRANSACTION):
        all_touched.add(touched)
    return all_touched


def _refused_ids(ledger: Ledger, run: Run, source: str, kind: str) -> Iterator[list[str]]:
    """Yields the ids of the rows that an earlier attempt of this run has refused as gone."""
    table = invalid_table(kind).c
    query = sa.select(table.source_id).where(
        table.source == source, table.reason == GONE_FROM_STORE, table.run_id == run.run_id
    )
    with ledger.read() as connection:
        ids = connection.execute(query).scalars().all()
    yield from map(list, chunks(sorted(ids), _AT_ONCE))


def _row_ids(
    ledger: Ledger, source: str, kind: str, condition: sa.ColumnElement[bool]
) -> Iterator[list[str]]:
    """Yields the ids of the rows for which the condition holds, page by page."""
    table = schema.rows.c
    with ledger.read() as connection:
        # Most whole readings see every row, and where the condition has an index it says so.
        if connection.execute(sa.select(table.source).where(condition).limit(1)).first() is None:
            return
    query = (
        sa.select(table.source_id)
        .where(table.source == source, table.kind == kind, condition)
        .order_by(table.source_id)
        .limit(_AT_ONCE)
    )
    last_id = ""
    while True:
        with ledger.read() as connection:
            ids = connection.execute(query.where(table.source_id > last_id)).scalars().all()
        if not ids:
            return
        yield list(ids)
        last_id = ids[-1]


def _refuse(
    connection: Connection, ids: Sequence[str], run: Run, store_and_kind: StoreAndKind
) -> TouchedKeys:
    source, kind = store_and_kind
    known = known_versions(connection, source, kind, ids)
    gone_ids = [source_id for source_id in ids if known[source_id].reason == GONE_FROM_STORE]
    column = schema.rows.c.source_id
    seen_run = schema.rows.c.seen_run
    update(connection, seen_run, run.run_seq, column, gone_ids, source=source, kind=kind)
    present_ids = sorted(known.keys() - set(gone_ids))
    return replace_versions(
        connection,
        run,
        store_and_kind,
        _gone_versions(connection, source, kind, present_ids),
        [source_id for source_id in gone_ids if known[source_id].run_seq == run.run_seq],
        known,
    )


def _gone_versions(connection: Connection, source: str, kind: str, ids: Sequence[str]) -> list[Row]:
    """The known versions of these rows, refused."""
    table = schema.rows.c
    columns = (
        *(table.source_id, table.changed_at, table.tie_order, table.tin),
        *(table.payload, table.raw),
    )
    refusal = GONE_FROM_STORE, _DETAIL
    return [
        Row(
            *(source, kind, source_id, changed_at, order, tin, *refusal),
            payload=bytes(payload),
            raw=bytes(raw),
        )
        for source_id, changed_at, order, tin, payload, raw in look_up(
            connection, columns, table.source_id, ids, source=source, kind=kind
        )
    ]
