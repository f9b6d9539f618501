"""Runs as people see them: when, how long, how they ended, with what numbers."""

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
    """One line of ``runs``. ``summary`` is empty when the run has not come to write one."""

    run_id: str
    run_seq: int
    command: str
    started_at: str
    finished_at: str | None
    status: str
    summary: Mapping[str, Any]

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, as far as the ledger knows."""
        return self.status == RUNNING

    @property
    def seconds(self) -> float | None:
        """How long it took, or has taken so far; ``None`` when nobody saw its end."""
        if self.finished_at is None and not self.is_running:
            return None
        end = parse_time(self.finished_at) if self.finished_at else datetime.now(UTC)
        return max(0.0, (end - parse_time(self.started_at)).total_seconds())

    def read(self, kind: str) -> int:
        """Rows read of ``companies`` or ``contacts``, both stores together."""
        return sum(store.get(kind, 0) for store in self.summary.get("read", {}).values())

    def outcome(self, kind: str, name: str) -> int:
        """One outcome's number; reasons are added up, what the summary does not tell is 0."""
        value = self.summary.get(kind, {}).get(name, 0)
        return sum(value.values()) if isinstance(value, Mapping) else int(value)

    def both(self, name: str) -> int:
        """The outcome of companies and contacts together."""
        return self.outcome("companies", name) + self.outcome("contacts", name)

    def told(self, part: str, name: str) -> int:
        """A number of the summary's part ``register`` or ``crm``; 0 when it is not told."""
        return int(self.summary.get(part, {}).get(name, 0))

    @property
    def waits(self) -> int:
        """Rows that wait for an answer of the register or for their company."""
        return self.outcome("companies", "deferred") + self.outcome("contacts", "waiting")

    @property
    def mood(self) -> str:
        """``good``, ``partly`` (exit code 3), ``bad`` or ``going``: how it ended, for people."""
        return _MOODS.get(self.status, "bad")


def run_of(connection: Connection, run_id: str) -> PastRun:
    """One run.

    Raises:
        LookupError: when the ledger has no such run.
    """
    found = _runs(connection, _query().where(schema.runs.c.run_id == run_id))
    if not found:
        raise LookupError(f"the ledger knows no run {run_id}")
    return found[0]


def last_runs(connection: Connection, most: int) -> list[PastRun]:
    """The last runs, newest first."""
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
