"""Persons and companies that are to be rebuilt; a run that is cut off leaves them to the next.

A contact row is dirty when other rows may belong to its person now: its blocking keys have changed,
or those of a row that shared one with it. It is stale when its person is the same, but the row says
something else. A company is stale when a known row of its TIN has changed.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, Run
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import delete, upsert

_TABLES = (schema.dirty_contacts, schema.stale_contacts)


def mark_dirty(connection: Connection, rows: Iterable[RowKey]) -> None:
    """Mark the persons of these rows as to be matched again."""
    _mark(connection, schema.dirty_contacts, rows)


def mark_stale(connection: Connection, rows: Iterable[RowKey]) -> None:
    """Mark the persons of these rows as to be merged again."""
    _mark(connection, schema.stale_contacts, rows)


def _mark(connection: Connection, table: sa.Table, rows: Iterable[RowKey]) -> None:
    entries = [{"source": source, "source_id": source_id} for source, source_id in sorted(rows)]
    upsert(connection, table, entries)


def dirty_rows(connection: Connection) -> set[RowKey]:
    """The rows whose persons are to be matched again."""
    return _marked(connection, schema.dirty_contacts)


def stale_rows(connection: Connection) -> set[RowKey]:
    """The rows whose persons are to be merged again."""
    return _marked(connection, schema.stale_contacts)


def _marked(connection: Connection, table: sa.Table) -> set[RowKey]:
    rows = connection.execute(sa.select(table.c.source, table.c.source_id))
    return {(source, source_id) for source, source_id in rows}


def mark_rebuilt(connection: Connection, rows: Iterable[RowKey]) -> None:
    """Mark the persons of these rows as rebuilt: the rows are neither dirty nor stale."""
    for source, ids in group_by_store(rows).items():
        for table in _TABLES:
            delete(connection, table.c.source_id, ids, source=source)


def mark_stale_companies(connection: Connection, run: Run, tins: Collection[str]) -> None:
    """Mark the companies of these TINs as to be consolidated again."""
    entries = [{"tin": tin, "run_seq": run.run_seq} for tin in sorted(tins)]
    upsert(connection, schema.stale_companies, entries)


def mark_records_of(connection: Connection, sources: Sequence[str]) -> None:
    """Mark every record that has rows of these stores as to be consolidated again."""
    members, tins = schema.members.c, schema.stale_companies
    is_marked = sa.exists().where(tins.c.tin == members.key)
    companies = (
        sa.select(members.key, sa.literal(0))
        .where(members.kind == COMPANY, members.source.in_(sources), ~is_marked)
        .distinct()
    )
    connection.execute(tins.insert().from_select(["tin", "run_seq"], companies))
    contacts = sa.select(members.source, members.source_id).where(
        members.kind == CONTACT, members.source.in_(sources), ~_is_stale(schema.members)
    )
    _mark_selected(connection, contacts)


def mark_contacts_of(connection: Connection, sources: Sequence[str]) -> None:
    """Mark every valid contact row of these stores: it may belong to other companies now."""
    rows = schema.rows.c
    contacts = sa.select(rows.source, rows.source_id).where(
        rows.kind == CONTACT, rows.source.in_(sources), rows.reason == "", ~_is_stale(schema.rows)
    )
    _mark_selected(connection, contacts)


def _is_stale(table: sa.Table) -> sa.ColumnElement[bool]:
    stale = schema.stale_contacts.c
    return sa.exists().where(stale.source == table.c.source, stale.source_id == table.c.source_id)


def _mark_selected(connection: Connection, contacts: sa.Select[Any]) -> None:
    table = schema.stale_contacts
    connection.execute(table.insert().from_select(["source", "source_id"], contacts))


def stale_tins(connection: Connection) -> set[str]:
    """The TINs whose companies are to be consolidated again."""
    return set(connection.execute(sa.select(schema.stale_companies.c.tin)).scalars())


def mark_consolidated(connection: Connection, tins: Sequence[str]) -> None:
    """Mark the companies of these TINs as consolidated."""
    delete(connection, schema.stale_companies.c.tin, tins)
