"""The event times of a stream's messages: they must never hold back what was read earlier."""

import time
from contextlib import contextmanager
from itertools import count, pairwise
from types import SimpleNamespace

from apache_beam.utils.timestamp import Timestamp

from transforms.core.secrets import Secret
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import MessageBatch, TopicMessage
from transforms.topic import partition_steps
from transforms.topic.partition_steps import FOR_EVER, PartitionFollower
from transforms.topic.restrictions import PartitionOffsets, PartitionTracker
from transforms.topic.stream_watch import Stream
from transforms.topic.unbounded import _FollowFn

ACCESS = TopicAccess("127.0.0.1:1", "followed", "g")
# Not a multiple of what is together: a backlog begins anywhere.
FIRST, BATCHES = 3, 5
# Each has a clock of its own.
STREAMS = count(1)


class Reader:
    """A partition of batches of one message each, ``age`` seconds old when they are read."""

    def __init__(self, age):
        self._age = age

    def read_batch(self, start, timeout, stop):
        time.sleep(0.01)
        sent = int((time.time() - self._age) * 1000)
        return MessageBatch("followed", 0, start, start + 1, [TopicMessage(start, sent, b"", b"")])

    def has_ended(self, start):
        return start == FIRST + BATCHES


def times_of(age):
    """When a step began, the times of its elements, and the watermark that it told."""
    stream = Stream(Secret("SVOD_LEDGER"), next(STREAMS))
    fn = _FollowFn(ACCESS, stream)
    fn._watch = SimpleNamespace(is_over=False)
    readers = SimpleNamespace(lend=contextmanager(lambda number: iter([Reader(age)])))
    fn._follower = PartitionFollower(ACCESS, stream.number, readers)
    watermarks = []
    watermark = SimpleNamespace(current_watermark=lambda: None, set_watermark=watermarks.append)
    partition = (0, FIRST, FOR_EVER)
    tracker = PartitionTracker(PartitionOffsets().initial_restriction(partition))
    tracker.defer_remainder = lambda pause: None
    began = Timestamp.now()
    read = list(fn.process(partition, began, tracker, watermark))
    assert [element.value.start for element in read] == list(range(FIRST, FIRST + BATCHES))
    return began, [element.timestamp for element in read], watermarks[-1]


def test_a_backlog_is_as_old_as_its_reading_so_that_its_windows_close(monkeypatch):
    monkeypatch.setattr(partition_steps, "_WINDOW_MESSAGES", 2)
    began, times, watermark = times_of(age=86_400)
    # So many of them have one time.
    assert times[0] == times[1] < times[2] == times[3] < times[4]
    assert began <= times[0] <= times[-1] <= watermark <= Timestamp.now()


def test_a_backlog_that_comes_slowly_does_not_wait_for_more(monkeypatch):
    monkeypatch.setattr(partition_steps, "_WINDOW_SECONDS", 0)
    _, times, _ = times_of(age=86_400)
    assert all(later - earlier >= 0.005 for earlier, later in pairwise(times))


def test_what_has_just_come_has_its_own_time():
    _, times, _ = times_of(age=0)
    assert times == sorted(times)
    assert all(time.micros % 1000 == 0 for time in times[1:])
