"""Many raw records at once to rows, encoded for the grouping: work that any process can do."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from transforms.core.outcomes import OUTSIDE
from transforms.core.records import COMPANY, DeadLetter, Row, encode_rows
from transforms.core.sharding import SHARDS, shard_of
from transforms.known_originals import OriginalsOfLedger
from transforms.stores.mapping.cleaners import Result
from transforms.stores.mapping.exclusions import Outside, Unusable
from transforms.stores.mapping.headers import NO_CLOCK_BOUND, ClockBound
from transforms.stores.mapping.origins import Origin
from transforms.stores.topic.events import EventReader
from transforms.stores.topic.messages import MessageBatch
from transforms.stores.two_stores import clean_partner

VALID, INVALID_COMPANIES, INVALID_CONTACTS = "valid", "invalid_companies", "invalid_contacts"
LEFT_OUT = "left_out"
"""The outcome of records that their table leaves out: where their rows are known, they are gone."""

_OFFSETS = 1 << 63


class OutcomeRows(NamedTuple):
    """Rows of one outcome and one shard; ``size`` is their number, ``rows`` holds them encoded."""

    outcome: str
    shard: int
    size: int
    rows: bytes


class CleanBatch(msgspec.Struct, frozen=True):
    """The rows of a batch; its length is the number of raw records that were read for it.

    Those that their table leaves out, and dead letters, are not counted. ``fingerprint`` tells it
    from other batches, also where no row is left of it.
    """

    read: int
    parts: list[OutcomeRows]
    fingerprint: str = ""
    dead_letters: list[DeadLetter] = []

    def __len__(self) -> int:
        return self.read


def clock_bound(exported_at: int) -> ClockBound:
    """Returns the bound for the partners of a file that was made then; 0 when that is unknown.

    A file from the future was made by a wrong clock: it bounds nothing.
    """
    now = time.time_ns() // 1000
    return ClockBound(now, exported_at) if exported_at <= now else NO_CLOCK_BOUND


def clean_partners(
    partners: Iterable[dict[str, Any]],
    *,
    since: int = 0,
    clock_bound: ClockBound,
    originals: OriginalsOfLedger | None = None,
) -> CleanBatch:
    """Returns the rows of partners of store B's files; ``since`` is as for ``clean_batch``."""
    known = None
    if originals:
        known = KnownRows(originals, clean_partner.origin, clock_bound.substitute)
    clean = partial(clean_partner, clock_bound=clock_bound)
    return clean_batch(partners, clean, since=since, known=known)


class CleanEvents(NamedTuple):
    """The rows of messages, and the messages that are not valid events."""

    clean: CleanBatch
    dead_letters: list[DeadLetter]


def clean_events(batch: MessageBatch, *, reader: EventReader, shards: int = SHARDS) -> CleanEvents:
    """Returns the rows of messages of a store's topic."""
    results: list[Row | Outside] = []
    dead_letters: list[DeadLetter] = []
    for message in batch.messages:
        event = reader.read(batch.topic, batch.partition, message)
        if isinstance(event, DeadLetter):
            dead_letters.append(event)
            continue
        for result in reader.rows(event):
            if isinstance(result, Unusable):
                raw = message.value or message.key or b""
                place = batch.topic, batch.partition, message.offset
                dead_letters.append(DeadLetter(*place, result.reason, raw))
            else:
                results.append(result)
    return CleanEvents(clean_batch(results, lambda row: row, shards=shards), dead_letters)


class KnownRows(NamedTuple):
    """The rows that the ledger has of the records of one origin.

    A record that changed in the future counts as changed at ``substitute``, if that is not 0.
    """

    originals: OriginalsOfLedger
    origin: Origin
    substitute: int = 0

    def clean(self, records: Sequence[Any], clean: Callable[[Any], Any]) -> Iterator[Any]:
        """Yields what the records become; only those are cleaned whose rows the ledger lacks."""
        known = self.originals.compare(self.origin, records)
        for raw, row_or_digest in zip(records, known, strict=True):
            if isinstance(row_or_digest, Row):
                yield row_or_digest
                continue
            result = clean(raw)
            if type(result) is Row and not self._depends_on_reception(result):
                msgspec.structs.force_setattr(result, "digest", row_or_digest)
            yield result

    def _depends_on_reception(self, row: Row) -> bool:
        # The next load receives the record at another time.
        return row.undated or (self.substitute != 0 and row.changed_at == self.substitute)


