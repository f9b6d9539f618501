"""Reading a topic up to its end as of now: which partitions, and what they hold."""

import time
from collections.abc import Iterator

import apache_beam as beam
from confluent_kafka import KafkaError, KafkaException

from transforms.stores.topic.client import TopicAccess, TopicClient, topic_error
from transforms.stores.topic.messages import MessageBatch
from transforms.topic.restrictions import OFFSETS, WAIT, Partition, PartitionFn, Range

# For how long brokers may be gone before the run gives up, in seconds.
_PATIENCE = 300.0


class FindPartitions(beam.PTransform):
    """The topic's partitions that hold something to read, with its end as of now."""

    def __init__(self, access: TopicAccess) -> None:
        super().__init__()
        self._access = access

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[Partition]:
        """An element a partition."""
        found = beam.ParDo(_FindPartitionsFn(self._access)).with_output_types(Partition)
        return (
            root
            | "Once" >> beam.Create([0], reshuffle=False)
            | "Find" >> found
            | "Spread" >> beam.Reshuffle()
        )


class _FindPartitionsFn(beam.DoFn):
    def __init__(self, access: TopicAccess) -> None:
        self._access = access

    def process(self, _: int) -> Iterator[Partition]:
        client = TopicClient(self._access)
        try:
            for number in client.partitions():
                start, stop = client.begin_reading(number)
                if start < stop:
                    yield number, start, stop
        except KafkaException as error:
            raise topic_error(self._access, error.args[0]) from None
        finally:
            client.close()


class ReadRanges(beam.PTransform):
    """The messages of the partitions between two offsets."""

    def __init__(self, access: TopicAccess) -> None:
        super().__init__()
        self._access = access

    def expand(self, partitions: beam.PCollection[Partition]) -> beam.PCollection[MessageBatch]:
        """Up to 1000 messages an element."""
        return partitions | beam.ParDo(_ReadRangeFn(self._access)).with_output_types(MessageBatch)


class _ReadRangeFn(PartitionFn):
    def process(
        self,
        partition: Partition,
        tracker: Range = OFFSETS,
    ) -> Iterator[MessageBatch]:
        number = partition[0]
        offsets = tracker.current_restriction()
        start, stop = offsets.start, offsets.stop
        deadline = time.monotonic() + _PATIENCE
        with self.readers.lend(number) as reader:
            while start < stop and not reader.has_ended(start):
                records = reader.read_batch(start, WAIT, stop)
                if records.stop > start:
                    if not tracker.try_claim(records.stop - 1):
                        return
                    yield records
                    start, deadline = records.stop, time.monotonic() + _PATIENCE
                elif time.monotonic() > deadline:
                    timed_out = KafkaError(KafkaError._TIMED_OUT)
                    raise topic_error(self.access, reader.last_error() or timed_out)
        # The end that was seen may not be readable yet: of a transaction that is still open.
        tracker.try_claim(stop)
