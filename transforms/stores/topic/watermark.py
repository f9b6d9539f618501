"""The watermark of a stream: one for all partitions of the topic that a process reads.

A runner should keep the least of its elements' watermarks. Prism (Beam 2.77) keeps the one that was
set last, and drops as late what a slower partition still returns. So each partition sets a
watermark that all of them can keep.
"""

import threading
from collections import defaultdict
from typing import ClassVar

from transforms.stores.topic.client import TopicAccess


class StreamWatermark:
    """The watermark of one stream, in microseconds since the epoch. Safe for threads.

    A partition calls ``begin_step`` before and ``end_step`` after each step of reading. The output
    of a step counts as delivered when the partition's next step begins: until then the runner may
    not have it.
    """

    _of_streams: ClassVar[dict[tuple[TopicAccess, int], "StreamWatermark"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._read_up_to: dict[int, int] = defaultdict(int)
        self._floors: dict[int, int] = {}
        self._reported = 0

    @classmethod
    def of(cls, access: TopicAccess, stream: int) -> "StreamWatermark":
        """Returns the watermark that all readers of a stream in this process share.

        An engine may replace a reader at any time: the watermark stays until a later stream of the
        same topic asks for its own.
        """
        with cls._lock:
            for topic, number in list(cls._of_streams):
                if topic == access and number < stream:
                    del cls._of_streams[topic, number]
            return cls._of_streams.setdefault((access, stream), cls())

    def begin_step(self, partition: int, watermark: int) -> int:
        """Begins a step; returns the moment before which it may not date any output."""
        with self._lock:
            floor = max(self._read_up_to[partition], self._reported, watermark)
            self._floors[partition] = floor
            return floor

    def end_step(self, partition: int, moment: int) -> int:
        """Ends a step that has read up to ``moment``; returns the watermark to set."""
        with self._lock:
            self._read_up_to[partition] = moment
            # A partition's watermark reaches the runner together with its output; ours may arrive
            # earlier, so only the moments at which the others' steps began are safe.
            floors = [floor for number, floor in self._floors.items() if number != partition]
            watermark = min([moment, *floors])
            self._reported = max(self._reported, watermark)
            return watermark
