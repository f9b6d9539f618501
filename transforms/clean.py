"""Cleaning: raw records of either store become rows; what is refused goes its own way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.records import COMPANY, Broken, Row, encode_rows
from transforms.stores.clean_b import Unusable, clean_partner
from transforms.worker import shard_of

VALID, INVALID_COMPANIES, INVALID_CONTACTS, BROKEN = (
    "valid",
    "invalid_companies",
    "invalid_contacts",
    "broken",
)

Sharded = tuple[int, bytes]
"""Many encoded rows of one shard: ``(shard, encode_rows(rows))``."""


class Cleaned(NamedTuple):
    """What cleaning gives: rows as ``(shard, encoded rows)``, and input that is no row."""

    valid: beam.PCollection[Sharded]
    invalid_companies: beam.PCollection[Sharded]
    invalid_contacts: beam.PCollection[Sharded]
    broken: beam.PCollection[Broken]


class CleanRows(beam.PTransform):
    """Lists of raw records to rows, by ``clean``: a function of one raw record.

    Elements carry many records each: one element a record costs several times the cleaning.
    """

    def __init__(self, clean: Callable[[Mapping[str, object]], Row]) -> None:
        super().__init__()
        self._clean = clean

    def expand(self, batches: beam.PCollection[list[dict[str, object]]]) -> Cleaned:
        """Side outputs hold what is refused."""
        return _cleaned(batches, _CleanFn(self._clean))


class CleanPartners(beam.PTransform):
    """Lists of raw partners of store B to rows; what is no partner becomes ``Broken``."""

    def expand(self, batches: beam.PCollection[list[object]]) -> Cleaned:
        """Side outputs hold what is refused, and what is no record at all."""
        return _cleaned(batches, _CleanPartnersFn())


def _cleaned(batches: beam.PCollection, fn: beam.DoFn) -> Cleaned:
    outputs = batches | beam.ParDo(fn).with_outputs(
        INVALID_COMPANIES, INVALID_CONTACTS, BROKEN, main=VALID
    ).with_output_types(Sharded)
    return Cleaned(
        outputs[VALID], outputs[INVALID_COMPANIES], outputs[INVALID_CONTACTS], outputs[BROKEN]
    )


class _CleanFn(beam.DoFn):
    def __init__(self, clean: Callable[[Mapping[str, object]], Row]) -> None:
        self._clean = clean

    def process(self, batch: list[dict[str, object]]) -> Iterator[object]:
        yield from _emit(map(self._clean, batch))


class _CleanPartnersFn(beam.DoFn):
    def process(self, batch: list[object]) -> Iterator[object]:
        rows: list[Row] = []
        for raw in batch:
            row = clean_partner(raw)
            if isinstance(row, Unusable):
                yield beam.pvalue.TaggedOutput(BROKEN, row)
            else:
                rows.append(row)
        yield from _emit(rows)


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
