"""An installation whose store B is a topic on a real broker."""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import OffsetSpec

from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, produce
from tests.helpers.installation import Ended, Installation

_PATIENCE = 30.0


class TopicInstallation:
    """The installation ``place`` with a topic; the consumer group has the topic's name."""

    def __init__(self, place: Installation, kafka: Kafka, topic: str) -> None:
        self.place, self.kafka, self.topic = place, kafka, topic
        self.options = [
            f"--store_b_kafka={kafka.brokers}",
            f"--store_b_topic={topic}",
            f"--store_b_group={topic}",
        ]

    def send(self, *events: Event) -> None:
        """Sends events to the topic."""
        send(self.kafka, self.topic, events)

    def delta(self, *options: str) -> Ended:
        """Runs ``svod delta`` with the topic."""
        return self.place.delta(*self.options, *options)

    def lag(self) -> int:
        """Returns the lag of all partitions together."""
        return sum(lag(self.kafka, self.topic).values())


def send(kafka: Kafka, topic: str, events: Iterable[Event]) -> None:
    """Sends events to a topic, in order within a partition, and waits for their delivery.

    The sandbox's producer is idempotent, and such a producer needs half a second to start.
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
    """Returns the group's lag by partition; asserts that it has an offset in each.

    ``kafka-consumer-groups --describe`` prints the same, after the start of a Java program.
    """
    admin = kafka.admin()
    numbers = admin.list_topics(topic, timeout=_PATIENCE).topics[topic].partitions
    partitions = [TopicPartition(topic, number) for number in numbers]
    request = [ConsumerGroupTopicPartitions(topic, partitions)]
    [group] = admin.list_consumer_group_offsets(request).values()
    ends = admin.list_offsets(dict.fromkeys(partitions, OffsetSpec.latest()))
    behind = {}
    for partition in group.result(_PATIENCE).topic_partitions:
        assert partition.error is None
        assert partition.offset >= 0, f"the group has no offset in partition {partition.partition}"
        end = ends[TopicPartition(topic, partition.partition)].result(_PATIENCE)
        behind[partition.partition] = end.offset - partition.offset
    assert len(behind) == len(numbers)
    return behind


def described_lag(kafka: Kafka, topic: str) -> dict[int, int]:
    """Returns the group's lag by partition as Kafka's own tool prints it."""
    lines = map(str.split, kafka.describe_group(topic).splitlines())
    return {int(line[2]): int(line[5]) for line in lines if line and line[0] == topic}
