"""Store B's topic as the options name it, and how much of it is still to be done."""

import threading
import time
from collections import defaultdict, deque
from contextlib import suppress

from confluent_kafka import KafkaException

from transforms.core.errors import StoreError
from transforms.stores.topic.client import TopicAccess, TopicClient, topic_error

# Seconds for an answer: measuring must not hold anything else up.
_ANSWER = 3.0
# Seconds after which a measurement is too old.
_FRESH = 5.0


class Lag:
    """What the group has not done yet: ``events``, and for how many ``seconds`` there are some.

    Both are as of the last ``measure``. Safe for threads.
    """

    def __init__(self, access: TopicAccess) -> None:
        self._client = TopicClient(access)
        self._lock = threading.Lock()
        self._closed = False
        self._looked_at = -_FRESH
        # Of each partition the ends that were seen and are not done, each with when it was new.
        self._ends: dict[int, deque[tuple[int, float]]] = defaultdict(deque)
        self.events: dict[int, int] = {}

    @property
    def seconds(self) -> float:
        """For how long the oldest event that is not done has been there, since it was noticed."""
        with self._lock:
            since = [ends[0][1] for ends in self._ends.values() if ends]
        return time.monotonic() - min(since) if since else 0.0

    def measure(self) -> int:
        """How many events there are to be done, in all partitions.

        Raises:
            StoreError: the brokers do not answer, or refuse.
        """
        with self._lock:
            if not self._closed:
                self._take_stock()
            return sum(self.events.values())

    def refresh(self) -> None:
        """Look, unless somebody just has; what brokers do not tell stays as it was."""
        if time.monotonic() - self._looked_at >= _FRESH:
            with suppress(StoreError):
                self.measure()

    def _take_stock(self) -> None:
        self._looked_at = time.monotonic()
        try:
            offsets = self._offsets()
        except KafkaException as error:
            trouble = self._client.last_error or error.args[0]
            raise topic_error(self._client.access, trouble) from None
        self.events = {number: end - done for number, (done, end) in offsets.items()}
        for number, (done, end) in offsets.items():
            self._notice(self._ends[number], done, end)

    def _notice(self, ends: deque[tuple[int, float]], done: int, end: int) -> None:
        if ends and ends[-1][0] > end:
            # The topic was made anew.
            ends.clear()
        if not ends or ends[-1][0] < end:
            ends.append((end, self._looked_at))
        while ends and ends[0][0] <= done:
            ends.popleft()

    def _offsets(self) -> dict[int, tuple[int, int]]:
        """Of each partition the first offset that is not done, and the end."""
        consumer, access = self._client.consumer, self._client.access
        found = consumer.list_topics(access.topic, timeout=_ANSWER).topics[access.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        partitions = [access.partition(number) for number in sorted(found.partitions)]
        offsets = {}
        for done in consumer.committed(partitions, timeout=_ANSWER):
            first, end = consumer.get_watermark_offsets(done, timeout=_ANSWER)
            start = done.offset if first <= done.offset <= end else first
            offsets[done.partition] = start, end
        self._client.last_error = None
        return offsets

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            self._closed = True
            self._client.close()
