"""Remembering: the newest version of every row goes into the ledger; what it touches goes on."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import chain
from typing import NamedTuple

import apache_beam as beam

from transforms.clean import Sharded
from transforms.core.identity import Run, row_ref
from transforms.core.records import Broken, Row, decode_rows
from transforms.core.secrets import Secret
from transforms.ledger.rows import source_rows
from transforms.ledger.rows.dead_letters import record_dead_letters
from transforms.ledger.rows.unfinished_work import unfinished_work
from transforms.ledger.runs import Progress, remark
from transforms.ledger_fn import LedgerFn, sharded

TINS, COMPANIES, CONTACTS = "tins", "companies", "contacts"

_AT_ONCE = 20_000

ShardedKeys = tuple[int, list[str]]
"""Keys of one shard: TINs, or row references such as ``A:17``."""


class TouchedCollections(NamedTuple):
    """What is to be rebuilt: companies by TIN, contact rows, and those of refused companies."""

    tins: beam.PCollection[ShardedKeys]
    companies: beam.PCollection[ShardedKeys]
    contacts: beam.PCollection[ShardedKeys]


class CountRead(beam.PTransform):
    """Batches pass, and the records in them are counted for whoever watches the run."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """The same batches; a batch's length is the number of records that were read for it."""
        return batches | beam.ParDo(_CountReadFn(self._ledger, self._run)).with_output_types(
            batches.element_type
        )


class _CountReadFn(LedgerFn):
    def setup(self) -> None:
        super().setup()
        self._progress = Progress(self.ledger, self.run, "read")

    def process(self, batch: Sized) -> Iterator[Sized]:
        self._progress.add(len(batch))
        yield batch

    def finish_bundle(self) -> None:
        self._progress.flush()


class RememberRows(beam.PTransform):
    """Rows by shard, valid and refused together, into the ledger: the newest version of each.

    A row may stand several times in the stores' files, and valid in one and refused in the other:
    grouping brings all its versions to one worker, so the result has no order.
    """

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, rows: Mapping[str, beam.PCollection[Sharded]]) -> TouchedCollections:
        """``rows`` are PCollections of ``(shard, encoded rows)`` by what they hold."""
        return touched_keys(
            dict(rows)
            | "GroupByRow" >> beam.CoGroupByKey()
            | "Remember" >> _with_touched(_RememberFn(self._ledger, self._run))
        )


class TakeUp(beam.PTransform):
    """What earlier runs have left: deferred companies, too old answers, work that was cut off."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, root: beam.Pipeline) -> TouchedCollections:
        """One look into the ledger."""
        return touched_keys(
            root | beam.Create([0]) | "Look" >> _with_touched(_TakeUpFn(self._ledger, self._run))
        )


def _with_touched(fn: beam.DoFn) -> beam.PTransform:
    return (
        beam.ParDo(fn).with_outputs(COMPANIES, CONTACTS, main=TINS).with_output_types(ShardedKeys)
    )


def touched_keys(outputs: Mapping[str, beam.PCollection[ShardedKeys]]) -> TouchedCollections:
    """The three outputs by name."""
    return TouchedCollections(outputs[TINS], outputs[COMPANIES], outputs[CONTACTS])


def _emit(touched: source_rows.TouchedKeys) -> Iterator[object]:
    yield from sharded(sorted(touched.tins))
    for tag, keys in ((COMPANIES, touched.companies), (CONTACTS, touched.contacts)):
        for element in sharded(sorted(map(row_ref, keys))):
            yield beam.pvalue.TaggedOutput(tag, element)


class _RememberFn(LedgerFn):
    def process(self, element: tuple[int, Mapping[str, Iterable[bytes]]]) -> Iterator[object]:
        _, groups = element
        progress = Progress(self.ledger, self.run, "remember", follows="read")
        for rows in portions(chain.from_iterable(groups.values())):
            yield from _emit(source_rows.remember(self.ledger, self.run, rows))
            progress.add(len(rows))
        progress.flush()


def portions(elements: Iterable[bytes]) -> Iterator[list[Row]]:
    """The rows of the elements, so many at once as fit in memory however many there are."""
    rows: list[Row] = []
    for element in elements:
        rows += decode_rows(element)
        if len(rows) >= _AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


class _TakeUpFn(LedgerFn):
    def process(self, _: int) -> Iterator[object]:
        with self.ledger.read() as connection:
            touched = unfinished_work(connection, self.run)
        yield from _emit(touched)


class RememberBroken(beam.PTransform):
    """Input that is no record into ``invalid_messages``."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, broken: beam.PCollection[Broken]) -> beam.PCollection[int]:
        """Returns how many there were, bundle by bundle."""
        return (
            broken
            | beam.BatchElements(max_batch_size=500)
            | beam.ParDo(_RememberBrokenFn(self._ledger, self._run)).with_output_types(int)
        )


class _RememberBrokenFn(LedgerFn):
    def process(self, broken: list[Broken]) -> Iterator[int]:
        self.ledger.transact(lambda connection: record_dead_letters(connection, self.run, broken))
        yield len(broken)


class RememberRemarks(beam.PTransform):
    """What a reader has to tell people, into the run's remarks."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, remarks: beam.PCollection[str]) -> beam.PCollection[int]:
        """Returns one for each."""
        fn = _RememberRemarksFn(self._ledger, self._run)
        return remarks | beam.ParDo(fn).with_output_types(int)


class _RememberRemarksFn(LedgerFn):
    def process(self, text: str) -> Iterator[int]:
        remark(self.ledger, self.run, text)
        yield 1
