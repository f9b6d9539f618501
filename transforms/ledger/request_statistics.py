"""Requests to the CRM by minute; the report draws them against the limit."""

import threading
import time
from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

_FLUSH_EVERY = 5.0


class Recorder:
    """Counts requests, and writes the counts every few seconds. Safe for threads."""

    def __init__(self, ledger: Ledger, run: Run) -> None:
        self._ledger, self._run = ledger, run
        self._lock = threading.Lock()
        self._minutes: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._written_at = time.monotonic()

    def add(self, requests: int, refused: int, waited_ms: int) -> None:
        """Count requests, those that were refused, and the milliseconds waited for the limits."""
        with self._lock:
            counts = self._minutes[int(time.time() // 60)]
            for place, value in enumerate((requests, refused, waited_ms)):
                counts[place] += value
            due = time.monotonic() - self._written_at > _FLUSH_EVERY
        if due:
            self.flush()

    def flush(self) -> None:
        """Write the counts."""
        with self._lock:
            minutes, self._minutes = self._minutes, defaultdict(lambda: [0, 0, 0])
            self._written_at = time.monotonic()
        if minutes:
            self._ledger.transact(lambda connection: self._write(connection, minutes))

    def _write(self, connection: Connection, minutes: dict[int, list[int]]) -> None:
        table = schema.crm_usage.c
        query = sa.select(table.minute, table.requests, table.refused, table.waited_ms).where(
            table.run_id == self._run.run_id, table.minute.in_(minutes)
        )
        stored = {row.minute: row for row in connection.execute(query)}
        values = []
        for minute, (requests, refused, waited_ms) in minutes.items():
            before = stored.get(minute)
            values.append(
                {
                    "run_id": self._run.run_id,
                    "minute": minute,
                    "requests": requests + (before.requests if before else 0),
                    "refused": refused + (before.refused if before else 0),
                    "waited_ms": waited_ms + (before.waited_ms if before else 0),
                }
            )
        upsert(connection, schema.crm_usage, values)


def totals(connection: Connection, run: Run) -> dict[str, float]:
    """``{"requests": n, "refused": n, "seconds_waited": s}`` of a run."""
    table = schema.crm_usage.c
    query = sa.select(
        sa.func.coalesce(sa.func.sum(table.requests), 0),
        sa.func.coalesce(sa.func.sum(table.refused), 0),
        sa.func.coalesce(sa.func.sum(table.waited_ms), 0),
    ).where(table.run_id == run.run_id)
    requests, refused, waited_ms = connection.execute(query).one()
    return {
        "requests": int(requests),
        "refused": int(refused),
        "seconds_waited": round(int(waited_ms) / 1000, 1),
    }
