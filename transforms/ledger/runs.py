"""Runs: their numbers, their progress for whoever watches, how they ended."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run, now
from transforms.core.metric_names import STAGES, StageName
from transforms.core.outcomes import INTERRUPTED, RUNNING, RunStatus
from transforms.ledger import schema
from transforms.ledger.cursors import move_cursors
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

_KEPT = timedelta(days=7)


class Stage(msgspec.Struct, frozen=True):
    """How far one stage is. Times are microseconds since the epoch; ``total`` may be unknown."""

    stage: str
    done: int
    total: int | None
    started_at: int
    updated_at: int


def utc_now() -> str:
    """This moment as the ledger writes it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def start_run(ledger: Ledger, command: str) -> Run:
    """Enter a new run. Runs that were cut off are marked ``interrupted``."""

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
    """All that this run and those before it have touched is consolidated: the cursors move on."""

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
    """Write how the run ended."""
    text = None if summary is None else json.dumps(summary, ensure_ascii=False)
    ledger.transact(
        lambda connection: connection.execute(
            schema.runs.update()
            .where(schema.runs.c.run_id == run.run_id)
            .values(status=status, finished_at=utc_now(), summary=text)
        )
    )


def forget_old_runs(ledger: Ledger, command: str) -> None:
    """Drop runs of a command that starts one every few seconds, but for the last week's."""
    before = (datetime.now(UTC) - _KEPT).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs = schema.runs.c
    old = sa.select(runs.run_id).where(runs.command == command, runs.started_at < before)

    def forget(connection: Connection) -> None:
        for ids in chunks(connection.execute(old).scalars().all()):
            for table in (schema.progress, schema.remarks, schema.crm_usage, schema.runs):
                connection.execute(table.delete().where(table.c.run_id.in_(ids)))

    ledger.transact(forget)


def last_reported_run(connection: Connection) -> str | None:
    """The last run that ended with numbers to report."""
    table = schema.runs.c
    query = sa.select(table.run_id).where(table.summary.is_not(None))
    return connection.execute(query.order_by(table.run_seq.desc()).limit(1)).scalar()


class EndedRun(msgspec.Struct, frozen=True):
    """A run that has ended: its numbers, or what was remarked of one that failed."""

    run_id: str
    run_seq: int
    summary: dict[str, Any] | None
    remarks: list[str]


def last_run_seq(connection: Connection) -> int:
    """The newest run's number; 0 when there has been none."""
    return connection.execute(sa.select(sa.func.max(schema.runs.c.run_seq))).scalar() or 0


def runs_ended_since(connection: Connection, command: str, run_seq: int) -> list[EndedRun]:
    """The command's runs after that one, up to the one that goes on."""
    table = schema.runs.c
    query = sa.select(table.run_id, table.run_seq, table.summary, table.status)
    query = query.where(table.command == command, table.run_seq > run_seq)
    found: list[EndedRun] = []
    for run_id, number, summary, status in connection.execute(query.order_by(table.run_seq)):
        if status == RUNNING:
            break
        told = json.loads(summary) if summary else None
        found.append(EndedRun(run_id, number, told, [] if told else remarks(connection, run_id)))
    return found


def remark(ledger: Ledger, run: Run, text: str) -> None:
    """Tell people something beside the numbers; no secret, no personal data."""
    ledger.transact(
        lambda connection: upsert(
            connection, schema.remarks, [{"run_id": run.run_id, "text": text[:400]}]
        )
    )


def remarks(connection: Connection, run_id: str) -> list[str]:
    """What the run had to tell."""
    table = schema.remarks.c
    query = sa.select(table.text).where(table.run_id == run_id).order_by(table.text)
    return list(connection.execute(query).scalars())


def stages(connection: Connection, run_id: str) -> Iterator[Stage]:
    """The run's stages in their order."""
    table = schema.progress.c
    query = (
        sa.select(table.stage, table.done, table.total, table.started_at, table.updated_at)
        .where(table.run_id == run_id)
        .order_by(table.position)
    )
    for values in connection.execute(query):
        yield Stage(*values)


def is_running(connection: Connection) -> bool:
    """Whether a run goes on, or was cut off and nobody has noticed."""
    query = sa.select(schema.runs.c.run_seq).where(schema.runs.c.status == RUNNING).limit(1)
    return connection.execute(query).first() is not None


def progressed_at(connection: Connection) -> int:
    """When the run that goes on has come on last (microseconds since the epoch); 0 if none does."""
    progress, running = schema.progress.c, schema.runs.c
    query = (
        sa.select(sa.func.max(progress.updated_at))
        .join(schema.runs, running.run_id == progress.run_id)
        .where(running.status == RUNNING)
    )
    return connection.execute(query).scalar() or 0


class Progress:
    """One worker's word on how far a stage is, written at most once a second.

    ``total`` is how much there is to do, where that is known; ``follows`` names an earlier stage
    that is over, and whose records this one takes up.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        stage: StageName,
        total: int | None = None,
        follows: StageName | Literal[""] = "",
    ) -> None:
        self._ledger, self._run, self._stage = ledger, run, stage
        self._total, self._follows = total, follows
        self._pending = 0
        self._written_at = 0

    def add(self, done: int) -> None:
        """So much more is done."""
        self._pending += done
        if now() - self._written_at > 1_000_000:
            self.flush()

    def flush(self) -> None:
        """Write what has not been written."""
        self._written_at = now()
        pending, self._pending = self._pending, 0
        self._ledger.transact(lambda connection: self._write(connection, pending))

    def _write(self, connection: Connection, pending: int) -> None:
        # Several workers add to one stage: what stands there is read in the same transaction.
        at = now()
        known = {stage.stage: stage for stage in stages(connection, self._run.run_id)}
        stage = known.get(self._stage, Stage(self._stage, 0, None, at, at))
        total = stage.total if self._total is None else self._total
        if total is None and self._follows in known:
            total = known[self._follows].done
        upsert(
            connection,
            schema.progress,
            [
                {
                    "run_id": self._run.run_id,
                    "stage": self._stage,
                    "position": STAGES.index(self._stage),
                    "done": stage.done + pending,
                    "total": total,
                    "started_at": stage.started_at,
                    "updated_at": at,
                }
            ],
        )
