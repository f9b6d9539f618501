"""Committing: the group moves on when all that a partition's events caused is done, not before."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam
from confluent_kafka import KafkaException

from transforms.ledger.database import Ledger
from transforms.ledger.positions import advance
from transforms.ledger.source_rows import Run
from transforms.read_kafka import Position
from transforms.secrets import Secret
from transforms.stores.kafka_client import Client, TopicAccess, reason
from transforms.worker import LedgerFn

_log = logging.getLogger(__name__)


class CommitOffsets(beam.PTransform):
    """Commits what was read in a window, when everything in that window is ``done``.

    ``done`` gives its elements when that window's events are in the ledger and in the CRM, or are
    recorded as invalid, deferred or waiting. Windows may come to that in any order: an offset is
    committed when all before it are done.

    A commit that fails is no failure of the run: the offsets are committed with the next window,
    or their events are read again by the next run, which changes nothing.
    """

    def __init__(self, ledger: Secret, run: Run, access: TopicAccess) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access

    def expand(
        self, inputs: tuple[beam.PCollection[Position], beam.PCollection[int]]
    ) -> beam.PCollection[int]:
        """``inputs`` are the positions and ``done``; gives the offsets committed, as a number."""
        read, done = inputs
        keyed = {
            "positions": read | "KeyPositions" >> beam.WithKeys(0),
            "done": done | "KeyDone" >> beam.WithKeys(0),
        }
        fn = _CommitFn(self._ledger, self._run, self._access)
        return (
            keyed
            | "AwaitDone" >> beam.CoGroupByKey()
            | "Commit" >> beam.ParDo(fn).with_output_types(int)
        )


class Commits:
    """A group's offsets, moved on as events are done. ``reader`` is a run's number, or a stream's.

    Not for two threads.
    """

    def __init__(self, ledger: Ledger, reader: int, access: TopicAccess) -> None:
        self._ledger, self._reader, self._access = ledger, reader, access
        self._client = Client(access)

    def done(self, positions: Sequence[Position]) -> Mapping[int, int]:
        """All of these are done; gives the offsets that were committed. Trouble is only told."""
        if not positions:
            return {}
        try:
            committed = self._client.committed(sorted({number for number, *_ in positions}))
            ready = self._ledger.transact(
                lambda connection: advance(
                    connection, self._reader, self._access.topic, positions, committed
                )
            )
            self._client.commit(ready)
        except KafkaException as error:
            _log.warning(
                "store B: the offsets of %s are not committed: %s; they will be with the next ones",
                self._access.topic,
                reason(error.args[0]),
            )
            return {}
        return ready

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class _CommitFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, access: TopicAccess) -> None:
        super().__init__(ledger, run)
        self._access = access

    def setup(self) -> None:
        super().setup()
        self._commits = Commits(self.ledger, self.run.run_seq, self._access)

    def teardown(self) -> None:
        self._commits.close()
        super().teardown()

    def process(self, element: tuple[int, Mapping[str, Iterable[Position]]]) -> Iterator[int]:
        if ready := self._commits.done(list(element[1]["positions"])):
            yield sum(ready.values())