def clean_batch(
    batch: Iterable[Any],
    clean: Callable[[Any], Any],
    *,
    since: int = 0,
    shards: int = SHARDS,
    known: KnownRows | None = None,
) -> CleanBatch:
    """Returns what ``clean`` makes of raw records: mostly a row of each.

    Rows that changed before ``since`` (microseconds since the epoch) are left out; those without
    a time of change are kept. Records whose rows are ``known`` are not cleaned.
    """
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    dead_letters: list[DeadLetter] = []
    read = 0
    batch = list(batch)
    first = batch_fingerprint(batch[0]) if batch else ""
    for result in known.clean(batch, clean) if known else map(clean, batch):
        for row in (result,) if type(result) is Row else _rows(result, dead_letters):
            if row.changed_at >= since or row.undated or not row.changed_at:
                groups[outcome(row), shard_of(row.source_id, shards)].append(row)
            read += row.reason != OUTSIDE
    return CleanBatch(
        read,
        [
            OutcomeRows(outcome, shard, len(rows), encode_rows(rows))
            for (outcome, shard), rows in groups.items()
        ],
        first,
        dead_letters,
    )


class LocatedBatch(NamedTuple):
    """The rows of records, and the positions of records that cannot be used, with reasons."""

    clean: CleanBatch
    unusable: list[tuple[int, str]]


def clean_records(
    records: Iterable[dict[str, Any]],
    *,
    cleaners: Sequence[Callable[..., Any]],
    since: int = 0,
    clock_bound: ClockBound = NO_CLOCK_BOUND,
) -> LocatedBatch:
    """Returns the rows of records that stand in a file, by the cleaner of each table in it.

    ``since`` is as for ``clean_batch``.
    """
    unusable: dict[tuple[int, str], None] = {}

    def clean(numbered: tuple[int, dict[str, Any]]) -> Any:
        position, record = numbered
        results: list[Any] = []
        for cleaner in cleaners:
            result = cleaner(record, clock_bound=clock_bound)
            for part in result if isinstance(result, tuple) else (result,):
                if isinstance(part, Unusable):
                    unusable[position, part.reason] = None
                else:
                    results.append(part)
        return results[0] if len(results) == 1 else tuple(results)

    batch = clean_batch(enumerate(records), clean, since=since)
    return LocatedBatch(batch, list(unusable))


def _rows(result: Result | tuple[Result, ...], dead_letters: list[DeadLetter]) -> list[Row]:
    """Returns the rows of a record that does not become one row; adds what becomes none."""
    results = result if isinstance(result, tuple) else (result,)
    dead_letters += [dead_letter(part) for part in results if isinstance(part, Unusable)]
    return [
        part.as_row() if isinstance(part, Outside) else part
        for part in results
        if not isinstance(part, Unusable)
    ]


def dead_letter(problem: Unusable) -> DeadLetter:
    """Returns the dead letter of a record that cannot be used: its content says which it is."""
    digest = blake2b(problem.raw, digest_size=8).digest()
    offset = int.from_bytes(digest) % _OFFSETS
    return DeadLetter(problem.source, -1, offset, problem.reason, problem.raw)


def batch_fingerprint(first: object) -> str:
    """Returns the digest by which a batch is known that begins with this raw record."""
    return blake2b(repr(first).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def outcome(row: Row) -> str:
    """Returns the outcome of cleaning a row."""
    if not row.reason:
        return VALID
    if row.reason == OUTSIDE:
        return LEFT_OUT
    return INVALID_COMPANIES if row.kind == COMPANY else INVALID_CONTACTS
