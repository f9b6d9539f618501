"""Is store B's topic there, and may it be read? Asked before anything is read."""

import time
from typing import NoReturn

from confluent_kafka import OFFSET_END, KafkaError, KafkaException

from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.topic.client import ANSWER, Client, TopicAccess, is_refusal, reason

_TOPIC = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.TOPIC_EXCEPTION,
)
_GROUP = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.INVALID_GROUP_ID)


def check_topic(access: TopicAccess) -> None:
    """Tries the topic: the brokers, the account, the rights to read the topic and in the group.

    Raises:
        ConfigurationError: naming the option, what is wrong and what to do.
        AwayError: no broker answers.
    """
    client = Client(access)
    try:
        _await_brokers(client)
        numbers = client.partitions()
        client.begin(numbers[0])
        _try_to_read(client, numbers[0])
    except KafkaException as error:
        _explain(access, error.args[0])
    finally:
        client.close()


def _await_brokers(client: Client) -> None:
    """Returns when a broker answers; why none does is told to the client only while it polls."""
    deadline = time.monotonic() + ANSWER
    while True:
        try:
            client.consumer.list_topics(client.access.topic, timeout=0.5)
        except KafkaException as error:
            client.hear()
            trouble = client.trouble or error.args[0]
            if is_refusal(trouble) or time.monotonic() > deadline:
                raise KafkaException(trouble) from None
        else:
            return


def _try_to_read(client: Client, number: int) -> None:
    # Who may look at a topic may not yet read it, and only reading tells.
    client.consumer.assign([client.access.partition(number, OFFSET_END)])
    deadline = time.monotonic() + ANSWER
    while time.monotonic() < deadline:
        message = client.consumer.poll(1)
        if message is None:
            continue
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return
        raise KafkaException(error)
    raise KafkaException(client.trouble or KafkaError(KafkaError._TIMED_OUT))


def _explain(access: TopicAccess, error: KafkaError) -> NoReturn:
    code = error.code()
    if code in _TOPIC:
        option = "topic"
        problem = (
            f"this user may not read {access.topic}: grant READ on it"
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED
            else f"the brokers have no topic {access.topic}"
        )
    elif code in _GROUP:
        option = "group"
        problem = f"this user may not read in the group {access.group}: grant READ on it"
    elif is_refusal(error):
        option, problem = "kafka_config", reason(error)
    else:
        raise AwayError(
            f"--store_b_kafka: no broker of {access.brokers} can be reached: {reason(error)}"
        ) from None
    raise ConfigurationError(f"--store_b_{option}: {problem}") from None
