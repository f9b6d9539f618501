"""A topic's partitions as elements of splittable steps: each is read in order, by one reader."""

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.transforms.core import RestrictionProvider

from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import MessageBatch, decode_batch, encode_batch
from transforms.stores.topic.reader import ReaderPool

Partition = tuple[int, int, int]
"""A partition, and the offsets to read: ``(number, start, stop)``."""

FOR_EVER = (1 << 63) - 1
WAIT = 0.05
"""For how long a reader waits for the next message before it looks around, in seconds."""


class MessageBatchCoder(beam.coders.Coder):
    """MessagePack."""

    def encode(self, value: MessageBatch) -> bytes:
        """The batch as bytes."""
        return encode_batch(value)

    def decode(self, encoded: bytes) -> MessageBatch:
        """The batch that was encoded."""
        return decode_batch(encoded)

    def is_deterministic(self) -> bool:
        """No: nothing is grouped by a batch."""
        return False


beam.coders.registry.register_coder(MessageBatch, MessageBatchCoder)


class Range(OffsetRestrictionTracker):
    """Offsets that one reader claims in order: it may be interrupted, not joined by another."""

    def try_split(self, fraction: float) -> tuple[OffsetRange, OffsetRange] | None:
        """Only the rest as a whole can be split off: then its reader goes on with it later."""
        split: tuple[OffsetRange, OffsetRange] | None = None
        if fraction == 0:
            split = super().try_split(0)
        return split

    def is_bounded(self) -> bool:
        """Whether the offsets have an end."""
        return bool(self.current_restriction().stop < FOR_EVER)


class Ranges(RestrictionProvider):
    """The offsets of a partition."""

    def initial_restriction(self, element: Partition) -> OffsetRange:
        """All of them."""
        return OffsetRange(*element[1:])

    def create_tracker(self, restriction: OffsetRange) -> Range:
        """A tracker of these offsets."""
        return Range(restriction)

    def restriction_size(self, element: Partition, restriction: OffsetRange) -> int:
        """How many there are; of a partition without an end nobody knows."""
        size = int(restriction.size())
        return size if restriction.stop < FOR_EVER else 1


OFFSETS = beam.DoFn.RestrictionParam(Ranges())
"""The parameter of ``process`` that has the offsets still to be read."""


class PartitionFn(beam.DoFn):
    """A DoFn with readers of partitions."""

    def __init__(self, access: TopicAccess) -> None:
        self.access = access

    def setup(self) -> None:
        """Nothing is opened before it is needed."""
        self.readers = ReaderPool(self.access)

    def teardown(self) -> None:
        """Close what is at rest."""
        self.readers.close()
