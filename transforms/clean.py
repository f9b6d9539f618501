"""Cleaning: raw records of any store become rows; each outcome is a separate output."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.clean_batch import (
    INVALID_COMPANIES,
    INVALID_CONTACTS,
    VALID,
    CleanBatch,
    clean_batch,
)
from transforms.core.metric_names import CLEAN
from transforms.core.process_pool import ProcessCount
from transforms.core.records import Row
from transforms.pool_fn import PoolFn
from transforms.raw_batch import RawBatch

Sharded = tuple[int, bytes]
"""Many encoded rows of one shard: ``(shard, encode_rows(rows))``."""


class Cleaned(NamedTuple):
    """Cleaned rows by outcome, as ``(shard, encoded rows)``."""

    valid: beam.PCollection[Sharded]
    invalid_companies: beam.PCollection[Sharded]
    invalid_contacts: beam.PCollection[Sharded]


class CleanRows(beam.PTransform):
    """Raw records to rows, by ``clean``: a function of one raw record."""

    def __init__(self, clean: Callable[[Any], Row], *, processes: ProcessCount = 1) -> None:
        super().__init__()
        self._fn = _CleanFn(clean, processes)

    def expand(self, batches: beam.PCollection[RawBatch]) -> Cleaned:
        """Refused rows are side outputs."""
        return _by_outcome(batches, self._fn)


class SplitByOutcome(beam.PTransform):
    """Batches that ``clean_batch`` has cleaned, to their rows."""

    def expand(self, batches: beam.PCollection[CleanBatch]) -> Cleaned:
        """Refused rows are side outputs."""
        return _by_outcome(batches, _SplitFn())


def _by_outcome(batches: beam.PCollection, fn: beam.DoFn) -> Cleaned:
    outputs = batches | beam.ParDo(fn).with_outputs(
        INVALID_COMPANIES, INVALID_CONTACTS, main=VALID
    ).with_output_types(Sharded)
    return Cleaned(outputs[VALID], outputs[INVALID_COMPANIES], outputs[INVALID_CONTACTS])


class _CleanFn(PoolFn):
    def __init__(self, clean: Callable[[Any], Row], processes: ProcessCount) -> None:
        super().__init__(partial(clean_batch, clean=clean), processes)

    def outputs(self, element: RawBatch, result: CleanBatch) -> Iterator[object]:
        yield from _split(result)


class _SplitFn(beam.DoFn):
    def process(self, batch: CleanBatch) -> Iterator[object]:
        yield from _split(batch)


def _split(batch: CleanBatch) -> Iterator[object]:
    for part in batch.parts:
        Metrics.counter(CLEAN, part.outcome).inc(part.size)
        element = part.shard, part.rows
        is_valid = part.outcome == VALID
        yield element if is_valid else beam.pvalue.TaggedOutput(part.outcome, element)
