"""Many raw records at once to rows, encoded for the grouping: work that any process can do."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from transforms.core.records import COMPANY, DeadLetter, Row, encode_rows
from transforms.core.sharding import SHARDS, shard_of
from transforms.stores.clean_b import NO_CLOCK_BOUND, ClockBound, partner_row
from transforms.stores.topic.events import Event, event_row, read_event
from transforms.stores.topic.messages import MessageBatch

VALID, INVALID_COMPANIES, INVALID_CONTACTS = "valid", "invalid_companies", "invalid_contacts"


class OutcomeRows(NamedTuple):
    """Rows of one outcome and one shard; ``size`` is their number, ``rows`` holds them encoded."""

    outcome: str
    shard: int
    size: int
    rows: bytes


class CleanBatch(msgspec.Struct, frozen=True):
    """The rows of a batch; its length is the number of raw records that were read for it.

    ``fingerprint`` tells it from other batches, also where no row is left of it.
    """

    read: int
    parts: list[OutcomeRows]
    fingerprint: str = ""

    def __len__(self) -> int:
        return self.read


def clock_bound(exported_at: int) -> ClockBound:
    """Returns the bound for the partners of a file that was made then; 0 when that is unknown.

    A file from the future was made by a wrong clock: it bounds nothing.
    """
    now = time.time_ns() // 1000
    return ClockBound(now, exported_at) if exported_at <= now else NO_CLOCK_BOUND


def clean_partners(
    partners: Iterable[dict[str, Any]], *, since: int = 0, clock_bound: ClockBound
) -> CleanBatch:
    """Returns the rows of partners of store B's files; ``since`` is as for ``clean_batch``."""
    return clean_batch(partners, partial(partner_row, clock_bound=clock_bound), since=since)


class CleanEvents(NamedTuple):
    """The rows of messages, and the messages that are not valid events."""

    clean: CleanBatch
    dead_letters: list[DeadLetter]


def clean_events(batch: MessageBatch, *, shards: int = SHARDS) -> CleanEvents:
    """Returns the rows of messages of store B's topic."""
    results = [read_event(batch.topic, batch.partition, message) for message in batch.messages]
    events = [result for result in results if isinstance(result, Event)]
    dead_letters = [result for result in results if isinstance(result, DeadLetter)]
    return CleanEvents(clean_batch(events, event_row, shards=shards), dead_letters)


def clean_batch(
    batch: Iterable[Any], clean: Callable[[Any], Row], *, since: int = 0, shards: int = SHARDS
) -> CleanBatch:
    """Returns the rows that ``clean`` makes of raw records, each of one.

    Rows that changed before ``since`` (microseconds since the epoch) are left out; those without
    a time of change are kept.
    """
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    read, first = 0, ""
    for raw in batch:
        first = first or batch_fingerprint(raw)
        read += 1
        row = clean(raw)
        if row.changed_at >= since or not row.changed_at:
            groups[outcome(row), shard_of(row.source_id, shards)].append(row)
    return CleanBatch(
        read,
        [
            OutcomeRows(outcome, shard, len(rows), encode_rows(rows))
            for (outcome, shard), rows in groups.items()
        ],
        first,
    )


def batch_fingerprint(first: object) -> str:
    """Returns the digest by which a batch is known that begins with this raw record."""
    return blake2b(repr(first).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def outcome(row: Row) -> str:
    """Returns the outcome of cleaning a row."""
    if not row.reason:
        return VALID
    return INVALID_COMPANIES if row.kind == COMPANY else INVALID_CONTACTS
