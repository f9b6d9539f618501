"""Runs: when each began and how it ended, what it reports, and whether its work is settled."""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.outcomes import INTERRUPTED, RUNNING, RunStatus
from transforms.ledger import schema
from transforms.ledger.cursors import move_cursors
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# Runs of a follower are kept for as long.
_KEEP_FOR = timedelta(days=7)


def utc_now() -> str:
    """The present moment as the ledger writes it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime(_TIME_FORMAT)


def start_run(ledger: Ledger, command: str) -> Run:
    """Enter a new run; mark runs that were cut off as ``interrupted``."""

    def enter(connection: Connection) -> Run:
        table = schema.runs.c
        connection.execute(
            schema.runs.update().where(table.status == RUNNING).values(status=INTERRUPTED)
        )
        last = last_run_seq(connection)
        started_at = utc_now()
        run_id = f"{started_at.replace(':', '').replace('-', '')}-{secrets.token_hex(3)}"
        connection.execute(
            schema.runs.insert().values(
                run_id=run_id,
                run_seq=last + 1,
                command=command,
                started_at=started_at,
                status=RUNNING,
                settled=0,
            )
        )
        return Run(run_id, last + 1, started_at)

    return ledger.transact(enter)


def settle_run(ledger: Ledger, run: Run, read_up_to: Mapping[str, str]) -> None:
    """Note that the work of this run and of those before it is settled; move the cursors on."""

    def settle(connection: Connection) -> None:
        table = schema.runs.c
        connection.execute(
            schema.runs.update()
            .where(table.settled == 0, table.run_seq <= run.run_seq)
            .values(settled=1)
        )
        move_cursors(connection, read_up_to)

    ledger.transact(settle)


def finish_run(
    ledger: Ledger, run: Run, status: RunStatus, summary: Mapping[str, Any] | None
) -> None:
    """Note how the run ended; ``summary`` is None for a run without numbers to report."""
    text = None if summary is None else json.dumps(summary, ensure_ascii=False)
    ledger.transact(
        lambda connection: connection.execute(
            schema.runs.update()
            .where(schema.runs.c.run_id == run.run_id)
            .values(status=status, finished_at=utc_now(), summary=text)
        )
    )


def forget_old_runs(ledger: Ledger, command: str) -> None:
    """Delete a command's runs of more than a week ago: a follower starts one every few seconds."""
    before = (datetime.now(UTC) - _KEEP_FOR).strftime(_TIME_FORMAT)
    runs = schema.runs.c
    query = sa.select(runs.run_id).where(runs.command == command, runs.started_at < before)

    def forget(connection: Connection) -> None:
        for ids in chunks(connection.execute(query).scalars().all()):
            for table in (
                schema.progress,
                schema.progress_parts,
                schema.remarks,
                schema.crm_usage,
                schema.runs,
            ):
                connection.execute(table.delete().where(table.c.run_id.in_(ids)))

    ledger.transact(forget)


def last_reported_run(connection: Connection) -> str | None:
    """The id of the last run that ended with numbers to report; None when there is none."""
    table = schema.runs.c
    query = sa.select(table.run_id).where(table.summary.is_not(None))
    return connection.execute(query.order_by(table.run_seq.desc()).limit(1)).scalar()


class EndedRun(msgspec.Struct, frozen=True):
    """A run that has ended: its numbers, or the remarks on a run that failed."""

    run_id: str
    run_seq: int
    summary: dict[str, Any] | None
    remarks: list[str]


def last_run_seq(connection: Connection) -> int:
    """The number of the run that began last; 0 when there has been none."""
    return connection.execute(sa.select(sa.func.max(schema.runs.c.run_seq))).scalar() or 0


def runs_ended_since(connection: Connection, command: str, run_seq: int) -> list[EndedRun]:
    """The runs of ``command`` that began after ``run_seq`` and ended before any that still runs."""
    table = schema.runs.c
    query = sa.select(table.run_id, table.run_seq, table.summary, table.status)
    query = query.where(table.command == command, table.run_seq > run_seq)
    runs: list[EndedRun] = []
    for run_id, number, summary, status in connection.execute(query.order_by(table.run_seq)):
        if status == RUNNING:
            break
        numbers = json.loads(summary) if summary else None
        comments = [] if numbers else remarks(connection, run_id)
        runs.append(EndedRun(run_id, number, numbers, comments))
    return runs


def remark(ledger: Ledger, run: Run, text: str) -> None:
    """Add a remark for people to the run's numbers; no secret, no personal data."""
    ledger.transact(
        lambda connection: upsert(
            connection, schema.remarks, [{"run_id": run.run_id, "text": text[:400]}]
        )
    )


def remarks(connection: Connection, run_id: str) -> list[str]:
    """The remarks on the run, sorted."""
    table = schema.remarks.c
    query = sa.select(table.text).where(table.run_id == run_id).order_by(table.text)
    return list(connection.execute(query).scalars())


def is_running(connection: Connection) -> bool:
    """Whether a run goes on, or was cut off and no run has begun since."""
    query = sa.select(schema.runs.c.run_seq).where(schema.runs.c.status == RUNNING).limit(1)
    return connection.execute(query).first() is not None
