"""Reading a topic for ever: all its partitions, and those that it gets later."""

from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import MessageBatch, PartitionRange
from transforms.topic.partition_steps import FOR_EVER, PartitionFinder, PartitionFollower
from transforms.topic.restrictions import OFFSETS, PartitionFn, PartitionTracker
from transforms.topic.stream_watch import Stream, StreamWatch

# Seconds between two steps of the finder of partitions.
_FINDER_PAUSE = 1.0
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class FollowPartitions(beam.PTransform):
    """The messages of all partitions, those that come later too, until ``stream`` ends."""

    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        super().__init__()
        self._access, self._stream = access, stream

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[MessageBatch]:
        """Up to 1000 messages an element."""
        find = _FindPartitionsFn(self._access, self._stream)
        follow = _FollowFn(self._access, self._stream)
        return (
            root
            | "Once" >> beam.Create([(0, 0, FOR_EVER)], reshuffle=False)
            | "Find" >> beam.ParDo(find).with_output_types(PartitionRange)
            | "Spread" >> beam.Reshuffle()
            | "Follow" >> beam.ParDo(follow).with_output_types(MessageBatch)
        )


class _FindPartitionsFn(beam.DoFn):
    """A step whose offsets are the numbers of the partitions, for they only grow."""

    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        self._access, self._stream = access, stream

    def setup(self) -> None:
        self._watch = StreamWatch(self._stream)
        self._finder = PartitionFinder(self._access)

    def teardown(self) -> None:
        self._finder.close()
        self._watch.close()

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        _: PartitionRange,
        tracker: PartitionTracker = OFFSETS,
        watermark: ManualWatermarkEstimator = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        if self._watch.is_over:
            tracker.try_claim(FOR_EVER - 1)
            return
        now = Timestamp.now()
        for partition in self._finder.find(tracker.current_restriction().start):
            if not tracker.try_claim(partition[0]):
                return
            yield TimestampedValue(partition, now)
        _advance(watermark, now)
        tracker.defer_remainder(Duration(_FINDER_PAUSE))


class _FollowFn(PartitionFn):
    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        super().__init__(access)
        self._stream = stream

    def setup(self) -> None:
        super().setup()
        self._watch = StreamWatch(self._stream)
        self._follower = PartitionFollower(self.access, self._stream.number, self.readers)

    def teardown(self) -> None:
        super().teardown()
        self._watch.close()

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        partition: PartitionRange,
        born: Timestamp = beam.DoFn.TimestampParam,
        tracker: PartitionTracker = OFFSETS,
        watermark: ManualWatermarkEstimator = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        if self._watch.is_over:
            tracker.try_claim(FOR_EVER - 1)
            return
        number, start = partition[0], tracker.current_restriction().start
        floor = max(born, watermark.current_watermark() or born).micros
        with self._follower.step(number, start, floor) as step:
            while batch := step.read():
                if not tracker.try_claim(batch.stop - 1):
                    return
                yield TimestampedValue(batch, Timestamp(micros=step.date(batch)))
        _advance(watermark, Timestamp(micros=step.end()))
        tracker.defer_remainder(Duration(step.pause))


def _advance(watermark: ManualWatermarkEstimator, moment: Timestamp) -> None:
    watermark.set_watermark(max(moment, watermark.current_watermark() or moment))
