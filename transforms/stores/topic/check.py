"""Checks before a run that a store's topic exists and may be read."""

import time
from typing import NoReturn

from confluent_kafka import OFFSET_END, KafkaError, KafkaException

from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.topic.client import (
    ANSWER_TIMEOUT,
    TopicAccess,
    TopicClient,
    describe_error,
    is_denial,
)

_TOPIC_ERRORS = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_EXCEPTION,
)
_GROUP_ERRORS = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.INVALID_GROUP_ID)


def check_topic(access: TopicAccess) -> None:
    """Checks the brokers, the account, and the rights to read the topic and in the group.

    Raises:
        ConfigurationError: naming the setting, what is wrong and what to do.
        AwayError: when no broker answers.
    """
    client = TopicClient(access)
    try:
        _await_brokers(client)
        numbers = client.partitions()
        client.begin_reading(numbers[0])
        _try_to_read(client, numbers[0])
    except KafkaException as error:
        _raise_explained(access, error.args[0])
    finally:
        client.close()


def _await_brokers(client: TopicClient) -> None:
    """Waits until a broker answers; the client learns why none does only while it polls."""
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while True:
        try:
            client.consumer.list_topics(client.access.topic, timeout=0.5)
        except KafkaException as error:
            client.poll_errors()
            cause = client.last_error or error.args[0]
            if is_denial(cause) or time.monotonic() > deadline:
                raise KafkaException(cause) from None
        else:
            return


def _try_to_read(client: TopicClient, number: int) -> None:
    # A user that may describe a topic may still be denied to read it: only reading shows that.
    client.consumer.assign([client.access.partition(number, OFFSET_END)])
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while time.monotonic() < deadline:
        message = client.consumer.poll(1)
        if message is None:
            continue
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return
        raise KafkaException(error)
    raise KafkaException(client.last_error or KafkaError(KafkaError._TIMED_OUT))


def _raise_explained(access: TopicAccess, error: KafkaError) -> NoReturn:
    code = error.code()
    if code in _TOPIC_ERRORS:
        setting = access.names.topic
        problem = (
            f"this user may not read {access.topic}: grant READ on it"
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED
            else f"the brokers have no topic {access.topic}"
        )
    elif code in _GROUP_ERRORS:
        setting = access.names.group
        problem = f"this user may not read in the group {access.group}: grant READ on it"
    elif is_denial(error):
        setting, problem = access.names.config, describe_error(error)
    else:
        raise AwayError(
            f"{access.names.brokers}: no broker of {access.brokers} can be reached:"
            f" {describe_error(error)}"
        ) from None
    raise ConfigurationError(f"{setting}: {problem}") from None
