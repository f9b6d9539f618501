"""Reading partitions step by step, without Beam: what the splittable steps do between two claims.

An engine reads a partition by a splittable step. Before the step hands a batch of messages on, it
claims the batch's last offset from a tracker; if the claim fails, the engine has given the rest to
another step. So each function here stops at every batch, and goes on after the claim.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from transforms.stores.topic.client import TopicAccess, TopicClient, describe_error, topic_error
from transforms.stores.topic.messages import MessageBatch, PartitionRange, newest_timestamp
from transforms.stores.topic.reader import PartitionReader, ReaderPool
from transforms.stores.topic.watermark import StreamWatermark

FOR_EVER = (1 << 63) - 1
"""The end of a partition that is followed."""

_log = logging.getLogger(__name__)

# All times are in seconds. How long a reader waits for the next message before anything else is
# done; how long brokers may be away before a bounded run fails.
_MESSAGE_WAIT = 0.05
_PATIENCE = 300.0
# How often new partitions are looked for.
_PARTITION_INTERVAL = 10.0
# How long one step of a followed partition reads. A window closes no sooner than all partitions
# have ended a step. Then the pauses before the next step: of a partition that is far ahead, and of
# one that has no more messages.
_STEP = 0.2
_PAUSE_AHEAD, _PAUSE_AT_END = _STEP, 0.1
# At most this many messages of a partition are read ahead of those that are done: engines hold
# them in memory.
_MOST_AHEAD = 60_000
# A backlog is cut into windows of this many messages or seconds: rows that belong together are then
# matched once.
_WINDOW_MESSAGES, _WINDOW_SECONDS = 40_000, 10.0


def find_ranges(access: TopicAccess) -> Iterator[PartitionRange]:
    """Yields the ranges that hold messages, from the group's offsets to the ends as of now.

    Raises:
        StoreError: the brokers do not answer, or deny access.
    """
    client = TopicClient(access)
    try:
        for number in client.partitions():
            start, stop = client.begin_reading(number)
            if start < stop:
                yield number, start, stop
    except KafkaException as error:
        raise topic_error(access, error.args[0]) from None
    finally:
        client.close()


def read_range(
    access: TopicAccess, readers: ReaderPool, partition_range: PartitionRange
) -> Iterator[MessageBatch]:
    """Yields the messages of a range in order, up to 1000 at a time.

    The end may not be readable yet, when it belongs to a transaction that is still open: reading
    then ends before it.

    Raises:
        StoreError: nothing came for five minutes.
    """
    number, start, stop = partition_range
    deadline = time.monotonic() + _PATIENCE
    with readers.lend(number) as reader:
        while start < stop and not reader.has_ended(start):
            batch = reader.read_batch(start, _MESSAGE_WAIT, stop)
            if batch.stop > start:
                yield batch
                start, deadline = batch.stop, time.monotonic() + _PATIENCE
            elif time.monotonic() > deadline:
                timed_out = KafkaError(KafkaError._TIMED_OUT)
                raise topic_error(access, reader.last_error() or timed_out)


class PartitionFinder:
    """Finds the partitions that a topic gets while it is followed: their numbers only grow."""

    def __init__(self, access: TopicAccess) -> None:
        self._client = TopicClient(access)
        self._next_check = 0.0

    def find(self, first: int) -> Iterator[PartitionRange]:
        """Yields the partitions from number ``first`` on; nothing when no check is due yet.

        A failure of the brokers is logged, and the check is repeated later.
        """
        if time.monotonic() < self._next_check:
            return
        try:
            for number in self._client.partitions()[first:]:
                yield number, self._client.begin_reading(number)[0], FOR_EVER
        except KafkaException as error:
            reason = describe_error(error.args[0])
            _log.warning("%s: %s; it is tried again", self._client.access.title, reason)
        self._next_check = time.monotonic() + _PARTITION_INTERVAL

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


class PartitionFollower:
    """Follows partitions of a stream, each by one step after the other."""

    def __init__(self, access: TopicAccess, stream: int, readers: ReaderPool) -> None:
        self._watermark = StreamWatermark.of(access, stream)
        self._readers = readers
        # By partition: up to where messages are done, and where the window begins that is read.
        self._done: dict[int, int] = {}
        self._window_starts: dict[int, int] = {}

    @contextmanager
    def step(self, partition: int, start: int, watermark: int) -> Iterator["FollowStep"]:
        """One step from offset ``start`` on; ``watermark`` is the partition's, in microseconds."""
        with self._readers.lend(partition) as reader:
            yield FollowStep(self, reader, partition, start, watermark)

    def begin(self, partition: int, watermark: int) -> int:
        """Begins a step; returns the moment before which it may not date any output."""
        return self._watermark.begin_step(partition, watermark)

    def end(self, partition: int, moment: int) -> int:
        """Ends a step that has read up to ``moment``; returns the watermark to set."""
        return self._watermark.end_step(partition, moment)

    def is_far_ahead(self, reader: PartitionReader, partition: int, offset: int) -> bool:
        """Whether too many messages are read but not done: the engine should catch up first."""
        if offset - self._done.get(partition, 0) > _MOST_AHEAD:
            self._done[partition] = reader.committed(default=offset)
        return offset - self._done.get(partition, 0) > _MOST_AHEAD

    def fills_window(self, partition: int, offset: int) -> bool:
        """Whether the window that is read has as many messages as one may have."""
        return offset - self._window_starts.setdefault(partition, offset) >= _WINDOW_MESSAGES

    def begin_window(self, partition: int, offset: int) -> None:
        """Let the next window begin at this offset."""
        self._window_starts[partition] = offset


