"""Committing offsets: the group moves on when all that a partition's events caused is done."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam

from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.ledger_fn import LedgerFn
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import PartitionRange
from transforms.stores.topic.offset_commits import OffsetCommits


class CommitOffsets(beam.PTransform):
    """Commits the ranges that were read in a window when the events of that window are done.

    They are done when they are in the ledger and in the CRM, or recorded as invalid, deferred or
    waiting. Windows may be done in any order: an offset is committed when all before it are done.

    A commit that fails does not fail the run: the offsets are committed with the next window or
    after a while, or the next run reads their events again, which changes nothing.
    """

    def __init__(self, ledger: Secret, run: Run, access: TopicAccess) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access

    def expand(
        self, inputs: tuple[beam.PCollection[PartitionRange], beam.PCollection[int]]
    ) -> beam.PCollection[int]:
        """``inputs`` are the ranges and signals of their end; returns the sum of the offsets."""
        ranges, signals = inputs
        keyed = {
            "positions": ranges | "KeyPositions" >> beam.WithKeys(0),
            "done": signals | "KeyDone" >> beam.WithKeys(0),
        }
        fn = _CommitFn(self._ledger, self._run, self._access)
        return (
            keyed
            | "AwaitDone" >> beam.CoGroupByKey()
            | "Commit" >> beam.ParDo(fn).with_output_types(int)
        )


class _CommitFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, access: TopicAccess) -> None:
        super().__init__(ledger, run)
        self._access = access

    def setup(self) -> None:
        super().setup()
        self._commits = OffsetCommits(self.ledger, self.run.run_seq, self._access)

    def teardown(self) -> None:
        self._commits.close()
        super().teardown()

    def process(self, element: tuple[int, Mapping[str, Iterable[PartitionRange]]]) -> Iterator[int]:
        if ready := self._commits.add_finished(list(element[1]["positions"])):
            yield sum(ready.values())
