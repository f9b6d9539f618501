"""Refused source rows: their reasons, and the originals that ``svod replay`` cleans again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import DELETED_BY_MESSAGE, GONE_FROM_STORE
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.rows.row_keys import delete_entries, group_by_store
from transforms.ledger.statements import look_up, upsert

_PAGE = 1000


def invalid_table(kind: str) -> sa.Table:
    """The table of refused rows of that kind."""
    return schema.invalid_companies if kind == COMPANY else schema.invalid_contacts


def record_refusals(
    connection: Connection, run: Run, kind: str, refusals: Sequence[Mapping[str, Any]]
) -> None:
    """Put rows into ``invalid_companies`` or ``invalid_contacts``, and out of ``deferred``.

    A refusal has the columns ``source``, ``source_id``, ``tin``, ``reason``, ``detail`` and
    ``record``. The moment at which a row was refused first is kept.
    """
    if not refusals:
        return
    stamp = {"first_seen_at": run.started_at, "last_seen_at": run.started_at, "run_id": run.run_id}
    upsert(
        connection,
        invalid_table(kind),
        [{**refusal, **stamp} for refusal in refusals],
        keep=["first_seen_at"],
    )
    rows = [(refusal["source"], refusal["source_id"]) for refusal in refusals]
    delete_entries(connection, schema.deferred, kind, rows)


def originals(connection: Connection, kind: str, rows: Iterable[RowKey]) -> dict[RowKey, str]:
    """The original record of each of these rows, as JSON text."""
    table = schema.rows.c
    columns = table.source_id, table.raw
    return {
        (source, source_id): bytes(raw).decode()
        for source, ids in group_by_store(rows).items()
        for source_id, raw in look_up(
            connection, columns, table.source_id, ids, kind=kind, source=source
        )
    }


def refused_originals(ledger: Ledger, source: str, kind: str) -> Iterator[list[dict[str, Any]]]:
    """The original records of a store's refused rows, in pages, by keyset pagination.

    Rows that are gone from the store, or that a message deletes, are left out: no cleaning brings
    them back.
    Of a record that was too large to keep, only the head is in the ledger: it is left out, and its
    store has to send it again.
    """
    query, source_id = _refused_rows(source, kind)
    last_id = ""
    while True:
        with ledger.read() as connection:
            rows = connection.execute(query.where(source_id > last_id)).all()
        if not rows:
            return
        last_id = rows[-1].source_id
        records = [msgspec.json.decode(row.raw) for row in rows]
        yield [record for record in records if not record.get("truncated")]


def _refused_rows(source: str, kind: str) -> tuple[sa.Select[Any], sa.ColumnElement[str]]:
    invalid, rows = invalid_table(kind).c, schema.rows.c
    same_row = sa.and_(
        rows.source == invalid.source, rows.kind == kind, rows.source_id == invalid.source_id
    )
    query = (
        sa.select(invalid.source_id, rows.raw)
        .join(schema.rows, same_row)
        .where(
            invalid.source == source,
            invalid.reason != GONE_FROM_STORE,
            invalid.detail != DELETED_BY_MESSAGE,
        )
        .order_by(invalid.source_id)
        .limit(_PAGE)
    )
    return query, invalid.source_id
