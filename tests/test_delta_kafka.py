"""``svod delta`` with store B's topic on a real broker: read to its end, loaded, then committed."""

import itertools
import signal
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from sandbox.store_b_topic import Event, delete, tombstone, upsert
from tests.helpers.installation import PACE, organisation, party, person, tin
from tests.helpers.topic_installation import TopicInstallation

ALFA, VEGA, NEVA = (tin(number) for number in range(1, 4))
NAMES = {ALFA: "АЛЬФА", VEGA: "ВЕГА", NEVA: "НЕВА"}
FIRM, OTHER, IVAN = "0001000010", "0001000011", "0002000020"
PATIENCE = 60


@pytest.fixture
def stream(place, kafka, topic):
    made = TopicInstallation(place, kafka, topic)
    place.know(party(inn, name) for inn, name in NAMES.items())
    place.environment.pop("SVOD_STORE_A")
    return made


def test_events_are_loaded_and_then_committed(stream):
    stream.send(
        upsert(person(IVAN, FIRM)),
        upsert(organisation(FIRM, ALFA)),
        upsert(organisation(OTHER, ALFA[:-1])),
    )
    assert stream.delta().code == 0
    assert set(stream.place.titles()) == {ALFA}
    assert stream.place.people() == {f"B-{IVAN}": "Сидоров"}
    numbers = stream.place.summary()
    assert numbers["read"]["B"] == {"companies": 2, "contacts": 1}
    assert numbers["companies"]["invalid"] == {"bad_tin_format": 1}
    assert stream.lag() == 0


def test_nothing_new_is_nothing_done(stream):
    stream.send(upsert(organisation(FIRM, ALFA)))
    assert stream.delta().code == 0
    stream.place.wrote()
    ended = stream.delta()
    assert (ended.code, stream.place.wrote()) == (0, {})
    assert stream.place.summary()["read"]["B"] == {"companies": 0, "contacts": 0}


def test_events_that_come_twice_or_late_change_nothing(stream):
    new = upsert(organisation(FIRM, ALFA, phones=["+7 921 765-43-21"], changed_at="2024-03-01"))
    old = upsert(organisation(FIRM, ALFA, phones=["+7 921 765-43-22"], changed_at="2024-02-01"))
    stream.send(new)
    assert stream.delta().code == 0
    stream.place.wrote()
    stream.send(old, new, old)
    assert stream.delta().code == 0
    assert (stream.place.wrote(), stream.lag()) == ({}, 0)


def test_of_equal_times_the_later_offset_counts(stream):
    for phone in ("+7 921 765-43-21", "+7 921 111-43-22", "+7 921 765-43-23"):
        stream.send(upsert(organisation(FIRM, ALFA, phones=[phone])))
        assert stream.delta().code == 0
    [alfa] = stream.place.portal.companies()
    assert [one["value"] for one in alfa["fm"]] == ["+79217654323"]


def test_a_person_waits_for_its_organisation_from_run_to_run(stream):
    stream.send(upsert(person(IVAN, FIRM)))
    assert stream.delta().code == 0
    assert (stream.place.people(), stream.lag()) == ({}, 0)
    stream.send(upsert(organisation(FIRM, ALFA)))
    assert stream.delta().code == 0
    assert stream.place.people() == {f"B-{IVAN}": "Сидоров"}


def test_deletions_of_both_kinds_leave_the_crm_alone(stream):
    stream.send(
        upsert(organisation(FIRM, ALFA)),
        upsert(organisation(OTHER, VEGA)),
        upsert(person(IVAN, FIRM)),
    )
    assert stream.delta().code == 0
    stream.place.wrote()
    stream.send(delete(FIRM, "2", "2024-12-02T00:00:00Z"), tombstone(OTHER))
    assert stream.delta().code == 0
    assert stream.place.wrote() == {}
    assert dict(stream.place.rows("SELECT source_id, reason FROM invalid_companies")) == {
        FIRM: "deleted_in_store",
        OTHER: "deleted_in_store",
    }
    assert stream.place.summary()["left_base"] == 3


def test_a_partner_that_is_made_anew_after_its_deletion_lives(stream):
    old = upsert(organisation(FIRM, ALFA, changed_at="2024-01-01T00:00:00Z"))
    new = upsert(organisation(FIRM, ALFA, changed_at="2024-06-01T00:00:00Z"))
    refused = "SELECT reason FROM invalid_companies"
    for gone in (tombstone(FIRM), delete(FIRM, "2")):
        for event in (old, gone, new):
            stream.send(event)
            assert stream.delta().code == 0
        assert stream.place.rows(refused) == []
        # An old event that comes behind a deletion is older than what was deleted.
        stream.send(gone, old)
        assert stream.delta().code == 0
        assert stream.place.rows(refused) == [("deleted_in_store",)]
        old, new = new, upsert(organisation(FIRM, ALFA, changed_at="2024-07-01T00:00:00Z"))


