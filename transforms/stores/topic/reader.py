"""One partition of store B's topic, read in order, many messages at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, cast

from confluent_kafka import KafkaError, KafkaException, Message

from transforms.stores.topic.client import Client, TopicAccess, is_refusal, unreachable
from transforms.stores.topic.messages import Record, Records

# Of one call to librdkafka, and of one batch: a message may have a megabyte.
_CHUNK = 100
_MANY = 1000
_LARGE = 4 << 20


class PartitionReader:
    """Reads a partition from any offset on. Not for two threads."""

    def __init__(self, access: TopicAccess, number: int) -> None:
        self._client = Client(access)
        self._number = number
        self._position = -1
        # Whether there was nothing behind the last message; librdkafka tells it once.
        self._at_end = False

    def batch(self, start: int, patience: float, stop: int) -> Records:
        """The messages from ``start`` on: waits up to ``patience`` seconds for the first one.

        There may be none; ``trouble`` may then say why. Those from ``stop`` on are left out.

        Raises:
            StoreError: the brokers refuse us.
        """
        self._seek(start)
        messages: list[Record] = []
        size = 0
        while len(messages) < _MANY and size < _LARGE:
            # It waits for as many as it is asked for, whatever it has: no more than there are.
            many = max(1, min(_CHUNK, stop - self._position))
            found = self._client.consumer.consume(many, timeout=0 if messages else patience)
            for message in found:
                if self._is_message(message):
                    record = _record(message)
                    messages.append(record)
                    size += len(record.value or b"")
            if not found or self._at_end or self._position >= stop:
                break
        wanted = [message for message in messages if message.offset < stop]
        topic, end = self._client.access.topic, min(self._position, stop)
        return Records(topic, self._number, start, end, wanted)

    def has_ended(self, start: int) -> bool:
        """Whether there is nothing from ``start`` on, as far as the brokers have told."""
        return self._at_end and start == self._position

    def trouble(self) -> KafkaError | None:
        """What is wrong on the way to the brokers since the last batch that held something."""
        return self._client.trouble

    def committed(self, otherwise: int) -> int:
        """Where the group has come to; ``otherwise`` when the brokers do not say."""
        try:
            return self._client.committed([self._number])[self._number]
        except KafkaException:
            return otherwise

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _seek(self, start: int) -> None:
        if start != self._position:
            self._client.consumer.assign([self._client.access.partition(self._number, start)])
            self._position, self._at_end = start, False

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            self._position = cast(int, message.offset()) + 1
            self._client.trouble, self._at_end = None, False
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            # Behind the last message there may be marks of transactions.
            self._position = max(self._position, cast(int, message.offset()))
            self._client.trouble, self._at_end = None, True
        elif is_refusal(error):
            raise unreachable(self._client.access, error)
        else:
            self._client.trouble = error
        return False


class Readers:
    """The readers of one program, at rest or lent: a partition's next step may be another thread's.

    All objects of one topic share them.
    """

    _at_rest: ClassVar[dict[tuple[TopicAccess, int], PartitionReader]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, access: TopicAccess) -> None:
        self._access = access

    @contextmanager
    def reader(self, number: int) -> Iterator[PartitionReader]:
        """The partition's reader, for one user at a time."""
        with self._lock:
            found = self._at_rest.pop((self._access, number), None)
        reader = found or PartitionReader(self._access, number)
        try:
            yield reader
        finally:
            with self._lock:
                spare = self._at_rest.pop((self._access, number), None)
                self._at_rest[self._access, number] = reader
            if spare:
                spare.close()

    def close(self) -> None:
        """Close those at rest; who needs one later gets a new one."""
        with self._lock:
            mine = [key for key in self._at_rest if key[0] == self._access]
            readers = [self._at_rest.pop(key) for key in mine]
        for reader in readers:
            reader.close()


def _record(message: Message) -> Record:
    kind, timestamp = message.timestamp()
    key, value = message.key(), message.value()
    return Record(
        cast(int, message.offset()),
        timestamp if kind else 0,
        key.encode() if isinstance(key, str) else key,
        value.encode() if isinstance(value, str) else value,
    )