class FollowStep:
    """Some 0.2 seconds of reading one partition. The caller claims each batch, and dates it.

    The date of a batch is that of its newest message, but never one that comes before the
    partition's watermark, so that no batch is late. Times are microseconds since the epoch.
    """

    def __init__(
        self,
        follower: PartitionFollower,
        reader: PartitionReader,
        partition: int,
        start: int,
        watermark: int,
    ) -> None:
        self._follower, self._reader = follower, reader
        self._partition, self._offset = partition, start
        self._deadline = time.monotonic() + _STEP
        self._moment = follower.begin(partition, watermark)
        self._read_at = 0
        self._at_end = False
        self.pause = 0.0
        """Seconds to wait before the next step of the partition."""

    def read(self) -> MessageBatch | None:
        """Returns the next batch, or ``None`` at the end of the step."""
        while not self._at_end and time.monotonic() < self._deadline:
            self._read_at = time.time_ns() // 1000
            if self._follower.is_far_ahead(self._reader, self._partition, self._offset):
                self.pause = _PAUSE_AHEAD
                return None
            batch = self._reader.read_batch(self._offset, _MESSAGE_WAIT, FOR_EVER)
            if batch.stop > self._offset:
                return batch
            self._notice_end()
        return None

    def date(self, batch: MessageBatch) -> int:
        """Counts the claimed batch as read; returns its moment."""
        # The messages of a backlog are all older than the watermark: they are dated by their
        # reading, so that windows close while there is more to read.
        is_full = self._follower.fills_window(self._partition, self._offset)
        if is_full or self._read_at - self._moment > _WINDOW_SECONDS * 1e6:
            self._begin_window()
        self._moment = max(self._moment, newest_timestamp(batch.messages))
        self._offset = batch.stop
        self._notice_end()
        return self._moment

    def end(self) -> int:
        """Returns the watermark of the partition after this step."""
        if self.pause:
            # All that was sent before the last reading is read; or the partition is far ahead, and
            # its messages must not wait for more of their window.
            self._begin_window()
        return self._follower.end(self._partition, self._moment)

    def _notice_end(self) -> None:
        if self._reader.has_ended(self._offset):
            self._at_end, self.pause = True, _PAUSE_AT_END

    def _begin_window(self) -> None:
        self._moment = max(self._moment, self._read_at)
        self._follower.begin_window(self._partition, self._offset)
