"""One source row as an operator reads it: its content, the notes of cleaning, its outcome."""

from collections.abc import Iterator, Sequence

from sqlalchemy.engine import Connection

from pipeline.explain.records import instant
from pipeline.report.cleaning_notes import notes_of
from transforms.core.identity import RowKey, row_ref
from transforms.core.outcomes import INVALID, VALID
from transforms.core.records import COMPANY
from transforms.ledger.inspection import KnownRow, row_state, rows_of_id
from transforms.ledger.rows.links import companies_by_contact, golden_key_by_row

MOST = 20
"""Rows that are shown at most: thousands can share a filler like 0000000000."""

_ORIGINAL_LENGTH = 600


def row_list(connection: Connection, rows: Sequence[KnownRow]) -> Iterator[str]:
    """The rows, one below the other."""
    for row in rows[:MOST]:
        yield from row_lines(connection, row)
    if len(rows) > MOST:
        yield f"   and {len(rows) - MOST} more rows"
    if not rows:
        yield "   no store has a row of it any more"


def row_lines(connection: Connection, row: KnownRow) -> Iterator[str]:
    """The row, indented: when it changed, its outcome, the notes of cleaning."""
    yield f"   {row.ref}, changed {instant(row.changed_at)}: {outcome_text(connection, row)}"
    for note in notes_of(row.kind, row.payload):
        yield f"      {note.field}: {note.problem}: {note.value}"
    raw = bytes(row.raw).decode(errors="replace")
    is_long = len(raw) > _ORIGINAL_LENGTH
    yield f"      original: {raw[:_ORIGINAL_LENGTH] + '…' if is_long else raw}"


def outcome_text(connection: Connection, row: KnownRow) -> str:
    """The outcome of the row: valid, refused or deferred, with the reason and since when."""
    state = row_state(connection, row)
    if state.outcome == VALID:
        return "valid"
    detail = f" ({state.detail})" if state.detail else ""
    word = "refused" if state.outcome == INVALID else "deferred"
    return f"{word}, {state.reason}{detail}, since {state.since}"


def company_lines(connection: Connection, contact: KnownRow) -> Iterator[str]:
    """The companies that a contact row names, each with where it is."""
    for company in sorted(companies_by_contact(connection, [contact.key])[contact.key]):
        yield f"   {row_ref(company)}: {_company_place(connection, company)}"


def _company_place(connection: Connection, company: RowKey) -> str:
    tins = golden_key_by_row(connection, COMPANY, [company])
    if company in tins:
        return f"part of company {tins[company]}"
    for row in rows_of_id(connection, *company):
        if row.kind == COMPANY:
            return outcome_text(connection, row)
    return "unknown: its store has not sent it"
