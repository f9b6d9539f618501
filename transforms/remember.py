"""Remembering rows: the ledger keeps the newest version of each; the keys they touch go on."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import apache_beam as beam

from transforms import stages
from transforms.clean import Sharded
from transforms.clean_batch import CleanBatch, batch_fingerprint
from transforms.core.identity import Run, row_ref
from transforms.core.records import DeadLetter
from transforms.core.secrets import Secret
from transforms.ledger.progress import PartialProgress
from transforms.ledger.rows.gone_rows import StoreAndKind
from transforms.ledger.rows.source_rows import TouchedKeys
from transforms.ledger.runs import remark
from transforms.ledger_fn import LedgerFn, sharded
from transforms.raw_batch import RawBatch

TINS, COMPANIES, CONTACTS = "tins", "companies", "contacts"

ShardedKeys = tuple[int, list[str]]
"""Keys of one shard: TINs, or row references such as ``A:17``."""


class TouchedCollections(NamedTuple):
    """Keys to rebuild: TINs, rows of refused companies, contact rows."""

    tins: beam.PCollection[ShardedKeys]
    companies: beam.PCollection[ShardedKeys]
    contacts: beam.PCollection[ShardedKeys]


class CountRead(beam.PTransform):
    """Passes batches on, and counts their raw records in the run's progress."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """Returns the same batches; a batch's length is the number of its raw records."""
        return batches | beam.ParDo(_CountReadFn(self._ledger, self._run)).with_output_types(
            batches.element_type
        )


class _CountReadFn(LedgerFn):
    def setup(self) -> None:
        super().setup()
        self._progress = PartialProgress(self.ledger, self.run, "read")

    def process(self, batch: CleanBatch | RawBatch) -> Iterator[CleanBatch | RawBatch]:
        # Batches of two files may begin alike, and differ in size.
        self._progress.note(f"{_fingerprint(batch)} {len(batch)}", len(batch))
        yield batch

    def finish_bundle(self) -> None:
        self._progress.flush()


def _fingerprint(batch: CleanBatch | RawBatch) -> str:
    if isinstance(batch, CleanBatch):
        return batch.fingerprint
    return batch_fingerprint(batch[0]) if batch else ""


class RememberRows(beam.PTransform):
    """Keeps the newest version of each row in the ledger; returns the keys that changes touch.

    A store's files may have several versions of a row, valid ones and refused ones. Grouping brings
    all of them to one worker, so the result does not depend on their order.
    """

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, rows: Mapping[str, beam.PCollection[Sharded]]) -> TouchedCollections:
        """``rows`` holds PCollections of ``(shard, encoded rows)`` by origin and outcome."""
        return touched_keys(
            dict(rows)
            | "GroupByRow" >> beam.CoGroupByKey()
            | "Remember" >> _with_touched(_RememberFn(self._ledger, self._run))
        )


class RefuseGoneRows(beam.PTransform):
    """Refuses the known rows that their stores no longer have; returns the keys that they touch.

    ``read_whole`` names each store and kind of which the run reads everything. A store whose input
    is broken somewhere is left out: what stands there cannot be known.
    """

    def __init__(self, ledger: Secret, run: Run, read_whole: Collection[StoreAndKind]) -> None:
        super().__init__()
        self._fn = _RefuseGoneFn(ledger, run, read_whole)

    def expand(
        self,
        remembered_and_broken: tuple[
            TouchedCollections, Mapping[str, beam.PCollection[DeadLetter]]
        ],
    ) -> TouchedCollections:
        """Waits until all rows are remembered, and all dead letters of each store are known."""
        remembered, dead_letters = remembered_and_broken
        root = remembered.tins.pipeline
        signals = [root | "Always" >> beam.Create([""])]
        signals += [
            keys | f"Await {name}" >> beam.Map(lambda _: "").with_output_types(str)
            for name, keys in remembered._asdict().items()
        ]
        signals += [
            letters | f"Broken {key}" >> beam.Map(lambda _, key=key: key).with_output_types(str)
            for key, letters in dead_letters.items()
        ]
        return touched_keys(
            signals
            | beam.Flatten()
            | beam.Distinct()
            | "OnOneWorker" >> beam.Map(lambda key: (0, key)).with_output_types(tuple[int, str])
            | "AwaitAll" >> beam.GroupByKey()
            | "Refuse" >> _with_touched(self._fn)
        )


class ResumeUnfinishedWork(beam.PTransform):
    """Reads what earlier runs left: deferred companies, expired answers, unsettled work."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, root: beam.Pipeline) -> TouchedCollections:
        """Reads the ledger once."""
        return touched_keys(
            root | beam.Create([0]) | "Look" >> _with_touched(_ResumeFn(self._ledger, self._run))
        )


def _with_touched(fn: beam.DoFn) -> beam.PTransform:
    return (
        beam.ParDo(fn).with_outputs(COMPANIES, CONTACTS, main=TINS).with_output_types(ShardedKeys)
    )


def touched_keys(outputs: Mapping[str, beam.PCollection[ShardedKeys]]) -> TouchedCollections:
    """Returns the three outputs by name."""
    return TouchedCollections(outputs[TINS], outputs[COMPANIES], outputs[CONTACTS])


def _emit(touched: TouchedKeys) -> Iterator[object]:
    yield from sharded(sorted(touched.tins))
    for tag, keys in ((COMPANIES, touched.companies), (CONTACTS, touched.contacts)):
        for element in sharded(sorted(map(row_ref, keys))):
            yield beam.pvalue.TaggedOutput(tag, element)


class _RememberFn(LedgerFn):
    def process(self, element: tuple[int, Mapping[str, Iterable[bytes]]]) -> Iterator[object]:
        shard, groups = element
        rows = stages.portions(chain.from_iterable(groups.values()))
        for touched in stages.remember_rows(self.ledger, self.run, rows, part=str(shard)):
            yield from _emit(touched)


class _RefuseGoneFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, read_whole: Collection[StoreAndKind]) -> None:
        super().__init__(ledger, run)
        self._read_whole = frozenset(read_whole)

    def process(self, element: tuple[int, Iterable[str]]) -> Iterator[object]:
        broken_stores = set(element[1])
        read_whole = {part for part in self._read_whole if part[0] not in broken_stores}
        yield from _emit(stages.refuse_gone_rows(self.ledger, self.run, read_whole))


class _ResumeFn(LedgerFn):
    def process(self, _: int) -> Iterator[object]:
        yield from _emit(stages.resume_unfinished(self.ledger, self.run))


class RecordDeadLetters(beam.PTransform):
    """Input that is not a record goes into the table ``invalid_messages``."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, dead_letters: beam.PCollection[DeadLetter]) -> beam.PCollection[int]:
        """Returns their number, batch by batch."""
        return (
            dead_letters
            | beam.BatchElements(max_batch_size=500)
            | beam.ParDo(_RecordDeadLettersFn(self._ledger, self._run)).with_output_types(int)
        )


class _RecordDeadLettersFn(LedgerFn):
    def process(self, dead_letters: list[DeadLetter]) -> Iterator[int]:
        stages.record_dead_letters(self.ledger, self.run, dead_letters)
        yield len(dead_letters)


class RememberRemarks(beam.PTransform):
    """Puts a reader's remarks for people among the run's."""

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
