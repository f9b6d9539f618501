"""What identifies a run and a source row, and the clock that both are written with."""

import time

import msgspec

RowKey = tuple[str, str]
"""``(source, source_id)``: which row of which store."""


def row_ref(row: RowKey) -> str:
    """How people name a row: ``A:17``."""
    return f"{row[0]}:{row[1]}"


def row_key(ref: str) -> RowKey:
    """The row that ``A:17`` names."""
    source, _, source_id = ref.partition(":")
    return source, source_id


class Run(msgspec.Struct, frozen=True):
    """Which run is writing: its id, its number, and when it started (ISO 8601, UTC)."""

    run_id: str
    run_seq: int
    started_at: str


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000
