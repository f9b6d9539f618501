"""Reading a store's topic: rows of its events, dead letters, and the ranges that were read.

Offsets are not committed here, but when all that the events caused is done.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.timestamp import Timestamp

from transforms.clean_batch import CleanBatch, CleanEvents, clean_events
from transforms.core.process_pool import ProcessCount
from transforms.core.records import DeadLetter
from transforms.core.sharding import SHARDS
from transforms.pool_fn import PoolFn
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.events import EventReader
from transforms.stores.topic.messages import MessageBatch, PartitionRange
from transforms.topic.bounded import FindPartitions, ReadRanges
from transforms.topic.stream_watch import Stream
from transforms.topic.unbounded import FollowPartitions


class TopicEvents(NamedTuple):
    """The topic's events as rows, the messages that are not valid events, the ranges read."""

    batches: beam.PCollection[CleanBatch]
    dead_letters: beam.PCollection[DeadLetter]
    positions: beam.PCollection[PartitionRange]


class ReadTopic(beam.PTransform):
    """Reads the topic from the group's offsets: up to its end as of now, or for ever.

    A new group begins with the first message there is. An element's time is that of its newest
    message, as the brokers keep it, but never in the future, and never before the partition's
    earlier elements: so no element is ever late, whatever the clocks say. The elements of a backlog
    have the time at which they are read.

    A ``stream`` is read until the ledger says that it ends; partitions that the topic gets
    meanwhile are read too. ``reader`` reads the events, and ``processes`` clean them.
    """

    def __init__(
        self,
        access: TopicAccess,
        reader: EventReader,
        stream: Stream | None = None,
        *,
        processes: ProcessCount = 1,
    ) -> None:
        super().__init__()
        self._access, self._stream = access, stream
        # A stream has one writer, so it needs no shards.
        self._fn = _CleanEventsFn(reader, processes, 1 if stream else SHARDS)

    def expand(self, root: beam.pvalue.PBegin) -> TopicEvents:
        """A batch has the events of up to 1000 messages."""
        access = self._access
        if self._stream:
            messages = root | "FollowPartitions" >> FollowPartitions(access, self._stream)
        else:
            ranges = root | "FindPartitions" >> FindPartitions(access)
            messages = ranges | "ReadRanges" >> ReadRanges(access)
        outputs = messages | "CleanEvents" >> beam.ParDo(self._fn).with_outputs(
            "dead_letters", "positions", main="batches"
        )
        return TopicEvents(outputs.batches, outputs.dead_letters, outputs.positions)


class _CleanEventsFn(PoolFn):
    def __init__(self, reader: EventReader, processes: ProcessCount, shards: int) -> None:
        super().__init__(partial(clean_events, reader=reader, shards=shards), processes)

    # Overridden for its types: Beam takes the types and coders of all three outputs from them.
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
