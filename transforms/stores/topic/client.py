"""The client of a store's topic: librdkafka with the user's settings and its errors explained."""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from transforms.core.errors import ConfigurationError, StoreError

T = TypeVar("T")

ANSWER_TIMEOUT = 20.0
"""Seconds that brokers have to answer a request, all repetitions of it included."""

# Seconds for each repetition.
_CALL_TIMEOUT = 2.0
# How often the end of a partition is asked for when it lies before the group's offset.
_END_CHECKS = 5

_log = logging.getLogger(__name__)
_REQUIRED_SETTINGS = {
    # The pipeline decides when an event is done.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # Where messages have expired, read on from the oldest one that is kept.
    "auto.offset.reset": "earliest",
}
# There is a client for each partition, so each may fetch little in advance. librdkafka logs a line
# for each failed attempt: that is switched off, for ``error_cb`` receives the errors too.
_DEFAULT_SETTINGS = {"client.id": "svod", "queued.max.messages.kbytes": 16_384, "log_level": 0}

_ACCESS_DENIALS = {
    KafkaError._AUTHENTICATION: "the brokers do not know this user and password",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the brokers do not know this user and password",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "the brokers do not take this sasl.mechanism",
    KafkaError._SSL: "no secure connection: check security.protocol, ssl.ca.location",
}
_RIGHT_DENIALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not read the topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not read in the group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not use the brokers",
}


class SettingNames(msgspec.Struct, frozen=True):
    """How messages to people name a topic's settings: by options, or by keys of a file."""

    brokers: str = "brokers"
    topic: str = "topic"
    group: str = "group"
    config: str = "config_file"


