"""Messages of a Kafka topic, as they were read."""

import time
from collections.abc import Sequence

import msgspec


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One message: ``timestamp`` is milliseconds since the epoch, 0 when it has none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Records(msgspec.Struct, frozen=True, array_like=True):
    """Messages of one partition: all there are from offset ``start`` up to ``stop``.

    Offsets may be left out: of what was compacted away, or of marks that are no messages.
    """

    topic: str
    partition: int
    start: int
    stop: int
    messages: list[Record]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Records).decode


def encode_records(records: Records) -> bytes:
    """The batch as bytes."""
    return _encode(records)


def decode_records(data: bytes) -> Records:
    """The batch of ``encode_records``."""
    return _decode(data)


def newest_timestamp(messages: Sequence[Record]) -> int:
    """The messages' greatest timestamp that is not in the future; microseconds, 0 for none."""
    now = time.time_ns() // 1_000_000
    return 1000 * max((one.timestamp for one in messages if one.timestamp <= now), default=0)


Position = tuple[int, int, int]
"""All of a partition from one offset up to another has gone on: ``(partition, start, stop)``."""
