"""Many raw records at once to rows, packed for the grouping: what a process of its own can do."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from transforms.core.records import COMPANY, DeadLetter, Row, encode_rows
from transforms.core.sharding import SHARDS, shard_of
from transforms.stores.clean_b import ClockBound, partner_row
from transforms.stores.topic.events import Event, event_row, read_event
from transforms.stores.topic.messages import MessageBatch

VALID, INVALID_COMPANIES, INVALID_CONTACTS = "valid", "invalid_companies", "invalid_contacts"


class Part(NamedTuple):
    """So many rows of one outcome and one shard, as ``encode_rows`` gives them."""

    outcome: str
    shard: int
    size: int
    rows: bytes


class CleanBatch(msgspec.Struct, frozen=True):
    """What cleaning made of a batch; its length is the number of records that were read for it."""

    read: int
    parts: list[Part]

    def __len__(self) -> int:
        return self.read


def clean_partners(
    partners: Iterable[dict[str, Any]], *, since: int = 0, clock_bound: ClockBound
) -> CleanBatch:
    """Partners of store B's files to rows; ``since`` is as for ``clean_batch``."""
    return clean_batch(partners, partial(partner_row, clock_bound=clock_bound), since=since)


class CleanEvents(NamedTuple):
    """What cleaning made of messages, and those that are no events."""

    clean: CleanBatch
    dead_letters: list[DeadLetter]


def clean_events(records: MessageBatch, *, shards: int = SHARDS) -> CleanEvents:
    """Messages of store B's topic to rows, in so many shards."""
    results = [
        read_event(records.topic, records.partition, message) for message in records.messages
    ]
    events = [result for result in results if isinstance(result, Event)]
    dead_letters = [result for result in results if isinstance(result, DeadLetter)]
    return CleanEvents(clean_batch(events, event_row, shards=shards), dead_letters)


def clean_batch(
    batch: Iterable[Any], clean: Callable[[Any], Row], *, since: int = 0, shards: int = SHARDS
) -> CleanBatch:
    """Raw records to rows, by ``clean``: a function of one raw record.

    Rows that changed before ``since`` (microseconds since the epoch) are left out, but not those
    that do not say when they did.
    """
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    read = 0
    for raw in batch:
        read += 1
        row = clean(raw)
        if row.changed_at >= since or not row.changed_at:
            groups[outcome(row), shard_of(row.source_id, shards)].append(row)
    return CleanBatch(
        read,
        [
            Part(outcome, shard, len(rows), encode_rows(rows))
            for (outcome, shard), rows in groups.items()
        ],
    )


def outcome(row: Row) -> str:
    """The kind of part that a row belongs to."""
    if not row.reason:
        return VALID
    return INVALID_COMPANIES if row.kind == COMPANY else INVALID_CONTACTS
