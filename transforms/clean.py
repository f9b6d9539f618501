"""Cleaning: raw records of any store become rows; each outcome is a separate output."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.clean_batch import (
    INVALID_COMPANIES,
    INVALID_CONTACTS,
    LEFT_OUT,
    VALID,
    CleanBatch,
    KnownRows,
    clean_batch,
)
from transforms.core.metric_names import CLEAN
from transforms.core.process_pool import ProcessCount
from transforms.core.records import DeadLetter, Row
from transforms.known_originals import KnownOriginals
from transforms.pool_fn import PoolFn
from transforms.raw_batch import RawBatch
from transforms.stores.mapping.cleaners import Cleaner

DEAD_LETTERS = "dead_letters"

Sharded = tuple[int, bytes]
"""Many encoded rows of one shard: ``(shard, encode_rows(rows))``."""


class Cleaned(NamedTuple):
    """Cleaned rows by outcome, as ``(shard, encoded rows)``; those left out with the valid ones."""

    valid: beam.PCollection[Sharded]
    invalid_companies: beam.PCollection[Sharded]
    invalid_contacts: beam.PCollection[Sharded]
    dead_letters: beam.PCollection[DeadLetter]

    @property
    def rows(self) -> tuple[beam.PCollection[Sharded], ...]:
        """The rows of every outcome."""
        return self.valid, self.invalid_companies, self.invalid_contacts


class CleanRows(beam.PTransform):
    """Raw records to rows, by ``clean``: a function of one raw record."""

    def __init__(
        self,
        clean: Callable[[Any], Row],
        *,
        known: KnownOriginals | None = None,
        processes: ProcessCount = 1,
    ) -> None:
        """With ``known`` the cleaner is a ``Cleaner``: what the ledger has is not cleaned again."""
        super().__init__()
        self._fn = _CleanFn(clean, known, processes)

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
        INVALID_COMPANIES, INVALID_CONTACTS, DEAD_LETTERS, main=VALID
    )
    rows = [outputs[tag] for tag in (VALID, INVALID_COMPANIES, INVALID_CONTACTS)]
    for collection in rows:
        # The type of a function with several outputs is that of all of them.
        collection.element_type = Sharded
    valid, invalid_companies, invalid_contacts = rows
    return Cleaned(valid, invalid_companies, invalid_contacts, outputs[DEAD_LETTERS])


class _CleanFn(PoolFn):
    def __init__(
        self, clean: Callable[[Any], Row], known: KnownOriginals | None, processes: ProcessCount
    ) -> None:
        super().__init__(partial(clean_batch, clean=clean), processes)
        self._clean, self._known = clean, known

    def setup(self) -> None:
        super().setup()
        self._originals = self._known.open() if self._known else None
        if self._originals and isinstance(self._clean, Cleaner):
            known = KnownRows(self._originals, self._clean.origin)
            self._work = partial(clean_batch, clean=self._clean, known=known)

    def teardown(self) -> None:
        """Close the ledger."""
        if self._originals:
            self._originals.close()

    def outputs(self, element: RawBatch, result: CleanBatch) -> Iterator[object]:
        yield from _split(result)


class _SplitFn(beam.DoFn):
    def process(self, batch: CleanBatch) -> Iterator[object]:
        yield from _split(batch)


def _split(batch: CleanBatch) -> Iterator[Any]:
    for part in batch.parts:
        element = part.shard, part.rows
        if part.outcome == LEFT_OUT:
            yield element
            continue
        Metrics.counter(CLEAN, part.outcome).inc(part.size)
        is_valid = part.outcome == VALID
        yield element if is_valid else beam.pvalue.TaggedOutput(part.outcome, element)
    for letter in batch.dead_letters:
        yield beam.pvalue.TaggedOutput(DEAD_LETTERS, letter)