def test_an_event_from_the_future_does_not_hide_what_comes_later(stream):
    ahead = organisation(FIRM, ALFA, phones=["+7 921 765-43-22"], changed_at="2099-01-01T00:00:00Z")
    stream.send(upsert(ahead))
    assert stream.delta().code == 0
    now = datetime.now(UTC) + timedelta(seconds=1)
    stream.send(
        upsert(organisation(FIRM, ALFA, phones=["+7 921 765-43-23"], changed_at=now.isoformat()))
    )
    assert stream.delta().code == 0
    [alfa] = stream.place.portal.companies()
    assert [one["value"] for one in alfa["fm"]] == ["+79217654323"]


def test_poison_is_kept_and_the_rest_goes_on(stream):
    stream.send(
        Event(FIRM, b"\xff\xfe\x00"),
        Event(FIRM, b"{"),
        Event(None, b'{"op": "upsert", "partner": {}}'),
        upsert(organisation(FIRM, ALFA)),
    )
    ended = stream.delta()
    assert ended.code == 3
    assert set(stream.place.titles()) == {ALFA}
    assert len(stream.place.rows("SELECT * FROM invalid_messages")) == 3
    assert stream.lag() == 0
    assert stream.delta().code == 0


def test_what_the_crm_did_not_take_is_deferred_and_committed(stream, monkeypatch):
    monkeypatch.setattr("transforms.crm.access.WAITS", (0.01, 0.01))
    stream.send(upsert(organisation(FIRM, ALFA)))
    webhook = stream.place.environment["SVOD_CRM"]
    stream.place.environment["SVOD_CRM"] = "http://127.0.0.1:9/rest/1/code/"
    assert stream.delta().code == 3
    assert stream.lag() == 0
    stream.place.environment["SVOD_CRM"] = webhook
    assert stream.delta().code == 0
    assert set(stream.place.titles()) == {ALFA}


def test_a_run_that_fails_commits_nothing(stream):
    stream.send(upsert(organisation(FIRM, ALFA)))
    assert stream.delta().code == 0
    stream.send(upsert(organisation(OTHER, VEGA)), Event(FIRM, b"{"))
    for table in ("golden", "invalid_messages"):
        stream.place.execute(
            f"CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        assert stream.delta().code == 1
        assert stream.lag() == 2
        stream.place.execute("DROP TRIGGER no")
    assert stream.delta().code == 3
    assert (set(stream.place.titles()), stream.lag()) == ({ALFA, VEGA}, 0)


@pytest.mark.parametrize("number", [4, 7, 9])
def test_killed_at_any_request_nothing_is_lost_or_doubled(stream, number):
    """The first three requests ask whether the portal is fit."""
    stream.send(upsert(organisation(FIRM, ALFA)), upsert(person(IVAN, FIRM)))
    process = stream.place.start("delta", *stream.options, *PACE)
    seen = itertools.count(1)

    def strike(call):
        if call.moment == "after" and next(seen) == number:
            process.kill()
            raise ConnectionError

    stream.place.portal.on_request(strike)
    process.communicate(timeout=PATIENCE)
    stream.place.portal.on_request(None)
    assert process.returncode == -signal.SIGKILL
    assert stream.lag() == 2
    assert stream.delta().code == 0
    assert set(stream.place.titles()) == {ALFA}
    assert stream.place.people() == {f"B-{IVAN}": "Сидоров"}
    assert stream.lag() == 0
    duplicates = stream.place.portal.state.duplicates
    assert duplicates("companies") == duplicates("contacts") == {}


def test_a_topic_that_is_not_there(stream):
    ended = stream.place.delta(f"--store_b_kafka={stream.kafka.brokers}", "--store_b_topic=none")
    assert ended.code == 2
    assert ended.err == "svod: --store_b_topic: the brokers have no topic none\n"


def test_big_and_compressed_values_are_events_like_others(stream):
    producer = Producer(
        {
            "bootstrap.servers": stream.kafka.brokers,
            "compression.type": "gzip",
            "message.max.bytes": 10_485_760,
            "log_level": 0,
        }
    )
    big = upsert(organisation(FIRM, ALFA, name2="х" * 500_000))
    producer.produce(stream.topic, key=big.key, value=big.value)
    producer.flush(PATIENCE)
    assert stream.delta().code == 0
    assert set(stream.place.titles()) == {ALFA}
