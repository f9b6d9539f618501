"""The run's numbers, counted from the ledger: a row with no outcome, or with two, is found here."""

from collections import defaultdict
from typing import TypedDict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.errors import SvodError
from transforms.core.identity import Run
from transforms.core.outcomes import GONE_FROM_STORE
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table
from transforms.ledger.rows.unfinished_work import without_outcome
from transforms.ledger.stores import read_stores


class NumbersDoNotAddUpError(SvodError):
    """A row that was read has no outcome, or two: a defect of svod, for which the run fails."""


class WorkLostError(SvodError):
    """An engine lost a part of the run's work between two steps; the ledger still has the rows."""


def check_nothing_lost(connection: Connection, run: Run) -> None:
    """Check that each row of the run has an outcome, and that each record it changed is rebuilt.

    Raises:
        WorkLostError: saying how many rows of which kind are concerned. The run may not be settled
            then: the next one takes its rows up.
    """
    rows, stale = schema.rows.c, schema.stale_contacts.c
    of_run = rows.seen_run == run.run_seq
    unfinished = {
        f"{kind} rows": sa.select(sa.func.count()).where(
            of_run, rows.kind == kind, without_outcome()
        )
        for kind in (COMPANY, CONTACT)
    }
    # A job that outlived its run may have marked what this run had begun to rebuild.
    unfinished["changed companies"] = sa.select(sa.func.count()).where(
        schema.stale_companies.c.run_seq <= run.run_seq
    )
    unfinished["changed contact rows"] = (
        sa.select(sa.func.count())
        .select_from(schema.stale_contacts)
        .join(
            schema.rows,
            sa.and_(
                rows.source == stale.source,
                rows.kind == CONTACT,
                rows.source_id == stale.source_id,
            ),
        )
        .where(rows.run_seq <= run.run_seq)
    )
    counts = {name: connection.execute(query).scalar_one() for name, query in unfinished.items()}
    if any(counts.values()):
        lost = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise WorkLostError(
            f"the engine lost a part of its own work on the way: {lost} were remembered, but"
            " nothing was made of them. The ledger has them: the next run takes them up"
        )


def read_counts(connection: Connection, run: Run) -> dict[str, dict[str, int]]:
    """The rows that this run has read: ``{"A": {"companies": n, "contacts": n}, "B": …}``."""
    table = schema.rows.c
    query = (
        sa.select(table.source, table.kind, sa.func.count())
        .where(_is_read(run))
        .group_by(table.source, table.kind)
    )
    counts: dict[str, dict[str, int]] = {
        store.key: {"companies": 0, "contacts": 0} for store in read_stores(connection).listed
    }
    for source, kind, count in connection.execute(query):
        of_store = counts.setdefault(source, {"companies": 0, "contacts": 0})
        of_store["companies" if kind == COMPANY else "contacts"] = count
    return counts


def _is_read(run: Run) -> sa.ColumnElement[bool]:
    """Whether the run has read the row; one that is gone from its store it has only missed."""
    rows = schema.rows.c
    return sa.and_(rows.seen_run == run.run_seq, rows.reason != GONE_FROM_STORE)


def count_gone(connection: Connection, run: Run) -> dict[str, int]:
    """The known rows that their store no longer has, as far as the run has looked, by kind."""
    rows = schema.rows.c
    query = (
        sa.select(rows.kind, sa.func.count())
        .where(rows.seen_run == run.run_seq, rows.reason == GONE_FROM_STORE)
        .group_by(rows.kind)
    )
    counts = {kind: int(count) for kind, count in connection.execute(query)}
    return {kind: counts.get(kind, 0) for kind in (COMPANY, CONTACT)}


def count_departures(connection: Connection, run: Run) -> dict[str, int]:
    """The records that left the base in this run, by kind."""
    departures, golden = schema.departures.c, schema.golden.c
    is_back = sa.exists().where(golden.kind == departures.kind, golden.key == departures.key)
    query = (
        sa.select(departures.kind, sa.func.count())
        .where(departures.run_seq == run.run_seq, ~is_back)
        .group_by(departures.kind)
    )
    counts = {kind: int(count) for kind, count in connection.execute(query)}
    return {kind: counts.get(kind, 0) for kind in (COMPANY, CONTACT)}


class RowCounts(TypedDict):
    """Source rows by their outcome, and by its reason."""

    valid: int
    invalid: dict[str, int]
    deferred: dict[str, int]


def row_outcomes(connection: Connection, run: Run, kind: str) -> RowCounts:
    """Count each row that this run has read in its one outcome.

    Raises:
        NumbersDoNotAddUpError: a row has no outcome, or is refused and goes on all the same.
    """
    rows, invalid, deferred = schema.rows, invalid_table(kind), schema.deferred
    query = (
        sa.select(
            invalid.c.reason,
            deferred.c.reason,
            schema.members.c.key.is_not(None).label("member"),
            sa.func.count(),
        )
        .select_from(rows)
        .outerjoin(invalid, _same_row(invalid))
        .outerjoin(deferred, sa.and_(_same_row(deferred), deferred.c.kind == kind))
        .outerjoin(
            schema.members, sa.and_(_same_row(schema.members), schema.members.c.kind == kind)
        )
        .where(_is_read(run), rows.c.kind == kind)
        .group_by(invalid.c.reason, deferred.c.reason, sa.text("member"))
    )
    counts = RowCounts(valid=0, invalid=defaultdict(int), deferred=defaultdict(int))
    for refusal, delay, member, count in connection.execute(query):
        goes_on = member or delay is not None
        if goes_on is (refusal is not None):
            raise NumbersDoNotAddUpError(
                f"{count} {kind} rows were read but have {'two outcomes' if goes_on else 'none'}:"
                " this is a defect of svod, please report it"
            )
        if refusal is not None:
            counts["invalid"][refusal] += count
        elif delay is not None:
            counts["deferred"][delay] += count
        else:
            counts["valid"] += count
    return counts


def _same_row(table: sa.Table) -> sa.ColumnElement[bool]:
    rows = schema.rows.c
    return sa.and_(table.c.source == rows.source, table.c.source_id == rows.source_id)


def register_savings(connection: Connection, run: Run) -> dict[str, int]:
    """The numbers of this run's TINs that were asked about now, remembered, or in bulk files."""
    rows, answers = schema.rows.c, schema.register_answers.c
    tins = (
        sa.select(rows.tin)
        .where(rows.kind == COMPANY, rows.reason == "", rows.seen_run == run.run_seq)
        .distinct()
        .subquery()
    )
    query = (
        sa.select(
            answers.origin, (answers.run_seq == run.run_seq).label("asked_now"), sa.func.count()
        )
        .join(tins, tins.c.tin == answers.tin)
        .group_by(answers.origin, sa.text("asked_now"))
    )
    counts = {"queries": 0, "cached": 0, "bulk": 0}
    for origin, now_asked, count in connection.execute(query):
        if origin == "bulk":
            counts["bulk"] += count
        else:
            counts["queries" if now_asked else "cached"] += count
    return counts


def touch_refusals(connection: Connection, run: Run) -> None:
    """Note that every refused row that this run has read was seen again in this run."""
    rows = schema.rows.c
    for kind in (COMPANY, CONTACT):
        table = invalid_table(kind)
        rows_read = sa.select(rows.source, rows.source_id).where(
            rows.kind == kind, rows.seen_run == run.run_seq
        )
        connection.execute(
            table.update()
            .where(
                sa.tuple_(table.c.source, table.c.source_id).in_(rows_read),
                table.c.run_id != run.run_id,
            )
            .values(last_seen_at=run.started_at, run_id=run.run_id)
        )
