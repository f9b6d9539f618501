"""The work that earlier runs have left: rows and TINs that the next run rebuilds with its own."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run, now
from transforms.core.outcomes import REGISTER_NO_ANSWER
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.rows.rebuild_marks import dirty_rows, stale_rows, stale_tins
from transforms.ledger.rows.source_rows import TouchedKeys
from transforms.ledger.statements import look_up


def unfinished_work(connection: Connection, run: Run) -> TouchedKeys:
    """The keys that runs before ``run`` have not finished.

    These are what a run that was cut off has touched, rows without an outcome, companies that are
    stale or have no answer of the register or an expired one, and contact rows that are dirty or
    stale.
    """
    touched = _touched_by_unsettled_runs(connection, run)
    touched.tins |= stale_tins(connection)
    touched.tins |= _tins_without_answer(connection)
    touched.tins |= _tins_with_expired_answer(connection)
    touched.contacts |= dirty_rows(connection) | stale_rows(connection)
    return touched


def _tins_without_answer(connection: Connection) -> set[str]:
    table = schema.deferred.c
    query = sa.select(table.tin).where(table.kind == COMPANY, table.reason == REGISTER_NO_ANSWER)
    return set(connection.execute(query.distinct()).scalars())


def _tins_with_expired_answer(connection: Connection) -> set[str]:
    table = schema.register_answers.c
    query = sa.select(table.tin).where(table.expires_at <= now())
    return live_tins(connection, connection.execute(query).scalars().all())


def unsettled_runs(connection: Connection, run: Run) -> Sequence[int]:
    """The numbers of the runs before ``run`` that were cut off before they had consolidated."""
    table = schema.runs.c
    query = sa.select(table.run_seq).where(table.settled == 0, table.run_seq < run.run_seq)
    return connection.execute(query).scalars().all()


def _touched_by_unsettled_runs(connection: Connection, run: Run) -> TouchedKeys:
    run_seqs = unsettled_runs(connection, run)
    touched = TouchedKeys(set(), set(), set())
    if not run_seqs:
        return touched
    table = schema.rows.c
    written = sa.and_(table.seen_run >= min(run_seqs), table.run_seq.in_(run_seqs))
    _add_rows(connection, touched, written)
    # An engine may have lost rows that a settled run of an older program has written.
    _add_rows(connection, touched, without_outcome())
    touched.tins |= _former_tins(connection, written)
    touched.tins |= _tins_answered_in(connection, run_seqs)
    return touched


def _add_rows(
    connection: Connection, touched: TouchedKeys, written: sa.ColumnElement[bool]
) -> None:
    table = schema.rows.c
    query = sa.select(table.source, table.kind, table.source_id, table.tin, table.reason)
    for source, kind, source_id, tin, reason in connection.execute(query.where(written)):
        if kind == CONTACT:
            touched.contacts.add((source, source_id))
        elif reason:
            touched.companies.add((source, source_id))
        else:
            touched.tins.add(tin)


def _former_tins(connection: Connection, written: sa.ColumnElement[bool]) -> set[str]:
    # A row that left its TIN is still a member there: that company is to be rebuilt without it.
    members, table = schema.members.c, schema.rows.c
    query = (
        sa.select(members.key)
        .join(
            schema.rows,
            sa.and_(
                table.source == members.source,
                table.kind == members.kind,
                table.source_id == members.source_id,
            ),
        )
        .where(members.kind == COMPANY, written)
    )
    return set(connection.execute(query).scalars())


def _tins_answered_in(connection: Connection, run_seqs: Sequence[int]) -> set[str]:
    # Bulk files, or a run that was cut off, have brought answers since the last consolidation.
    table = schema.register_answers.c
    query = sa.select(table.tin).where(table.run_seq.in_(run_seqs))
    return live_tins(connection, connection.execute(query).scalars().all())


def live_tins(connection: Connection, tins: Sequence[str]) -> set[str]:
    """Those of the TINs that a valid row names: only they are worth a question."""
    table = schema.rows.c
    rows = look_up(connection, (table.tin,), table.tin, tins, kind=COMPANY, reason="")
    return {tin for (tin,) in rows}


def without_outcome() -> sa.ColumnElement[bool]:
    """Whether a valid row is in no golden record, waits for nothing, and is not refused.

    While no run is at work there is no such row.
    """
    table = schema.rows.c
    entries = schema.members, schema.deferred
    outcomes = [
        sa.exists().where(
            *(entry.c.kind == table.kind, entry.c.source == table.source),
            entry.c.source_id == table.source_id,
        )
        for entry in entries
    ]
    outcomes += [
        sa.exists().where(
            *(table.kind == kind, refusals.c.source == table.source),
            refusals.c.source_id == table.source_id,
        )
        for kind, refusals in (
            (COMPANY, schema.invalid_companies),
            (CONTACT, schema.invalid_contacts),
        )
    ]
    return sa.and_(table.reason == "", sa.not_(sa.or_(*outcomes)))
