"""Reads one partition of a store's topic in order, many messages at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage

from transforms.stores.topic.client import TopicAccess, TopicClient, is_denial, topic_error
from transforms.stores.topic.messages import MessageBatch, TopicMessage

# A message may have a megabyte, so a call to librdkafka and a batch are limited.
_MESSAGES_PER_CALL = 100
_MESSAGES_PER_BATCH = 1000
_BYTES_PER_BATCH = 4 << 20


class PartitionReader:
    """Reads a partition from any offset on. One thread at a time may use it."""

    def __init__(self, access: TopicAccess, partition: int) -> None:
        self._client = TopicClient(access)
        self._partition = partition
        self._position = -1
        # Whether the partition's end has been reached; librdkafka reports it only once.
        self._at_end = False

    def read_batch(self, start: int, timeout: float, stop: int) -> MessageBatch:
        """Returns the messages that are at hand from offset ``start`` up to ``stop``.

        Waits up to ``timeout`` seconds for the first message. The batch may be empty;
        ``last_error`` may then say why.

        Raises:
            StoreError: when the brokers deny access.
        """
        self._seek(start)
        messages: list[TopicMessage] = []
        size = 0
        for received in self._receive(timeout, stop):
            messages += received
            size += sum(len(message.value or b"") for message in received)
            if len(messages) >= _MESSAGES_PER_BATCH or size >= _BYTES_PER_BATCH:
                break
        in_range = [message for message in messages if message.offset < stop]
        topic, end = self._client.access.topic, min(self._position, stop)
        return MessageBatch(topic, self._partition, start, end, in_range)

    def has_ended(self, start: int) -> bool:
        """Whether the brokers have reported no message from offset ``start`` on."""
        return self._at_end and start == self._position

    def last_error(self) -> KafkaError | None:
        """Returns the last connection error since a message or the end was received."""
        return self._client.last_error

    def committed(self, default: int) -> int:
        """Returns the group's committed offset, or ``default`` when the brokers do not say."""
        try:
            return self._client.committed([self._partition])[self._partition]
        except KafkaException:
            return default

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _seek(self, start: int) -> None:
        if start != self._position:
            self._client.consumer.assign([self._client.access.partition(self._partition, start)])
            self._position, self._at_end = start, False

    def _receive(self, timeout: float, stop: int) -> Iterator[list[TopicMessage]]:
        """Yields what each call to librdkafka returns, until there is no more up to ``stop``."""
        while True:
            # consume(n) waits until it has n events or time is up: never ask for more than
            # there can be.
            count = max(1, min(_MESSAGES_PER_CALL, stop - self._position))
            events = self._client.consumer.consume(count, timeout=timeout)
            messages = [_to_message(event) for event in events if self._is_message(event)]
            yield messages
            if not events or self._at_end or self._position >= stop:
                return
            if messages:
                timeout = 0

    def _is_message(self, event: KafkaMessage) -> bool:
        """Tells a message from an event of librdkafka, and keeps what the event says."""
        error = event.error()
        if error is None:
            self._position = cast(int, event.offset()) + 1
            self._client.last_error, self._at_end = None, False
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            # Transaction markers may stand behind the last message.
            self._position = max(self._position, cast(int, event.offset()))
            self._client.last_error, self._at_end = None, True
        elif is_denial(error):
            raise topic_error(self._client.access, error)
        else:
            self._client.last_error = error
        return False


class ReaderPool:
    """Lends the readers of a process: a partition's next step may run in another thread.

    All pools of one topic share their readers.
    """

    _idle: ClassVar[dict[tuple[TopicAccess, int], PartitionReader]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, access: TopicAccess) -> None:
        self._access = access

    @contextmanager
    def lend(self, partition: int) -> Iterator[PartitionReader]:
        """Lends the partition's reader to one user at a time."""
        with self._lock:
            idle_reader = self._idle.pop((self._access, partition), None)
        reader = idle_reader or PartitionReader(self._access, partition)
        try:
            yield reader
        finally:
            with self._lock:
                surplus = self._idle.pop((self._access, partition), None)
                self._idle[self._access, partition] = reader
            if surplus:
                surplus.close()

    def close(self) -> None:
        """Closes the topic's idle readers; ``lend`` opens new ones."""
        with self._lock:
            keys = [key for key in self._idle if key[0] == self._access]
            readers = [self._idle.pop(key) for key in keys]
        for reader in readers:
            reader.close()


def _to_message(event: KafkaMessage) -> TopicMessage:
    kind, timestamp = event.timestamp()
    key, value = event.key(), event.value()
    return TopicMessage(
        cast(int, event.offset()),
        timestamp if kind else 0,
        key.encode() if isinstance(key, str) else key,
        value.encode() if isinstance(value, str) else value,
    )
