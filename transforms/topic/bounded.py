"""Reading a topic up to its end as of now: one element a partition, then its messages."""

from collections.abc import Iterator

import apache_beam as beam

from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import MessageBatch, PartitionRange
from transforms.topic.partition_steps import find_ranges, read_range
from transforms.topic.restrictions import OFFSETS, PartitionFn, PartitionTracker


class FindPartitions(beam.PTransform):
    """The topic's partitions that hold messages to read, each with its end as of now."""

    def __init__(self, access: TopicAccess) -> None:
        super().__init__()
        self._access = access

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[PartitionRange]:
        """One element a partition."""
        return (
            root
            | "Once" >> beam.Create([self._access], reshuffle=False)
            | "Find" >> beam.FlatMap(find_ranges).with_output_types(PartitionRange)
            | "Spread" >> beam.Reshuffle()
        )


class ReadRanges(beam.PTransform):
    """The messages of the partitions between two offsets."""

    def __init__(self, access: TopicAccess) -> None:
        super().__init__()
        self._access = access

    def expand(
        self, partitions: beam.PCollection[PartitionRange]
    ) -> beam.PCollection[MessageBatch]:
        """Up to 1000 messages an element."""
        return partitions | beam.ParDo(_ReadRangeFn(self._access)).with_output_types(MessageBatch)


class _ReadRangeFn(PartitionFn):
    def process(
        self, partition: PartitionRange, tracker: PartitionTracker = OFFSETS
    ) -> Iterator[MessageBatch]:
        offsets = tracker.current_restriction()
        stretch = partition[0], offsets.start, offsets.stop
        for batch in read_range(self.access, self.readers, stretch):
            if not tracker.try_claim(batch.stop - 1):
                return
            yield batch
        tracker.try_claim(offsets.stop)
