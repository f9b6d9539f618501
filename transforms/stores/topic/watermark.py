"""The time of a topic's partitions: one watermark for all that a process reads.

A runner should keep the least of its elements' watermarks. Prism keeps the one that it was told
last (2.77), and drops as late what a slower partition still has to say: so each partition tells no
more than all of them can keep.
"""

import threading
from collections import defaultdict
from typing import ClassVar

from transforms.stores.topic.client import TopicAccess


class TopicClock:
    """Moments of one topic, in microseconds since the epoch. All objects of one stream share them.

    ``begin`` and ``report`` frame a step of reading. What a step gives out counts as given only
    when the partition's next step begins: until then the runner may not have it.
    """

    _clocks: ClassVar[dict[tuple[TopicAccess, int], "TopicClock"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._own: dict[int, int] = defaultdict(int)
        self._begun: dict[int, int] = {}
        self._reported = 0

    @classmethod
    def of(cls, access: TopicAccess, stream: int) -> "TopicClock":
        """The clock of a stream of the topic in this process, for as long as there is no later one.

        An engine lets go of a reader and makes a new one at any time: the stream's clock stays.
        """
        with cls._lock:
            for topic, earlier in list(cls._clocks):
                if topic == access and earlier < stream:
                    del cls._clocks[topic, earlier]
            return cls._clocks.setdefault((access, stream), cls())

    def begin(self, number: int, watermark: int) -> int:
        """A step of a partition begins; gives the moment before which it must give nothing out."""
        with self._lock:
            floor = max(self._own[number], self._reported, watermark)
            self._begun[number] = floor
            return floor

    def report(self, number: int, moment: int) -> int:
        """The step has come to ``moment``; gives the watermark that it may tell."""
        with self._lock:
            self._own[number] = moment
            # What another one was told counts only with what that one has given out: it comes to
            # the runner with it, and this may come before.
            others = [floor for other, floor in self._begun.items() if other != number]
            told = min([moment, *others])
            self._reported = max(self._reported, told)
            return told
