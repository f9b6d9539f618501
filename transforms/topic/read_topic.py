"""Reading store B's topic: partners as events tell them, what is no event, and how far it came.

Offsets are not committed here: see ``transforms.topic.commit_offsets``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.timestamp import Timestamp

from transforms.clean_batch import CleanBatch, CleanEvents, clean_events
from transforms.core.records import DeadLetter
from transforms.core.sharding import SHARDS
from transforms.pool_fn import BesideFn
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import MessageBatch, PartitionRange
from transforms.topic.bounded import FindPartitions, ReadRanges
from transforms.topic.stream_watch import Stream
from transforms.topic.unbounded import FollowPartitions


class TopicEvents(NamedTuple):
    """What a topic holds: its events as rows, what is no event, and how far it was read."""

    batches: beam.PCollection[CleanBatch]
    dead_letters: beam.PCollection[DeadLetter]
    positions: beam.PCollection[PartitionRange]


class ReadKafka(beam.PTransform):
    """Reads the topic from where its group has come to: up to its end as of now, or for ever.

    A group that has come nowhere yet begins with the first message there is. Partitions are read
    beside each other, each in order. An element's time is that of its newest message, as the
    brokers keep it, but never in the future, and never before what the partition gave before: so
    no element is ever late, whatever the clocks say. A backlog's is the time at which it is read.

    A ``stream`` reads until it is told to end, and notices new partitions.

    Events are cleaned in up to so many ``processes`` beside a worker's own; 1: in the worker
    itself; 0: as many as it can use.
    """

    def __init__(
        self, access: TopicAccess, stream: Stream | None = None, *, processes: int = 1
    ) -> None:
        super().__init__()
        self._access, self._stream = access, stream
        # One writer takes all that a stream brings.
        self._fn = _CleanEventsFn(processes, 1 if stream else SHARDS)

    def expand(self, root: beam.pvalue.PBegin) -> TopicEvents:
        """Up to 1000 messages an element; those that are no events go their own way."""
        access = self._access
        if self._stream:
            records = root | "FollowPartitions" >> FollowPartitions(access, self._stream)
        else:
            ranges = root | "FindPartitions" >> FindPartitions(access)
            records = ranges | "ReadRanges" >> ReadRanges(access)
        outputs = records | "CleanEvents" >> beam.ParDo(self._fn).with_outputs(
            "dead_letters", "positions", main="batches"
        )
        return TopicEvents(outputs.batches, outputs.dead_letters, outputs.positions)


class _CleanEventsFn(BesideFn):
    def __init__(self, processes: int, shards: int) -> None:
        super().__init__(partial(clean_events, shards=shards), processes)

    # Only for its types: Beam takes those of all three outputs, and their coders, from them.
    def process(
        self,
        element: MessageBatch,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        window: BoundedWindow = beam.DoFn.WindowParam,
    ) -> Iterator[
        CleanBatch
        | TaggedOutput[Literal["dead_letters"], DeadLetter]
        | TaggedOutput[Literal["positions"], PartitionRange]
    ]:
        yield from super().process(element, timestamp, window)

    def outputs(self, element: MessageBatch, result: CleanEvents) -> Iterator[Any]:
        if result.clean.read:
            yield result.clean
        yield from (
            TaggedOutput("dead_letters", dead_letter) for dead_letter in result.dead_letters
        )
        yield TaggedOutput("positions", (element.partition, element.start, element.stop))
