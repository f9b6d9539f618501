"""Cleaning: raw records of either store become rows; what is refused goes its own way."""

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
from transforms.core.records import Row
from transforms.pool_fn import BesideFn
from transforms.raw_batch import RawBatch

Sharded = tuple[int, bytes]
"""Many encoded rows of one shard: ``(shard, encode_rows(rows))``."""


class Cleaned(NamedTuple):
    """What cleaning gives: rows as ``(shard, encoded rows)``."""

    valid: beam.PCollection[Sharded]
    invalid_companies: beam.PCollection[Sharded]
    invalid_contacts: beam.PCollection[Sharded]


class CleanRows(beam.PTransform):
    """Raw records to rows, by ``clean``: a function of one raw record.

    It works in up to so many ``processes`` beside a worker's own; 1: in the worker itself; 0: as
    many as it can use.
    """

    def __init__(self, clean: Callable[[Any], Row], *, processes: int = 1) -> None:
        super().__init__()
        self._fn = _CleanFn(clean, processes)

    def expand(self, batches: beam.PCollection[RawBatch]) -> Cleaned:
        """Side outputs hold what is refused."""
        return _parted(batches, self._fn)


class PartRows(beam.PTransform):
    """Batches that are clean already, by ``clean_batch``, to their rows."""

    def expand(self, batches: beam.PCollection[CleanBatch]) -> Cleaned:
        """Side outputs hold what is refused."""
        return _parted(batches, _PartFn())


def _parted(batches: beam.PCollection, fn: beam.DoFn) -> Cleaned:
    outputs = batches | beam.ParDo(fn).with_outputs(
        INVALID_COMPANIES, INVALID_CONTACTS, main=VALID
    ).with_output_types(Sharded)
    return Cleaned(outputs[VALID], outputs[INVALID_COMPANIES], outputs[INVALID_CONTACTS])


class _CleanFn(BesideFn):
    def __init__(self, clean: Callable[[Any], Row], processes: int) -> None:
        super().__init__(partial(clean_batch, clean=clean), processes)

    def outputs(self, element: RawBatch, result: CleanBatch) -> Iterator[object]:
        yield from _parts(result)


class _PartFn(beam.DoFn):
    def process(self, batch: CleanBatch) -> Iterator[object]:
        yield from _parts(batch)


def _parts(batch: CleanBatch) -> Iterator[object]:
    for part in batch.parts:
        Metrics.counter(CLEAN, part.outcome).inc(part.size)
        element = part.shard, part.rows
        is_valid = part.outcome == VALID
        yield element if is_valid else beam.pvalue.TaggedOutput(part.outcome, element)
