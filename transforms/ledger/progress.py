"""The progress of a run's stages, for people who watch it."""

from collections.abc import Iterator
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
    table = schema.progress.c
    query = (
        sa.select(table.stage, table.done, table.total, table.started_at, table.updated_at)
        .where(table.run_id == run_id)
        .order_by(table.position)
    )
    for values in connection.execute(query):
        yield Stage(*values)


def progressed_at(connection: Connection) -> int:
    """When the running run made progress last, in microseconds since the epoch; 0: none runs."""
    progress, runs = schema.progress.c, schema.runs.c
    query = (
        sa.select(sa.func.max(progress.updated_at))
        .join(schema.runs, runs.run_id == progress.run_id)
        .where(runs.status == RUNNING)
    )
    return connection.execute(query).scalar() or 0


class Progress:
    """Counts one worker's records of a stage; writes the count at most once a second.

    ``total`` is the number of records, if it is known. ``follows`` names an earlier stage that has
    ended: this stage handles the records that it counted.
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

    def add(self, count: int) -> None:
        """Count records as done."""
        self._pending += count
        if now() - self._written_at > _WRITE_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the records that were counted since the last time."""
        self._written_at = now()
        pending, self._pending = self._pending, 0
        self._ledger.transact(lambda connection: self._write(connection, pending))

    def _write(self, connection: Connection, pending: int) -> None:
        # Several workers add to one stage, so its count is read in the same transaction.
        moment = now()
        stages_by_name = {stage.stage: stage for stage in stages(connection, self._run.run_id)}
        stage = stages_by_name.get(self._stage, Stage(self._stage, 0, None, moment, moment))
        total = stage.total if self._total is None else self._total
        if total is None and self._follows in stages_by_name:
            total = stages_by_name[self._follows].done
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
                    "updated_at": moment,
                }
            ],
        )
