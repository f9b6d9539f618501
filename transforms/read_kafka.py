"""Reading store B's topic: partners as events tell them, what is no event, and how far it came.

Offsets are not committed here: see ``transforms.commit_offsets``.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from transforms.follow_partitions import FollowPartitions
from transforms.raw_batch import RawBatch
from transforms.read_partitions import FindPartitions, ReadRanges
from transforms.records import Broken
from transforms.stores.kafka_client import TopicAccess
from transforms.stores.kafka_events import read_event
from transforms.stores.kafka_reader import Records
from transforms.stream_watch import Stream

Position = tuple[int, int, int]
"""All of a partition from one offset up to another has gone on: ``(partition, start, stop)``."""


class TopicEvents(NamedTuple):
    """What a topic holds. ``partners`` are ``Event``s, ready for ``CleanRows(event_row)``."""

    partners: beam.PCollection[RawBatch]
    broken: beam.PCollection[Broken]
    positions: beam.PCollection[Position]


class ReadKafka(beam.PTransform):
    """Reads the topic from where its group has come to: up to its end as of now, or for ever.

    A group that has come nowhere yet begins with the first message there is. Partitions are read
    beside each other, each in order. An element's time is that of its newest message, as the
    brokers keep it, but never in the future, and never before what the partition gave before: so
    no element is ever late, whatever the clocks say.

    A ``stream`` reads until it is told to end, and notices new partitions.
    """

    def __init__(self, access: TopicAccess, stream: Stream | None = None) -> None:
        super().__init__()
        self._access, self._stream = access, stream

    def expand(self, root: beam.pvalue.PBegin) -> TopicEvents:
        """Up to 1000 messages an element; those that are no events go their own way."""
        access = self._access
        if self._stream:
            records = root | "FollowPartitions" >> FollowPartitions(access, self._stream)
        else:
            ranges = root | "FindPartitions" >> FindPartitions(access)
            records = ranges | "ReadRanges" >> ReadRanges(access)
        outputs = records | "ReadEvents" >> beam.ParDo(_ReadEventsFn()).with_outputs(
            "broken", "positions", main="partners"
        )
        return TopicEvents(outputs.partners, outputs.broken, outputs.positions)


class _ReadEventsFn(beam.DoFn):
    def process(
        self, records: Records
    ) -> Iterator[
        RawBatch
        | TaggedOutput[Literal["broken"], Broken]
        | TaggedOutput[Literal["positions"], Position]
    ]:
        partners = RawBatch()
        for message in records.messages:
            event = read_event(records.topic, records.partition, message)
            if isinstance(event, Broken):
                yield TaggedOutput("broken", event)
            else:
                partners.append(event)
        if partners:
            yield partners
        position = records.partition, records.start, records.stop
        yield TaggedOutput("positions", position)
