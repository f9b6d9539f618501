"""A partition as the element of a splittable step: its offsets, their tracker and coder."""

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.transforms.core import RestrictionProvider

from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import (
    MessageBatch,
    PartitionRange,
    decode_batch,
    encode_batch,
)
from transforms.stores.topic.reader import ReaderPool
from transforms.topic.partition_steps import FOR_EVER


class MessageBatchCoder(beam.coders.Coder):
    """Encodes batches as MessagePack."""

    def encode(self, value: MessageBatch) -> bytes:
        """Returns the batch as bytes."""
        return encode_batch(value)

    def decode(self, encoded: bytes) -> MessageBatch:
        """Returns the batch that was encoded."""
        return decode_batch(encoded)

    def is_deterministic(self) -> bool:
        """No: nothing is grouped by a batch."""
        return False


beam.coders.registry.register_coder(MessageBatch, MessageBatchCoder)


class PartitionTracker(OffsetRestrictionTracker):
    """The offsets of a partition, which one reader claims in order.

    A second reader cannot share the partition, but the engine may interrupt the first one.
    """

    def try_split(self, fraction: float) -> tuple[OffsetRange, OffsetRange] | None:
        """Split off the rest as a whole, which is read later, or nothing."""
        split: tuple[OffsetRange, OffsetRange] | None = None
        if fraction == 0:
            split = super().try_split(0)
        return split

    def is_bounded(self) -> bool:
        """Whether the partition is read up to an end."""
        return bool(self.current_restriction().stop < FOR_EVER)


class PartitionOffsets(RestrictionProvider):
    """The offsets of a partition as a restriction of a step."""

    def initial_restriction(self, element: PartitionRange) -> OffsetRange:
        """Returns all offsets of the range."""
        return OffsetRange(*element[1:])

    def create_tracker(self, restriction: OffsetRange) -> PartitionTracker:
        """Returns a tracker of these offsets."""
        return PartitionTracker(restriction)

    def restriction_size(self, element: PartitionRange, restriction: OffsetRange) -> int:
        """Returns the number of offsets, or 1 where there is no end."""
        size = int(restriction.size())
        return size if restriction.stop < FOR_EVER else 1


OFFSETS = beam.DoFn.RestrictionParam(PartitionOffsets())
"""The parameter of ``process`` that tracks the offsets still to be read."""


class PartitionFn(beam.DoFn):
    """A DoFn that reads partitions: readers are opened where they are needed."""

    def __init__(self, access: TopicAccess) -> None:
        self.access = access

    def setup(self) -> None:
        """Prepare the readers."""
        self.readers = ReaderPool(self.access)

    def teardown(self) -> None:
        """Close the idle readers."""
        self.readers.close()
