"""An installation whose store B is a topic on a real broker."""

from sandbox.kafka import Kafka
from sandbox.store_b_topic import Event, produce
from tests.installation import Ended, Installation


class Stream:
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
        assert produce(self.kafka.brokers, events, self.topic) == len(events)

    def delta(self, *options: str) -> Ended:
        """``svod delta`` with the topic."""
        return self.place.delta(*self.options, *options)

    def lag(self) -> int:
        """As ``kafka-consumer-groups --describe`` shows it, in all partitions."""
        lines = map(str.split, self.kafka.describe_group(self.topic).splitlines())
        return sum(int(line[5]) for line in lines if line and line[0] == self.topic)
