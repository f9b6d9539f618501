"""An installation whose store B is a topic on a real broker."""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import OffsetSpec

from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, produce
from tests.helpers.installation import Ended, Installation

_PATIENCE = 30.0


class TopicInstallation:
    """``place`` with a topic; its group has the topic's name."""

    def __init__(self, place: Installation, kafka: Kafka, topic: str) -> None:
        self.place, self.kafka, self.topic = place, kafka, topic
        self.options = [
            f"--store_b_kafka={kafka.brokers}",
            f"--store_b_topic={topic}",
            f"--store_b_group={topic}",
        ]

    def send(self, *events: Event) -> None:
        """Put events into the topic."""
        send(self.kafka, self.topic, events)

    def delta(self, *options: str) -> Ended:
        """``svod delta`` with the topic."""
        return self.place.delta(*self.options, *options)

    def lag(self) -> int:
        """Of all partitions."""
        return sum(lag(self.kafka, self.topic).values())


def send(kafka: Kafka, topic: str, events: Iterable[Event]) -> None:
    """Put events into a topic, in order within a partition; all are there when it returns.

    An idempotent producer, as the sandbox has one, waits for half a second before it begins.
    """
    sent = list(events)
    count = produce(
        kafka.brokers,
        sent,
        topic,
        enable_idempotence=False,
        max_in_flight_requests_per_connection=1,
        linger_ms=1,
        message_timeout_ms=1000 * _PATIENCE,
    )
    assert count == len(sent)


def lag(kafka: Kafka, topic: str) -> dict[int, int]:
    """How far the group of the topic's name is behind, by partition; each has an offset of it.

    It is what ``kafka-consumer-groups --describe`` prints, without waiting for a Java program.
    """
    admin = kafka.admin()
    found = admin.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions
    partitions = [TopicPartition(topic, number) for number in found]
    asked = [ConsumerGroupTopicPartitions(topic, partitions)]
    [group] = admin.list_consumer_group_offsets(asked).values()
    ends = admin.list_offsets(dict.fromkeys(partitions, OffsetSpec.latest()))
    behind = {}
    for done in group.result(_PATIENCE).topic_partitions:
        assert done.error is None
        assert done.offset >= 0, f"the group has no offset in partition {done.partition}"
        end = ends[TopicPartition(topic, done.partition)].result(_PATIENCE)
        behind[done.partition] = end.offset - done.offset
    assert len(behind) == len(found)
    return behind


def described_lag(kafka: Kafka, topic: str) -> dict[int, int]:
    """The same as Kafka's own tool prints it."""
    lines = map(str.split, kafka.describe_group(topic).splitlines())
    return {int(line[2]): int(line[5]) for line in lines if line and line[0] == topic}
