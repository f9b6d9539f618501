"""The sandbox's broker is a real one and keeps its data when it is killed."""

import json
import os
import time

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from sandbox.servers.kafka import Kafka
from sandbox.servers.kafka_security import grant
from sandbox.store_b_topic import (
    Event,
    delete,
    events,
    produce,
    produce_in_transaction,
    tombstone,
    upsert,
)
from sandbox.world.world import World


def client(brokers, group, settings):
    return Consumer({"bootstrap.servers": brokers, "group.id": group, "log_level": 0, **settings})


def consume(brokers, topic, count, partitions=3, **settings):
    """Reads ``(partition, offset, key, value)``; the client's group has the topic's name."""
    consumer = client(brokers, topic, settings)
    try:
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        deadline, messages = time.monotonic() + 30, []
        while len(messages) < count and time.monotonic() < deadline:
            messages += consumer.consume(count - len(messages), timeout=1)
        assert [message.error().str() for message in messages if message.error()] == []
        return sorted(
            (message.partition(), message.offset(), message.key(), message.value())
            for message in messages
        )
    finally:
        consumer.close()


def test_events_of_a_world_are_the_same_every_time(kafka, topic):
    world = World(3, 0.0005)
    sent = list(events(world))
    assert sent == list(events(World(3, 0.0005)))
    assert produce(kafka.brokers, sent, topic) == len(world.b) == len(sent)
    messages = consume(kafka.brokers, topic, len(sent))
    assert {partition for partition, *_ in messages} == {0, 1, 2}
    assert {(key.decode(), value) for *_, key, value in messages} == set(sent)


def test_what_is_withheld_comes_all_at_once(kafka, topic):
    early = client(kafka.brokers, "early", {})
    early.assign([TopicPartition(topic, number, 0) for number in range(3)])
    produce(kafka.brokers, [Event("before", b"0")], topic)
    assert [message.value() for message in early.consume(1, timeout=30)] == [b"0"]
    with produce_in_transaction(
        kafka.brokers, [Event("a", b"1"), Event("b", b"2")], topic
    ) as count:
        assert count == 2
        assert early.consume(1, timeout=1) == []
    assert {message.value() for message in early.consume(2, timeout=30)} == {b"1", b"2"}
    early.close()


def test_what_events_say():
    partner = {"partner": "0001000123", "category": "2", "name1": "ООО Ромашка"}
    key, value = upsert(partner, "2024-05-01T12:00:00+03:00")
    envelope = json.loads(value)
    assert key == "0001000123"
    assert len(envelope.pop("event_id")) == 36
    assert envelope == {"op": "upsert", "sent_at": "2024-05-01T12:00:00+03:00", "partner": partner}
    assert json.loads(delete("0001000123", "2").value)["partner"] == {
        "partner": "0001000123",
        "category": "2",
    }
    assert tombstone("0001000123") == Event("0001000123", None)


def test_a_killed_broker_has_all_of_it_back(tmp_path):
    with Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("t", 1)
        produce(kafka.brokers, [Event("a", b"1"), Event("b", None)], "t")
        first = kafka.pid
        kafka.kill()
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        kafka.start()
        produce(kafka.brokers, [Event(None, b"3")], "t")
        assert consume(kafka.brokers, "t", 3, 1) == [
            (0, 0, b"a", b"1"),
            (0, 1, b"b", None),
            (0, 2, None, b"3"),
        ]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_the_secured_listener_wants_a_password_and_rights(kafka, topic, mechanism):
    produce(kafka.brokers, [Event("a", b"1")], topic)
    lines = kafka.secured.properties(mechanism).splitlines()[1:]
    settings = dict(line.split("=", 1) for line in lines)
    brokers = kafka.secured.brokers
    with pytest.raises(AssertionError, match="authorization failed"):
        consume(brokers, topic, 1, **settings)
    admin = kafka.admin()
    grant(admin, topic, topic)
    assert [value for *_, value in consume(brokers, topic, 1, **settings)] == [b"1"]
    wrong = client(brokers, topic, {**settings, "sasl.password": "x"})
    with pytest.raises(KafkaException):
        wrong.list_topics(timeout=1)
    wrong.close()
