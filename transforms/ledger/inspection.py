"""Everything that the ledger holds of one row, company or contact: for people who ask about it."""

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.golden_records import (
    GoldenCompany,
    GoldenContact,
    Provenance,
    decode_golden_company,
    decode_golden_contact,
)
from transforms.core.identity import RowKey, row_ref
from transforms.core.outcomes import DEFERRED, INVALID, VALID, RowOutcome
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table
from transforms.ledger.statements import look_up
from transforms.register.answer import Answer, decode_answer


class KnownRow(msgspec.Struct, frozen=True):
    """The newest version of a source row. ``changed_at`` is microseconds since the epoch, UTC."""

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
    def key(self) -> RowKey:
        """The row's store and id."""
        return self.source, self.source_id

    @property
    def ref(self) -> str:
        """The row as people write it: ``A:17``."""
        return row_ref(self.key)


def rows_of_id(connection: Connection, source: str, source_id: str) -> list[KnownRow]:
    """The rows with this id in a store, company first: a company's and a contact's at most."""
    table = schema.rows.c
    return _rows(connection, sa.and_(table.source == source, table.source_id == source_id))


def find_row(connection: Connection, row: RowKey) -> RowKey:
    """The row that a person means, who may have left out leading zeros of its id, or added some.

    Returns ``row`` itself when the ledger has it, has no such row, or has several.
    """
    source, source_id = row
    number = source_id.lstrip("0")
    if not number.isdecimal():
        return row
    spellings = [number.zfill(width) for width in range(len(number), schema.ID_WIDTH + 1)]
    column = schema.rows.c.source_id
    ids = {
        known_id for (known_id,) in look_up(connection, (column,), column, spellings, source=source)
    }
    return (source, ids.pop()) if len(ids) == 1 and source_id not in ids else row


def company_rows(connection: Connection, tin: str) -> list[KnownRow]:
    """The company rows with this TIN, by store and id."""
    table = schema.rows.c
    return _rows(connection, sa.and_(table.kind == COMPANY, table.tin == tin))


def _rows(connection: Connection, condition: sa.ColumnElement[bool]) -> list[KnownRow]:
    table = schema.rows.c
    columns: list[Any] = [table[name] for name in KnownRow.__struct_fields__]
    query = sa.select(*columns).where(condition)
    query = query.order_by(table.kind, table.source, table.source_id)
    return [KnownRow(*values) for values in connection.execute(query)]


class RowState(NamedTuple):
    """The outcome of a row; reason, detail and ``since`` (ISO 8601, UTC) unless it is valid."""

    outcome: RowOutcome
    reason: str = ""
    detail: str = ""
    since: str = ""


def row_state(connection: Connection, row: KnownRow) -> RowState:
    """The outcome of the row's newest version."""
    invalid = invalid_table(row.kind).c
    refusals = sa.select(invalid.reason, invalid.detail, invalid.first_seen_at).where(
        invalid.source == row.source, invalid.source_id == row.source_id
    )
    if refusal := connection.execute(refusals).first():
        return RowState(INVALID, refusal.reason, refusal.detail or "", refusal.first_seen_at)
    deferred = schema.deferred.c
    deferrals = sa.select(deferred.reason, deferred.since).where(
        deferred.kind == row.kind,
        deferred.source == row.source,
        deferred.source_id == row.source_id,
    )
    if deferral := connection.execute(deferrals).first():
        return RowState(DEFERRED, deferral.reason, since=deferral.since)
    return RowState(VALID)


class Golden(NamedTuple):
    """A golden record, its version, and which row each value came from."""

    record: GoldenCompany | GoldenContact
    version: str
    provenance: Provenance


def find_golden(connection: Connection, kind: str, key: str) -> Golden | None:
    """The golden record with this key; None when no valid row stands behind the key."""
    table = schema.golden.c
    query = sa.select(table.payload, table.version, table.provenance).where(
        table.kind == kind, table.key == key
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    decode = decode_golden_company if kind == COMPANY else decode_golden_contact
    return Golden(decode(row.payload), row.version, msgspec.json.decode(row.provenance))


class Item(NamedTuple):
    """An item of the CRM: its id, the golden version that it holds in full, when it was loaded."""

    crm_id: int
    version: str
    loaded_at: str


def find_item(connection: Connection, kind: str, key: str) -> Item | None:
    """The CRM's item of the golden record; None when it was never loaded."""
    table = schema.crosswalk.c
    query = sa.select(table.crm_id, table.version, table.loaded_at).where(
        table.kind == kind, table.key == key
    )
    row = connection.execute(query).first()
    return Item(*row) if row else None


class Rejection(NamedTuple):
    """Why the CRM rejects a golden version, and when it said so (ISO 8601, UTC)."""

    version: str
    reason: str
    detail: str
    seen_at: str


def find_rejection(connection: Connection, kind: str, key: str) -> Rejection | None:
    """The rejection of the golden record, if the CRM rejects it."""
    table = schema.rejected.c
    query = sa.select(table.version, table.reason, table.detail, table.seen_at).where(
        table.kind == kind, table.key == key
    )
    row = connection.execute(query).first()
    return Rejection(*row) if row else None


class RememberedAnswer(NamedTuple):
    """An answer of the register; ``expires_at`` is microseconds since the epoch."""

    answer: Answer
    expires_at: int


def find_answer(connection: Connection, tin: str) -> RememberedAnswer | None:
    """The register's answer about the TIN, expired or not; None when none is known."""
    table = schema.register_answers.c
    query = sa.select(table.payload, table.expires_at).where(table.tin == tin)
    row = connection.execute(query).first()
    return RememberedAnswer(decode_answer(row.payload), row.expires_at) if row else None


def follow_alias(connection: Connection, kind: str, key: str) -> str:
    """The key of the record that this one was merged into; the key itself if it was not."""
    table = schema.aliases.c
    query = sa.select(table.key).where(table.kind == kind, table.alias == key)
    return connection.execute(query).scalar() or key


def aliases_of(connection: Connection, kind: str, key: str) -> list[str]:
    """The keys of the records that were merged into this one, sorted."""
    table = schema.aliases.c
    query = sa.select(table.alias).where(table.kind == kind, table.key == key)
    return sorted(connection.execute(query).scalars())
