"""Store B's topic as the options name it, and how much of it is still to be done."""

import time

from confluent_kafka import KafkaException

from pipeline.options import Options
from transforms.stores.kafka_client import Client, TopicAccess, unreachable

# A look must not keep anything else waiting.
_ANSWER = 3.0


def topic_access(chosen: Options) -> TopicAccess:
    """How the topic is reached."""
    return TopicAccess(
        chosen.store_b_kafka,
        chosen.store_b_topic,
        chosen.store_b_group,
        chosen.store_b_kafka_config,
    )


class Lag:
    """What the group has not done yet: ``events``, and for how many ``seconds`` there are some.

    Both are of the last ``look``.
    """

    def __init__(self, access: TopicAccess) -> None:
        self._client = Client(access)
        self._since: float | None = None
        self.events: dict[int, int] = {}

    @property
    def seconds(self) -> float:
        """For how long the oldest event that was noticed and is not done waits."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def look(self) -> int:
        """How many events there are to be done, in all partitions.

        Raises:
            StoreError: the brokers do not answer, or refuse.
        """
        try:
            self.events = self._behind()
        except KafkaException as error:
            trouble = self._client.trouble or error.args[0]
            raise unreachable(self._client.access, trouble) from None
        total = sum(self.events.values())
        if not total:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        return total

    def _behind(self) -> dict[int, int]:
        consumer, access = self._client.consumer, self._client.access
        found = consumer.list_topics(access.topic, timeout=_ANSWER).topics[access.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        partitions = [access.partition(number) for number in sorted(found.partitions)]
        behind = {}
        for done in consumer.committed(partitions, timeout=_ANSWER):
            first, end = consumer.get_watermark_offsets(done, timeout=_ANSWER)
            behind[done.partition] = end - (done.offset if first <= done.offset <= end else first)
        self._client.trouble = None
        return behind

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
