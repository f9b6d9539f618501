"""The progress of a run's stages, for people who watch it."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run, now
from transforms.core.metric_names import STAGES, StageName
from transforms.core.outcomes import RUNNING
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

_WRITE_EVERY = 1_000_000  # microseconds


class Stage(msgspec.Struct, frozen=True):
    """The progress of one stage, in records; ``total`` may be unknown.

    Times are microseconds since the epoch.
    """

    stage: str
    done: int
    total: int | None
    started_at: int
    updated_at: int


def stages(connection: Connection, run_id: str) -> Iterator[Stage]:
    """The run's stages in their order."""
    table, parts = schema.progress.c, schema.progress_parts.c
    done_in_parts = (
        sa.select(parts.stage, sa.func.sum(parts.done).label("done"))
        .where(parts.run_id == run_id)
        .group_by(parts.stage)
        .subquery()
    )
    query = (
        sa.select(
            table.stage,
            table.done + sa.func.coalesce(done_in_parts.c.done, 0),
            table.total,
            table.started_at,
            table.updated_at,
        )
        .outerjoin(done_in_parts, done_in_parts.c.stage == table.stage)
        .where(table.run_id == run_id)
        .order_by(table.position)
    )
    for stage, done, total, started_at, updated_at in connection.execute(query):
        yield Stage(stage, int(done), total, started_at, updated_at)


def progressed_at(connection: Connection) -> int:
    """When the running run made progress last, in microseconds since the epoch; 0: none runs."""
    progress, runs = schema.progress.c, schema.runs.c
    query = (
        sa.select(sa.func.max(progress.updated_at))
        .join(schema.runs, runs.run_id == progress.run_id)
        .where(runs.status == RUNNING)
    )
    return connection.execute(query).scalar() or 0


def announce(ledger: Ledger, run: Run, stage: StageName, total: int) -> None:
    """Note how many records several workers will do in a stage."""
    ledger.transact(lambda connection: _write_stage(connection, run, stage, total))


def complete(ledger: Ledger, run: Run, *names: StageName) -> None:
    """Note that these stages have done all records, as far as they have begun.

    A worker that dies does not write its last count, and its successor finds nothing to do.
    """

    def write(connection: Connection) -> None:
        table = schema.progress.c
        for stage in list(stages(connection, run.run_id)):
            if stage.stage in names and stage.total is not None and stage.done < stage.total:
                connection.execute(
                    schema.progress.update()
                    .where(table.run_id == run.run_id, table.stage == stage.stage)
                    .values(done=table.done + stage.total - stage.done)
                )

    ledger.transact(write)


def _write_stage(
    connection: Connection,
    run: Run,
    name: StageName,
    total: int | None,
    done: int | None = None,
) -> None:
    """Write a stage; its total does not shrink when another attempt finds less to do.

    ``done`` are the records, of ``total``, that this attempt has done; None leaves the number.
    """
    moment = now()
    table = schema.progress.c
    query = sa.select(table.total, table.started_at).where(
        table.run_id == run.run_id, table.stage == name
    )
    earlier = connection.execute(query).first()
    whole = earlier.total if earlier else None
    done_before = 0
    if total is not None:
        whole = max(total, whole or 0)
        done_before = whole - total
    values = {
        "run_id": run.run_id,
        "stage": name,
        "position": STAGES.index(name),
        "done": 0 if done is None else done_before + done,
        "total": whole,
        "started_at": earlier.started_at if earlier else moment,
        "updated_at": moment,
    }
    upsert(connection, schema.progress, [values], keep=["done"] if done is None else [])


class Progress:
    """Counts the records of a stage that one worker does; writes the count once a second at most.

    ``total`` is the number of records that are still to do, if it is known: what an earlier attempt
    at the stage has done within the run counts as done.
    """

    def __init__(
        self, ledger: Ledger, run: Run, stage: StageName, total: int | None = None
    ) -> None:
        self._ledger, self._run, self._stage, self._total = ledger, run, stage, total
        self._done = 0
        self._written_at = 0

    def add(self, count: int) -> None:
        """Count records as done."""
        self._done += count
        if now() - self._written_at > _WRITE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the count."""
        self._written_at = now()
        self._ledger.transact(
            lambda connection: _write_stage(
                connection, self._run, self._stage, self._total, self._done
            )
        )


class PartialProgress:
    """Counts one worker's records of a stage that several workers do, by the parts of its input.

    A part that an engine does again counts once, and no worker writes the count of another.
    ``follows`` names an earlier stage that has ended: this stage handles the records that it
    counted. Writes once a second at most.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        stage: StageName,
        follows: StageName | Literal[""] = "",
    ) -> None:
        self._ledger, self._run, self._stage, self._follows = ledger, run, stage, follows
        self._parts: dict[str, int] = {}
        self._written_at = 0

    def note(self, part: str, count: int) -> None:
        """Count so many records of a part as done; ``part`` is its name in any attempt at it."""
        self._parts[part] = count
        if now() - self._written_at > _WRITE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what was counted since the last time."""
        self._written_at = now()
        parts, self._parts = self._parts, {}
        self._ledger.transact(lambda connection: self._write(connection, parts))

    def _write(self, connection: Connection, parts: Mapping[str, int]) -> None:
        _write_stage(connection, self._run, self._stage, self._total(connection))
        values = [
            {"run_id": self._run.run_id, "stage": self._stage, "part": part, "done": count}
            for part, count in sorted(parts.items())
        ]
        upsert(connection, schema.progress_parts, values)

    def _total(self, connection: Connection) -> int | None:
        if not self._follows:
            return None
        done = (
            stage.done
            for stage in stages(connection, self._run.run_id)
            if stage.stage == self._follows
        )
        return next(done, None)
