"""Messages of a Kafka topic as they were read, in batches that cross the pipeline."""

import time
from collections.abc import Sequence

import msgspec


class TopicMessage(msgspec.Struct, frozen=True, array_like=True):
    """One message; ``timestamp`` is in milliseconds since the epoch, 0 when there is none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class MessageBatch(msgspec.Struct, frozen=True, array_like=True):
    """All messages of one partition from offset ``start`` up to, but not including, ``stop``.

    Some offsets may hold no message: those compacted away, and those of transaction markers.
    """

    topic: str
    partition: int
    start: int
    stop: int
    messages: list[TopicMessage]


PartitionRange = tuple[int, int, int]
"""A range of one partition's offsets: ``(partition, start, stop)``."""

StoreRange = tuple[str, PartitionRange]
"""A range of the topic of one store, by the store's key."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(MessageBatch).decode


def encode_batch(batch: MessageBatch) -> bytes:
    """Encodes the batch as MessagePack."""
    return _encode(batch)


def decode_batch(data: bytes) -> MessageBatch:
    """Decodes what ``encode_batch`` returned."""
    return _decode(data)


def newest_timestamp(messages: Sequence[TopicMessage]) -> int:
    """Returns the greatest timestamp that is not in the future, in microseconds; 0 for none."""
    now = time.time_ns() // 1_000_000
    timestamps = (message.timestamp for message in messages if message.timestamp <= now)
    return 1000 * max(timestamps, default=0)
