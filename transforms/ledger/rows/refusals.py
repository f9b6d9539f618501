"""Refused source rows and their kept originals: what ``svod replay`` cleans again."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.rows.source_rows import invalid_table

_PAGE = 1000


def refused_originals(ledger: Ledger, source: str, kind: str) -> Iterator[list[dict[str, Any]]]:
    """The original records of a store's refused rows, in pages, by keyset pagination.

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
        .where(invalid.source == source)
        .order_by(invalid.source_id)
        .limit(_PAGE)
    )
    return query, invalid.source_id
