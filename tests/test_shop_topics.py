"""Topics of a shop's own, by its configuration file: several at once, whatever their messages."""

import json

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from sandbox.store_b_topic import Event
from tests.helpers.installation import party, tin
from tests.helpers.topic_installation import send

ALFA, VEGA = tin(1), tin(2)
FILE = """
[store.shop]
title = "Магазин"
[store.shop.changes]
kind = "kafka"
brokers = "{brokers}"
topic = "{topic}"
record = "after"
deleted = {{ field = "op", is = ["d"] }}
[store.shop.company]
id = "no"
only = {{ field = "kind", is = ["org"] }}
changed_at = "modified"
tin = "vat"
name = "title"
[store.shop.contact]
id = "no"
only = {{ field = "kind", is = ["person"] }}
changed_at = "modified"
company = "firm"
name = "fio"
phones = "tel"
[store.depot]
[store.depot.changes]
kind = "kafka"
brokers_env = "DEPOT_BROKERS"
topic = "{topic}-depot"
[store.depot.company]
id = "id"
tin = "inn"
name = "name"
"""


@pytest.fixture
def shop(place, kafka, topic, tmp_path):
    place.know(party(inn, name) for inn, name in ((ALFA, "АЛЬФА"), (VEGA, "ВЕГА")))
    kafka.create_topic(f"{topic}-depot")
    place.environment.pop("SVOD_STORE_A")
    place.environment["DEPOT_BROKERS"] = kafka.brokers
    path = tmp_path / "svod.toml"
    path.write_text(FILE.format(brokers=kafka.brokers, topic=topic))
    return Shop(place, kafka, topic, path)


class Shop:
    def __init__(self, place, kafka, topic, path):
        self.place, self.kafka, self.topic, self.path = place, kafka, topic, path

    def send(self, number, record, op="u"):
        value = json.dumps({"op": op, "after": {"no": number, **record}}).encode()
        send(self.kafka, self.topic, [Event(number, value)])

    def send_depot(self, number, record):
        value = None if record is None else json.dumps({"id": number, **record}).encode()
        send(self.kafka, f"{self.topic}-depot", [Event(number, value)])

    def delta(self):
        return self.place.delta(f"--config={self.path}")

    def committed(self, group, topic):
        """The number of messages before the group's offsets."""
        partitions = [TopicPartition(topic, number) for number in range(3)]
        request = [ConsumerGroupTopicPartitions(group, partitions)]
        admin = self.kafka.admin()
        [answer] = admin.list_consumer_group_offsets(request).values()
        return sum(max(0, place.offset) for place in answer.result(30).topic_partitions)


FIRM = {"kind": "org", "vat": ALFA, "title": "Альфа", "modified": "2024-03-01T12:00:00"}
PERSON = {
    "kind": "person",
    "firm": "F-1",
    "fio": "Сидоров Иван Петрович",
    "tel": "+7 921 765-43-21",
    "modified": "2024-03-01T12:00:00",
}


def test_two_topics_become_one_base_and_both_are_committed(shop):
    shop.send("P-1", PERSON)
    shop.send("F-1", FIRM)
    shop.send("X-1", {"kind": "dealer"})
    shop.send_depot("1", {"inn": VEGA, "name": "Вега"})
    shop.send_depot("2", {"inn": ALFA, "name": "Альфа"})
    ended = shop.delta()
    assert ended.code == 0, ended
    assert set(shop.place.titles()) == {ALFA, VEGA}
    assert shop.place.people() == {"shop-P-1": "Сидоров"}
    assert shop.place.summary()["read"] == {
        "shop": {"companies": 1, "contacts": 1},
        "depot": {"companies": 2, "contacts": 0},
    }
    assert shop.committed("svod-shop", shop.topic) == 3
    assert shop.committed("svod-depot", f"{shop.topic}-depot") == 2
    shop.place.wrote()
    assert shop.delta().code == 0
    assert shop.place.wrote() == {}


def test_a_deletion_lasts_and_no_replay_brings_the_record_back(shop):
    shop.send("F-1", FIRM)
    shop.send_depot("1", {"inn": VEGA, "name": "Вега"})
    assert shop.delta().code == 0
    shop.send("F-1", {**FIRM, "modified": "2024-03-02T12:00:00"}, op="d")
    shop.send_depot("1", None)
    assert shop.delta().code == 0
    refused = [("depot", "1", "deleted_in_store"), ("shop", "F-1", "deleted_in_store")]
    query = "SELECT source, source_id, reason FROM invalid_companies ORDER BY source"
    assert shop.place.rows(query) == refused
    assert shop.place.svod("replay", f"--config={shop.path}", "--crm_settle=0.1").code == 0
    assert shop.place.rows(query) == refused
    shop.send("F-1", {**FIRM, "modified": "2024-03-03T12:00:00"})
    assert shop.delta().code == 0
    assert shop.place.rows(query) == refused[:1]


def test_broken_messages_of_each_topic_are_kept_and_stop_nothing(shop):
    shop.send("F-1", FIRM)
    send(shop.kafka, f"{shop.topic}-depot", [Event("9", b"{"), Event("8", b'{"inn": "1"}')])
    assert shop.delta().code == 3
    assert set(shop.place.titles()) == {ALFA}
    kept = shop.place.rows("SELECT topic, reason FROM invalid_messages ORDER BY reason")
    assert kept == [(f"{shop.topic}-depot", "no_id"), (f"{shop.topic}-depot", "not_json")]


def test_a_topic_that_is_not_there_is_named_by_its_key(shop):
    text = shop.path.read_text().replace(f"{shop.topic}-depot", "no-such-topic")
    shop.path.write_text(text)
    ended = shop.delta()
    assert ended.code == 2
    assert f"{shop.path}: store.depot.changes.topic: the brokers have no topic" in ended.err
