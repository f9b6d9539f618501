"""Store B's topic read up to its end, from a real broker; offsets committed when all is done."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from confluent_kafka import Producer, TopicPartition

from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, events, upsert
from sandbox.world.world import World
from tests.helpers.topic_installation import described_lag, lag, send
from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
from transforms.core.errors import StoreError
from transforms.core.records import DeadLetter, decode_rows, message_order
from transforms.core.secrets import Secret
from transforms.ledger.database import open_ledger
from transforms.ledger.runs import start_run
from transforms.stores.topic.client import TopicAccess, TopicClient
from transforms.stores.topic.events import event_reader
from transforms.topic.bounded import ReadRanges
from transforms.topic.commit_offsets import CommitOffsets
from transforms.topic.read_topic import ReadTopic

READER = event_reader(built_in_configuration(), SECOND_STORE)


def access_to(kafka, topic):
    return TopicAccess(kafka.brokers, topic, topic)


def person(number, **values):
    moment = "2024-02-11T17:40:12+03:00"
    return {"partner": str(number), "category": "1", "changed_at": moment, **values}


def people(*numbers):
    return [upsert(person(number)) for number in numbers]


def rows_of(batch):
    return [row for part in batch.parts for row in decode_rows(part.rows)]


def contain(partners):
    """They are these, in any order; a difference is reported by their numbers."""
    wanted = Counter(json.dumps(partner, sort_keys=True) for partner in partners)

    def check(found):
        given = Counter(json.dumps(json.loads(row.raw), sort_keys=True) for row in found)
        if given != wanted:
            extra, missing = given - wanted, wanted - given
            raise AssertionError(
                f"{extra.total()} too many, {missing.total()} missing: "
                f"{[json.loads(one)['partner'] for one in [*extra, *missing]][:5]}"
            )

    return check


def read(access, partners, broken=()):
    """Reads the topic to its end, and finds exactly these partners."""
    with beam.Pipeline(runner=FnApiRunner()) as root:
        found = root | ReadTopic(access, READER)
        assert_that(found.batches | beam.FlatMap(rows_of), contain(partners), label="Partners")
        assert_that(found.dead_letters, equal_to(list(broken)), label="Broken")


def test_it_reads_all_partitions_and_commits_nothing(kafka, topic):
    world = World(3, 0.001)
    send(kafka, topic, events(world))
    for _ in range(2):
        read(access_to(kafka, topic), world.b.partners())
        found = lag(kafka, topic)
        assert (len(found), sum(found.values())) == (3, len(world.b))


def test_an_empty_topic_is_read_too(kafka, topic):
    read(access_to(kafka, topic), [])
    assert lag(kafka, topic) == {0: 0, 1: 0, 2: 0}


def test_it_begins_where_the_group_has_come_to(kafka):
    kafka.create_topic("begun", 1)
    access = access_to(kafka, "begun")
    send(kafka, "begun", people(1, 2, 3))
    client = TopicClient(access)
    client.commit({0: 2})
    client.close()
    read(access, [person(3)])


def test_what_the_topic_has_thrown_away_is_no_reason_to_stop(kafka):
    kafka.create_topic("thrown", 1)
    access = access_to(kafka, "thrown")
    send(kafka, "thrown", people(1, 2, 3))
    client = TopicClient(access)
    client.commit({0: 1})
    admin = kafka.admin()
    [deleted] = admin.delete_records([TopicPartition("thrown", 0, 2)]).values()
    deleted.result(30)
    read(access, [person(3)])
    # And a topic that was made anew is shorter than what the group has read of the old one.
    client.commit({0: 50})
    client.close()
    read(access, [person(3)])
    assert lag(kafka, "thrown") == {0: 1}


def test_poison_goes_its_own_way(kafka):
    kafka.create_topic("poison", 1)
    cut = upsert(person(1)).value[:-5]
    values = [b"\xff\xfe", cut, b"[]", b'{"partner": {"category": "1"}}', b'{"op": "upsert"}', b""]
    sent = [*people(7), *(Event("k", value) for value in values), *people(8), Event(None, None)]
    send(kafka, "poison", sent)
    reasons = [
        *("not_utf8", "not_json", "not_an_object", "no_partner_number", "not_an_object"),
        "not_json",
    ]
    read(
        access_to(kafka, "poison"),
        [person(7), person(8)],
        [
            *(
                DeadLetter("poison", 0, offset, *defect)
                for offset, defect in enumerate(zip(reasons, values, strict=True), 1)
            ),
            DeadLetter("poison", 0, 8, "no_partner_number", b""),
        ],
    )


def test_large_messages(kafka, topic):
    large = [person(number, last_name="Я" * 500_000) for number in range(3)]
    send(kafka, topic, map(upsert, large))
    with beam.Pipeline(runner=FnApiRunner()) as root:
        found = root | ReadTopic(access_to(kafka, topic), READER)
        named = beam.Map(lambda row: (row.source_id, len(row.raw) < len(large[0]["last_name"])))
        partners = found.batches | beam.FlatMap(rows_of) | named
        assert_that(partners, equal_to([(f"{number:010}", True) for number in range(3)]))


def test_rows_have_the_place_of_their_event(kafka):
    kafka.create_topic("order", 1)
    send(kafka, "order", people(1, 1))
    with beam.Pipeline(runner=FnApiRunner()) as root:
        found = root | ReadTopic(access_to(kafka, "order"), READER)
        orders = (
            found.batches | beam.FlatMap(rows_of) | beam.Map(lambda row: (row.source_id, row.order))
        )
        number = f"{1:010}"
        assert_that(
            orders, equal_to([(number, message_order(0, 0)), (number, message_order(0, 1))])
        )


def test_a_broker_that_goes_away_for_a_while_is_waited_for(tmp_path):
    with Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("t", 2)
        send(kafka, "t", people(*range(50)))
        access = access_to(kafka, "t")
        # The partitions are found, and then nobody is there.
        client = TopicClient(access)
        ranges = [(number, *client.begin_reading(number)) for number in client.partitions()]
        client.close()
        kafka.kill()
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read_ranges, access, ranges)
            # Whoever starts the broker must outlive it: it ends with its starter.
            kafka.start()
            assert reading.result(60) == 50


def read_ranges(access, ranges):
    with beam.Pipeline(runner=FnApiRunner()) as root:
        records = root | beam.Create(ranges) | ReadRanges(access)
        counted = records | beam.Map(lambda found: len(found.messages)) | beam.CombineGlobally(sum)
        assert_that(counted, equal_to([50]))
    return 50


class _Commit:
    """A run that reads a topic and commits what it has read, when ``done`` is."""

    def __init__(self, kafka, topic, tmp_path, monkeypatch):
        monkeypatch.setenv("SVOD_LEDGER", f"sqlite:///{tmp_path}/svod.db")
        self.ledger = open_ledger(f"sqlite:///{tmp_path}/svod.db")
        self.access = access_to(kafka, topic)

    def __call__(self, done):
        run = start_run(self.ledger, "delta")
        with beam.Pipeline(runner=FnApiRunner()) as root:
            found = root | ReadTopic(self.access, READER)
            ended = found.batches | beam.Map(done) | beam.combiners.Count.Globally()
            commit = CommitOffsets(Secret("SVOD_LEDGER"), run, self.access)
            _ = (found.positions, ended) | commit


@pytest.fixture
def committing(kafka, topic, tmp_path, monkeypatch):
    made = _Commit(kafka, topic, tmp_path, monkeypatch)
    yield made
    made.ledger.close()


def fail(_):
    raise StoreError("the CRM is away")


def test_offsets_are_committed_when_all_is_done_and_not_before(kafka, topic, committing):
    send(kafka, topic, people(*range(100)))
    with pytest.raises(StoreError):
        committing(fail)
    assert sum(lag(kafka, topic).values()) == 100
    committing(len)
    assert lag(kafka, topic) == described_lag(kafka, topic) == {0: 0, 1: 0, 2: 0}
    read(committing.access, [])
    send(kafka, topic, people(7))
    behind = described_lag(kafka, topic)
    assert (len(behind), sum(behind.values())) == (3, 1)
    assert lag(kafka, topic) == behind
    read(committing.access, [person(7)])


def transact(kafka, topic, *numbers, commit=True):
    settings = {"bootstrap.servers": kafka.brokers, "transactional.id": "t", "log_level": 0}
    producer = Producer(settings)
    producer.init_transactions(30)
    producer.begin_transaction()
    for key, value in people(*numbers):
        producer.produce(topic, key=key, value=value, partition=0)
    producer.flush(30)
    _ = producer.commit_transaction(30) if commit else producer.abort_transaction(30)


def test_marks_of_transactions_are_no_messages(kafka, topic, committing):
    transact(kafka, topic, 1)
    transact(kafka, topic, 2, commit=False)
    read(committing.access, [person(1)])
    committing(len)
    assert lag(kafka, topic) == {0: 0, 1: 0, 2: 0}
    transact(kafka, topic, 3)
    read(committing.access, [person(3)])
