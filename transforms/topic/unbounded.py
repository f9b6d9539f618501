"""Reading a topic for ever: all its partitions, those that are still to come too."""

import logging
import time
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp
from confluent_kafka import KafkaException

from transforms.stores.topic.client import TopicAccess, TopicClient, describe_error
from transforms.stores.topic.messages import MessageBatch, newest_timestamp
from transforms.stores.topic.reader import PartitionReader
from transforms.stores.topic.watermark import StreamWatermark
from transforms.topic.restrictions import FOR_EVER, OFFSETS, WAIT, Partition, PartitionFn, Range
from transforms.topic.stream_watch import Stream, StreamWatch

# In seconds: how long one step reads before the runner may take stock (a window closes no sooner
# than all partitions have taken it), and its pause where it is far ahead; that where there was
# nothing.
_STEP = 0.2
_PAUSE = 0.1
# How often it is looked whether the stream is to end, and whether there are new partitions.
_BEAT = 1.0
_LOOK_AGAIN = 10.0
# So many messages of a partition are read ahead of what is done. While there are more, so many of
# them are one window, or those of so many seconds: what belongs together is then matched once.
_AHEAD = 60_000
_TOGETHER, _LONGEST = 40_000, 10.0
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())

_log = logging.getLogger(__name__)


class FollowPartitions(beam.PTransform):
    """The messages of all partitions, those that are still to come too, until ``stream`` ends."""

    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        super().__init__()
        self._access, self._stream = access, stream

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[MessageBatch]:
        """Up to 1000 messages an element."""
        find = _NoticePartitionsFn(self._access, self._stream)
        follow = _FollowFn(self._access, self._stream)
        return (
            root
            | "Once" >> beam.Create([(0, 0, FOR_EVER)], reshuffle=False)
            | "Find" >> beam.ParDo(find).with_output_types(Partition)
            | "Spread" >> beam.Reshuffle()
            | "Follow" >> beam.ParDo(follow).with_output_types(MessageBatch)
        )


class _NoticePartitionsFn(beam.DoFn):
    """A step whose offsets are the numbers of the partitions: they only ever become more."""

    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        self._access, self._stream = access, stream

    def setup(self) -> None:
        self._watch = StreamWatch(self._stream)
        self._client = TopicClient(self._access)
        self._look_at = 0.0

    def teardown(self) -> None:
        self._client.close()
        self._watch.close()

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        _: Partition,
        tracker: Range = OFFSETS,
        watermark: ManualWatermarkEstimator = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        if self._watch.is_over:
            tracker.try_claim(FOR_EVER - 1)
            return
        now = Timestamp.now()
        if time.monotonic() >= self._look_at:
            try:
                known = tracker.current_restriction().start
                for number in self._client.partitions()[known:]:
                    start = self._client.begin_reading(number)[0]
                    if not tracker.try_claim(number):
                        return
                    yield TimestampedValue((number, start, FOR_EVER), now)
            except KafkaException as error:
                _log.warning("store B: %s; it is tried again", describe_error(error.args[0]))
            self._look_at = time.monotonic() + _LOOK_AGAIN
        _advance(watermark, now)
        tracker.defer_remainder(Duration(_BEAT))


class _FollowFn(PartitionFn):
    def __init__(self, access: TopicAccess, stream: Stream) -> None:
        super().__init__(access)
        self._stream = stream

    def setup(self) -> None:
        super().setup()
        self._watch = StreamWatch(self._stream)
        self._done: dict[int, int] = {}
        # Where the window begins that is being read.
        self._first: dict[int, int] = {}

    def teardown(self) -> None:
        super().teardown()
        self._watch.close()

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        partition: Partition,
        born: Timestamp = beam.DoFn.TimestampParam,
        tracker: Range = OFFSETS,
        watermark: ManualWatermarkEstimator = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        if self._watch.is_over:
            tracker.try_claim(FOR_EVER - 1)
            return
        number, start = partition[0], tracker.current_restriction().start
        clock = StreamWatermark.of(self.access, self._stream.number)
        moment = clock.begin_step(number, max(born, watermark.current_watermark() or born).micros)
        deadline, pause = time.monotonic() + _STEP, 0.0
        with self.readers.lend(number) as reader:
            while time.monotonic() < deadline:
                began = Timestamp.now().micros
                if self._is_far_ahead(reader, number, start):
                    pause = _STEP
                    break
                records = reader.read_batch(start, WAIT, FOR_EVER)
                if records.stop > start:
                    if not tracker.try_claim(records.stop - 1):
                        return
                    # In arrears all are older than what was told: they have a time of their
                    # reading, so that windows close while there is still more to read.
                    many = start - self._first.setdefault(number, start) >= _TOGETHER
                    if many or began - moment > _LONGEST * 1e6:
                        moment = max(moment, began)
                        self._first[number] = start
                    moment = max(moment, newest_timestamp(records.messages))
                    start = records.stop
                    yield TimestampedValue(records, Timestamp(micros=moment))
                if reader.has_ended(start):
                    pause = _PAUSE
                    break
            if pause:
                # All that was sent before we looked has been read; or we are far ahead, and what
                # was read must not wait for more of its window. So time goes on.
                moment = max(moment, began)
                self._first[number] = start
        _advance(watermark, Timestamp(micros=clock.end_step(number, moment)))
        tracker.defer_remainder(Duration(pause))

    def _is_far_ahead(self, reader: PartitionReader, number: int, start: int) -> bool:
        """Whether enough is read that is not done yet: engines hold it in memory."""
        if start - self._done.get(number, 0) > _AHEAD:
            self._done[number] = reader.committed(default=start)
        return start - self._done.get(number, 0) > _AHEAD


def _advance(watermark: ManualWatermarkEstimator, moment: Timestamp) -> None:
    watermark.set_watermark(max(moment, watermark.current_watermark() or moment))
