"""The lag of the stores' topics: the number of events still to be done, and their waiting time."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaException

from transforms.core.errors import StoreError
from transforms.stores.topic.client import TopicAccess, TopicClient, topic_error

# Seconds for an answer: measuring must not hold anything else up.
_ANSWER = 3.0
# Seconds after which a measurement is too old.
_FRESH = 5.0


class Lag:
    """The group's lag: ``events`` to be done by partition, and for how many ``seconds`` any waits.

    Both are as of the last ``measure``. Safe for threads.
    """

    def __init__(self, access: TopicAccess) -> None:
        self._client = TopicClient(access)
        self._lock = threading.Lock()
        self._closed = False
        self._measured_at = -_FRESH
        # By partition, the ends that were seen and are not reached yet, each with the time at which
        # it was new.
        self._ends: dict[int, deque[tuple[int, float]]] = defaultdict(deque)
        self.events: dict[int, int] = {}

    @property
    def seconds(self) -> float:
        """Seconds that the oldest event still to be done has waited since a measurement saw it."""
        with self._lock:
            oldest = [ends[0][1] for ends in self._ends.values() if ends]
        return time.monotonic() - min(oldest) if oldest else 0.0

    def measure(self) -> int:
        """Measure the lag; returns the number of events to be done, in all partitions.

        Raises:
            StoreError: the brokers do not answer, or deny access.
        """
        with self._lock:
            if not self._closed:
                self._measure()
            return sum(self.events.values())

    def refresh(self) -> None:
        """Measure, unless that was done just now; where the brokers fail, nothing changes."""
        if time.monotonic() - self._measured_at >= _FRESH:
            with suppress(StoreError):
                self.measure()

    def _measure(self) -> None:
        self._measured_at = time.monotonic()
        try:
            offsets = self._offsets()
        except KafkaException as error:
            cause = self._client.last_error or error.args[0]
            raise topic_error(self._client.access, cause) from None
        self.events = {number: end - start for number, (start, end) in offsets.items()}
        for number, (start, end) in offsets.items():
            self._notice(self._ends[number], start, end)

    def _notice(self, ends: deque[tuple[int, float]], start: int, end: int) -> None:
        if ends and ends[-1][0] > end:
            # The topic was made anew.
            ends.clear()
        if not ends or ends[-1][0] < end:
            ends.append((end, self._measured_at))
        while ends and ends[0][0] <= start:
            ends.popleft()

    def _offsets(self) -> dict[int, tuple[int, int]]:
        """By partition, the first offset that is not done, and the end."""
        consumer, access = self._client.consumer, self._client.access
        metadata = consumer.list_topics(access.topic, timeout=_ANSWER).topics[access.topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        partitions = [access.partition(number) for number in sorted(metadata.partitions)]
        offsets = {}
        for committed in consumer.committed(partitions, timeout=_ANSWER):
            first, end = consumer.get_watermark_offsets(committed, timeout=_ANSWER)
            start = committed.offset if first <= committed.offset <= end else first
            offsets[committed.partition] = start, end
        self._client.last_error = None
        return offsets

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            self._closed = True
            self._client.close()


class TopicLags:
    """The lags of all topics that are followed, by the keys of their stores."""

    def __init__(self, accesses: Sequence[TopicAccess]) -> None:
        self.by_store = {access.store: Lag(access) for access in accesses}

    @property
    def seconds(self) -> float:
        """Seconds that the oldest event of all topics has waited."""
        return max((lag.seconds for lag in self.by_store.values()), default=0.0)

    @property
    def events(self) -> int:
        """The number of events to be done, as of the last measurements."""
        return sum(sum(lag.events.values()) for lag in self.by_store.values())

    def measure(self) -> int:
        """Measure all lags; returns the number of events to be done.

        Raises:
            StoreError: the brokers of a topic do not answer, or deny access; the topics behind it
                are measured all the same.
        """
        errors = [error for error in map(_measurement_error, self.by_store.values()) if error]
        if errors:
            raise errors[0]
        return self.events

    def refresh(self) -> None:
        """Measure what was not measured just now; where brokers fail, nothing changes."""
        for lag in self.by_store.values():
            lag.refresh()

    def close(self) -> None:
        """Close the connections."""
        for lag in self.by_store.values():
            lag.close()


def _measurement_error(lag: Lag) -> StoreError | None:
    try:
        lag.measure()
    except StoreError as error:
        return error
    return None
