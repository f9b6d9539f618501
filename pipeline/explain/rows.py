"""One source row as an operator reads it: what it says, what cleaning did, where it stands."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.explain.records import instant
from pipeline.report.cleaning_notes import notes_of
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table

_SHOWN = 600


class Known(msgspec.Struct, frozen=True):
    """What the ledger keeps of one source row."""

    source: str
    kind: str
    source_id: str
    changed_at: int
    tin: str
    reason: str
    detail: str
    payload: bytes
    raw: bytes

    @property
    def ref(self) -> str:
        """How people name it: ``A:17``."""
        return f"{self.source}:{self.source_id}"


def find_rows(
    connection: Connection, source: str = "", source_id: str = "", tin: str = ""
) -> list[Known]:
    """The rows of one number of a store, company first; or the company rows with a TIN."""
    table = schema.rows.c
    columns: list[Any] = [table[name] for name in Known.__struct_fields__]
    if tin:
        wanted = sa.and_(table.kind == COMPANY, table.tin == tin)
    else:
        wanted = sa.and_(table.source == source, table.source_id == source_id)
    query = sa.select(*columns).where(wanted).order_by(table.kind, table.source, table.source_id)
    return [Known(*values) for values in connection.execute(query)]


def row_lines(connection: Connection, row: Known) -> Iterator[str]:
    """The row, indented: when it changed, what became of it, what cleaning noted."""
    yield f"   {row.ref}, changed {instant(row.changed_at)}: {outcome(connection, row)}"
    for note in notes_of(row.kind, row.payload):
        yield f"      {note.field}: {note.problem}: {note.value}"
    raw = bytes(row.raw).decode(errors="replace")
    yield f"      original: {raw if len(raw) <= _SHOWN else raw[:_SHOWN] + '…'}"


def outcome(connection: Connection, row: Known) -> str:
    """What became of the row: valid, refused or deferred, with the reason and since when."""
    invalid = invalid_table(row.kind).c
    query = sa.select(invalid.reason, invalid.detail, invalid.first_seen_at).where(
        invalid.source == row.source, invalid.source_id == row.source_id
    )
    if refused := connection.execute(query).first():
        detail = f" ({refused.detail})" if refused.detail else ""
        return f"refused, {refused.reason}{detail}, since {refused.first_seen_at}"
    deferred = schema.deferred.c
    waits = sa.select(deferred.reason, deferred.since).where(
        deferred.kind == row.kind,
        deferred.source == row.source,
        deferred.source_id == row.source_id,
    )
    if waiting := connection.execute(waits).first():
        return f"deferred, {waiting.reason}, since {waiting.since}"
    return "valid"


def links_of(connection: Connection, row: Known) -> list[str]:
    """The company rows of its store that a contact row names."""
    table = schema.links.c
    query = sa.select(table.company_id).where(
        table.source == row.source, table.contact_id == row.source_id
    )
    return list(connection.execute(query.order_by(table.company_id)).scalars())


def company_of(connection: Connection, source: str, source_id: str) -> str:
    """Where a company row that a contact names has come to."""
    members = schema.members.c
    query = sa.select(members.key).where(
        members.kind == COMPANY, members.source == source, members.source_id == source_id
    )
    if tin := connection.execute(query).scalar():
        return f"part of company {tin}"
    found = [row for row in find_rows(connection, source, source_id) if row.kind == COMPANY]
    return outcome(connection, found[0]) if found else "not known: its store has not told of it"
