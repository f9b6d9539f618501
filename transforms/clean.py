"""Cleaning: raw records of either store become rows; what is refused goes its own way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.raw_batch import RawBatch
from transforms.records import COMPANY, Row, encode_rows
from transforms.worker import collect_less_often, shard_of

VALID, INVALID_COMPANIES, INVALID_CONTACTS = "valid", "invalid_companies", "invalid_contacts"

Sharded = tuple[int, bytes]
"""Many encoded rows of one shard: ``(shard, encode_rows(rows))``."""


class Cleaned(NamedTuple):
    """What cleaning gives: rows as ``(shard, encoded rows)``."""

    valid: beam.PCollection[Sharded]
    invalid_companies: beam.PCollection[Sharded]
    invalid_contacts: beam.PCollection[Sharded]


class CleanRows(beam.PTransform):
    """Raw records to rows, by ``clean``: a function of one raw record.

    Rows that changed before ``since`` (microseconds since the epoch) are left out, but not those
    that do not say when they did.
    """

    def __init__(self, clean: Callable[[Any], Row], since: int = 0) -> None:
        super().__init__()
        self._clean, self._since = clean, since

    def expand(self, batches: beam.PCollection[RawBatch]) -> Cleaned:
        """Side outputs hold what is refused."""
        fn = beam.ParDo(_CleanFn(self._clean, self._since))
        outputs = batches | fn.with_outputs(
            INVALID_COMPANIES, INVALID_CONTACTS, main=VALID
        ).with_output_types(Sharded)
        return Cleaned(outputs[VALID], outputs[INVALID_COMPANIES], outputs[INVALID_CONTACTS])


class _CleanFn(beam.DoFn):
    def __init__(self, clean: Callable[[Any], Row], since: int) -> None:
        self._clean, self._since = clean, since

    def setup(self) -> None:
        """Once a worker."""
        collect_less_often()

    def process(self, batch: RawBatch) -> Iterator[object]:
        rows = map(partial(self._clean, **batch.told) if batch.told else self._clean, batch)
        yield from _emit(row for row in rows if row.changed_at >= self._since or not row.changed_at)


def _emit(rows: Iterable[Row]) -> Iterator[object]:
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[_tag(row), shard_of(row.source_id)].append(row)
    for (tag, shard), group in groups.items():
        Metrics.counter("clean", tag).inc(len(group))
        element = shard, encode_rows(group)
        yield element if tag == VALID else beam.pvalue.TaggedOutput(tag, element)


def _tag(row: Row) -> str:
    if not row.reason:
        return VALID
    return INVALID_COMPANIES if row.kind == COMPANY else INVALID_CONTACTS