class TopicAccess(msgspec.Struct, frozen=True):
    """The brokers (``host:port``, comma separated), the topic's name and the group to read in.

    ``config`` is the path of a librdkafka properties file, or empty. Only the path is sent to
    workers, never the file's content. ``store`` is the key of the store whose changes are read,
    ``title`` what people call it.
    """

    brokers: str
    topic: str
    group: str
    config: str = ""
    store: str = ""
    title: str = ""
    names: SettingNames = SettingNames()

    def partition(self, number: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        """Returns a partition of the topic in librdkafka's form."""
        return TopicPartition(self.topic, number, offset)


def read_properties(path: str, name: str) -> dict[str, str]:
    """Reads a properties file: ``name=value`` lines, and comments that begin with ``#``.

    Messages call the setting that holds the path ``name``.

    Raises:
        ConfigurationError: when the file cannot be read, or a line is not a setting.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"{name}: cannot read {path}: {why}") from None
    settings: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith(("#", "!")):
            continue
        setting, mark, value = line.partition("=")
        if not mark or not setting.strip():
            # The line itself may be a secret.
            raise ConfigurationError(f"{name}: line {number} of {path} is not name=value")
        settings[setting.strip()] = value.strip()
    return settings


class TopicClient:
    """A consumer of the topic that assigns its partitions itself, not by the group's protocol.

    A client that reads messages has one partition assigned and makes no other request: polling
    then covers the waiting for brokers that do not answer.

    ``last_error`` is the last connection error, until a caller clears it: librdkafka repeats its
    attempts by itself, at growing intervals.
    """

    def __init__(self, access: TopicAccess) -> None:
        self.access = access
        self.last_error: KafkaError | None = None
        user_settings = read_properties(access.config, access.names.config) if access.config else {}
        settings = {
            **_DEFAULT_SETTINGS,
            **user_settings,
            **_REQUIRED_SETTINGS,
            "bootstrap.servers": access.brokers,
            "group.id": access.group,
            "error_cb": self._remember_error,
            "logger": _log,
        }
        try:
            self.consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise _setting_error(error, user_settings, access.names) from None

    def _remember_error(self, error: KafkaError) -> None:
        # "All brokers down" follows every error and would hide its cause.
        if self.last_error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last_error = error

    def partitions(self) -> list[int]:
        """Returns the numbers of the topic's partitions as of now.

        Raises:
            KafkaException: when the brokers do not answer, or deny access; the other methods too.
        """
        cluster = self.consumer.list_topics(self.access.topic, timeout=ANSWER_TIMEOUT)
        metadata = cluster.topics[self.access.topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return sorted(metadata.partitions)

    def begin_reading(self, number: int) -> tuple[int, int]:
        """Returns the offset to read a partition from, and the offset behind its last message.

        Reading begins at the group's committed offset. When that is not in the partition (the
        group is new, messages have expired, the topic was made anew), reading begins at the first
        message, and that offset is committed: so the group has a lag from the start.
        """
        start = self.committed([number])[number]
        first, end = self._bounds(number)
        for _ in range(_END_CHECKS if start > end else 0):
            # A broker that has just started may not know the partition's end yet.
            time.sleep(1)
            first, end = self._bounds(number)
        # Still behind the end: the topic was made anew, and its messages were never read.
        if not first <= start <= end:
            start = first
            self.commit({number: start})
        return start, end

    def _bounds(self, number: int) -> tuple[int, int]:
        watermarks, partition = self.consumer.get_watermark_offsets, self.access.partition(number)
        return self._retry(lambda: watermarks(partition, timeout=_CALL_TIMEOUT))

    def committed(self, numbers: Iterable[int]) -> dict[int, int]:
        """Returns the group's committed offset in each partition, below 0 where there is none."""
        partitions = [self.access.partition(number) for number in numbers]
        committed = self.consumer.committed
        answer = self._retry(lambda: _checked(committed(partitions, timeout=_CALL_TIMEOUT)))
        return {partition.partition: partition.offset for partition in answer}

    def commit(self, offsets: dict[int, int]) -> None:
        """Commits the offset of each partition: everything before it is done."""
        partitions = [self.access.partition(number, offset) for number, offset in offsets.items()]
        if partitions:
            commit = self.consumer.commit
            self._retry(lambda: _checked(commit(offsets=partitions, asynchronous=False) or []))

    def poll_errors(self) -> None:
        """Lets librdkafka report an error, if it has any, and keeps it as ``last_error``."""
        message = self.consumer.poll(0.1)
        error = message.error() if message is not None else None
        if error is not None:
            self._remember_error(error)

    def _retry(self, request: Callable[[], T]) -> T:
        """Repeats a request until it is answered or denied, or the time to answer is up."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            try:
                return request()
            except KafkaException as error:
                # Some denials are reported to ``error_cb`` only: the call itself just times out.
                self.poll_errors()
                cause = self.last_error if self.last_error and is_denial(self.last_error) else None
                cause = cause or error.args[0]
                if is_denial(cause) or time.monotonic() > deadline:
                    raise KafkaException(cause) from None
            time.sleep(0.5)

    def close(self) -> None:
        """Closes the connections."""
        self.consumer.close()


def _checked(partitions: list[TopicPartition]) -> list[TopicPartition]:
    for partition in partitions:
        if partition.error is not None:
            raise KafkaException(partition.error)
    return partitions


def _setting_error(
    error: Exception, user_settings: dict[str, str], setting_names: SettingNames
) -> ConfigurationError:
    text = str(error)
    # librdkafka's text may quote the value, which may be a secret: the message only has names.
    names = sorted(name for name in user_settings if f'"{name}"' in text) or sorted(user_settings)
    return ConfigurationError(
        f"{setting_names.config}: librdkafka does not take {' or '.join(names)}: it has no such"
        " property, or not with this value"
        if names
        else f"{setting_names.brokers}: librdkafka does not take it"
    )


def describe_error(error: KafkaError) -> str:
    """Explains an error in plain words."""
    explanation = {**_ACCESS_DENIALS, **_RIGHT_DENIALS}.get(error.code())
    return explanation or str(error.str())


def is_denial(error: KafkaError) -> bool:
    """Whether the brokers deny access, so that another attempt changes nothing."""
    return error.code() in _ACCESS_DENIALS or error.code() in _RIGHT_DENIALS


def topic_error(access: TopicAccess, error: KafkaError) -> StoreError:
    """Returns the error to raise when the topic can no longer be read."""
    return StoreError(
        f"{access.title}: the topic {access.topic} cannot be read: {describe_error(error)};"
        " nothing is lost, the next run goes on from here"
    )
