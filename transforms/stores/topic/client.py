"""Clients of store B's topic: librdkafka with the user's settings, its errors in plain words."""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from transforms.core.errors import ConfigurationError, StoreError

T = TypeVar("T")

ANSWER = 20.0
"""For how long a broker may let us wait for an answer, in seconds."""

_TRY = 2.0
_DOUBTS = 5

_log = logging.getLogger(__name__)
_OURS = {
    # When an event is done is for the pipeline to say.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # Of what the topic has thrown away already, the rest.
    "auto.offset.reset": "earliest",
}
# A partition's messages are fetched ahead of us; there are as many clients as partitions. What
# librdkafka logs of trouble, a line for each of its tries, ``error_cb`` is told as well.
_MODEST = {"client.id": "svod", "queued.max.messages.kbytes": 16_384, "log_level": 0}

_NO_ENTRY = {
    KafkaError._AUTHENTICATION: "the brokers do not know this user and password",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the brokers do not know this user and password",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "the brokers do not take this sasl.mechanism",
    KafkaError._SSL: "no secure connection: check security.protocol, ssl.ca.location",
}
_NO_RIGHT = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not read the topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not read in the group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not use the brokers",
}


class TopicAccess(msgspec.Struct, frozen=True):
    """Where the topic is: brokers (``host:port``, comma separated), its name, the group to read in.

    ``config`` is the path of a librdkafka properties file, or nothing. What it holds never travels.
    """

    brokers: str
    topic: str
    group: str
    config: str = ""

    def partition(self, number: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        """A partition of the topic, as librdkafka names it."""
        return TopicPartition(self.topic, number, offset)


def read_properties(path: str) -> dict[str, str]:
    """The settings in a properties file: ``name=value`` lines, ``#`` before a comment.

    Raises:
        ConfigurationError: the file cannot be read, or a line is no setting.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise ConfigurationError(f"--store_b_kafka_config: cannot read {path}: {why}") from None
    settings: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith(("#", "!")):
            continue
        name, mark, value = line.partition("=")
        if not mark or not name.strip():
            # The line itself may be a secret.
            raise ConfigurationError(
                f"--store_b_kafka_config: line {number} of {path} is no name=value"
            )
        settings[name.strip()] = value.strip()
    return settings


class Client:
    """A consumer of the topic, outside of any group's sharing out of partitions.

    Who reads with it has assigned it a partition, and asks for nothing else: an answer that does
    not come is waited for by polling.

    ``trouble`` is the last thing that went wrong on the way to the brokers, until it is cleared:
    librdkafka goes on trying by itself, with growing pauses.
    """

    def __init__(self, access: TopicAccess) -> None:
        self.access = access
        self.trouble: KafkaError | None = None
        given = read_properties(access.config) if access.config else {}
        settings = {
            **_MODEST,
            **given,
            **_OURS,
            "bootstrap.servers": access.brokers,
            "group.id": access.group,
            "error_cb": self._note,
            "logger": _log,
        }
        try:
            self.consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise _bad_setting(error, given) from None

    def _note(self, error: KafkaError) -> None:
        # "All brokers down" follows each cause, and hides it.
        if self.trouble is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.trouble = error

    def partitions(self) -> list[int]:
        """The numbers of the topic's partitions, as of now.

        Raises:
            KafkaException: the brokers do not answer, or refuse; so do the other methods.
        """
        topic = self.consumer.list_topics(self.access.topic, timeout=ANSWER)
        found = topic.topics[self.access.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def begin(self, number: int) -> tuple[int, int]:
        """From where to read a partition, and its end as of now: the offset of the next message.

        That is where the group has come to. Where it has come to nothing that is still there, it
        is the first message there is, and the group is put there: so it has a lag from the start.
        """
        start = self.committed([number])[number]
        first, end = self._bounds(number)
        for _ in range(_DOUBTS if start > end else 0):
            # A broker that has just come up may not know its end yet.
            time.sleep(1)
            first, end = self._bounds(number)
        # Still behind the end: the topic was made anew, and what it holds now was never read.
        if not first <= start <= end:
            start = first
            self.commit({number: start})
        return start, end

    def _bounds(self, number: int) -> tuple[int, int]:
        watermarks, partition = self.consumer.get_watermark_offsets, self.access.partition(number)
        return self._insist(lambda: watermarks(partition, timeout=_TRY))

    def committed(self, numbers: Iterable[int]) -> dict[int, int]:
        """Where the group has come to in these partitions; below 0 where it has not begun."""
        partitions = [self.access.partition(number) for number in numbers]
        found = self._insist(lambda: _sound(self.consumer.committed(partitions, timeout=_TRY)))
        return {partition.partition: partition.offset for partition in found}

    def commit(self, offsets: dict[int, int]) -> None:
        """All before these offsets is done."""
        told = [self.access.partition(number, offset) for number, offset in offsets.items()]
        if told:
            commit = self.consumer.commit
            self._insist(lambda: _sound(commit(offsets=told, asynchronous=False) or []))

    def hear(self) -> None:
        """Take in what librdkafka has to tell of trouble, if anything."""
        message = self.consumer.poll(0.1)
        error = message.error() if message is not None else None
        if error is not None:
            self._note(error)

    def _insist(self, ask: Callable[[], T]) -> T:
        """The answer; asked again for a while as long as the brokers are busy or away."""
        deadline = time.monotonic() + ANSWER
        while True:
            try:
                return ask()
            except KafkaException as error:
                # Some refusals are told beside the call, which only runs out of time.
                self.hear()
                cause = self.trouble if self.trouble and is_refusal(self.trouble) else None
                cause = cause or error.args[0]
                if is_refusal(cause) or time.monotonic() > deadline:
                    raise KafkaException(cause) from None
            time.sleep(0.5)

    def close(self) -> None:
        """Let go of the connections."""
        self.consumer.close()


def _sound(partitions: list[TopicPartition]) -> list[TopicPartition]:
    for partition in partitions:
        if partition.error is not None:
            raise KafkaException(partition.error)
    return partitions


def _bad_setting(error: Exception, given: dict[str, str]) -> ConfigurationError:
    text = str(error)
    # Their text may quote the value, which may be a secret: only names are told.
    named = sorted(name for name in given if f'"{name}"' in text) or sorted(given)
    return ConfigurationError(
        f"--store_b_kafka_config: librdkafka does not take {' or '.join(named)}: it has no such"
        " property, or not with this value"
        if named
        else "--store_b_kafka: librdkafka does not take it"
    )


def reason(error: KafkaError) -> str:
    """What went wrong, in plain words."""
    told = {**_NO_ENTRY, **_NO_RIGHT}.get(error.code())
    return told or str(error.str())


def is_refusal(error: KafkaError) -> bool:
    """Whether the brokers have said no: trying again changes nothing."""
    return error.code() in _NO_ENTRY or error.code() in _NO_RIGHT


def unreachable(access: TopicAccess, error: KafkaError) -> StoreError:
    """What to tell when the topic cannot be read any more."""
    return StoreError(
        f"store B: the topic {access.topic} cannot be read: {reason(error)}; nothing is lost, the"
        " next run goes on from here"
    )
