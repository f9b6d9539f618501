"""Identity of a run and of a source row, and the clock by which both are written."""

import time
from datetime import datetime

import msgspec

RowKey = tuple[str, str]
"""``(source, source_id)``: a store's key, and the id of a row in it."""


def row_ref(row: RowKey) -> str:
    """The source row reference by which people name a row: ``A:17``."""
    return f"{row[0]}:{row[1]}"


def row_key(ref: str) -> RowKey:
    """The row of a source row reference such as ``A:17``."""
    source, _, source_id = ref.partition(":")
    return source, source_id


class Run(msgspec.Struct, frozen=True):
    """A run: its id, its number (runs are numbered in order), and its start (ISO 8601, UTC)."""

    run_id: str
    run_seq: int
    started_at: str

    @property
    def moment(self) -> int:
        """Its start, in microseconds since the epoch."""
        return int(datetime.fromisoformat(self.started_at).timestamp()) * 1_000_000


def now() -> int:
    """The present moment, in microseconds since the epoch."""
    return time.time_ns() // 1000
