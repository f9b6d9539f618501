"""Runs as people see them: start, duration, outcome and numbers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.report.numbers import parse_time
from transforms.core.outcomes import DONE, INCOMPLETE, RUNNING
from transforms.ledger import schema

_MOODS: dict[str, str] = {DONE: "good", INCOMPLETE: "partly", RUNNING: "going"}


class PastRun(msgspec.Struct, frozen=True):
    """A row of ``runs``; ``summary`` is empty until the run has written one."""

    run_id: str
    run_seq: int
    command: str
    started_at: str
    finished_at: str | None
    status: str
    summary: Mapping[str, Any]

    @property
    def is_running(self) -> bool:
        """Whether the ledger knows no end of it."""
        return self.status == RUNNING

    @property
    def seconds(self) -> float | None:
        """Its duration, so far if it is running; ``None`` when its end was not recorded."""
        if self.finished_at is None and not self.is_running:
            return None
        end = parse_time(self.finished_at) if self.finished_at else datetime.now(UTC)
        return max(0.0, (end - parse_time(self.started_at)).total_seconds())

    def read(self, kind: str, store: str = "") -> int:
        """Rows of ``companies`` or ``contacts`` read from the store with this key, or from all."""
        stores: Mapping[str, Mapping[str, int]] = self.summary.get("read", {})
        return sum(counts.get(kind, 0) for key, counts in stores.items() if store in ("", key))

    def outcome(self, kind: str, name: str) -> int:
        """The number of one outcome, over all its reasons; 0 if the summary has none."""
        value = self.summary.get(kind, {}).get(name, 0)
        return sum(value.values()) if isinstance(value, Mapping) else int(value)

    def total(self, name: str) -> int:
        """The number of one outcome for companies and contacts together."""
        return self.outcome("companies", name) + self.outcome("contacts", name)

    @property
    def rows_read(self) -> int:
        """Rows read of both kinds from all stores."""
        return self.read("companies") + self.read("contacts")

    @property
    def changes(self) -> int:
        """Records created and updated."""
        return self.total("created") + self.total("updated")

    @property
    def refused(self) -> int:
        """Rows refused by our rules."""
        return self.total("invalid")

    @property
    def waiting(self) -> int:
        """Rows that wait for an answer of the register or for their company."""
        return self.outcome("companies", "deferred") + self.outcome("contacts", "waiting")

    @property
    def mood(self) -> str:
        """The outcome: ``good``, ``partly`` (exit code 3), ``bad``, or ``going`` before the end."""
        return _MOODS.get(self.status, "bad")


def find_run(connection: Connection, run_id: str) -> PastRun:
    """Returns the run with this id.

    Raises:
        LookupError: when the ledger has no such run.
    """
    runs = _runs(connection, _query().where(schema.runs.c.run_id == run_id))
    if not runs:
        raise LookupError(f"the ledger knows no run {run_id}")
    return runs[0]


def last_runs(connection: Connection, most: int) -> list[PastRun]:
    """Returns the last runs, newest first."""
    return _runs(connection, _query().order_by(schema.runs.c.run_seq.desc()).limit(most))


def _query() -> sa.Select[Any]:
    table = schema.runs.c
    return sa.select(
        table.run_id,
        table.run_seq,
        table.command,
        table.started_at,
        table.finished_at,
        table.status,
        table.summary,
    )


def _runs(connection: Connection, query: sa.Select[Any]) -> list[PastRun]:
    return [
        PastRun(**{**row._mapping, "summary": json.loads(row.summary) if row.summary else {}})
        for row in connection.execute(query)
    ]
