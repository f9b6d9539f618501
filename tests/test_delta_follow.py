"""``svod delta --follow``: it follows the stores, lives through their outages, and ends well."""

import signal
import threading
import time
import urllib.request
from contextlib import closing, contextmanager

import pytest

from sandbox import store_a
from sandbox.servers.kafka import Kafka
from sandbox.servers.mariadb import MariaDB
from sandbox.servers.services import free_port
from sandbox.store_b_topic import upsert
from tests.helpers.installation import PACE, organisation, party, person, tin
from tests.helpers.topic_installation import TopicInstallation

PATIENCE = 90
LATER = "2024-05-01 12:00:00"
TINS = [tin(number) for number in range(1, 41)]


@pytest.fixture
def ready(place):
    """The register knows all that will come."""
    place.know(party(inn, f"ФИРМА {number}") for number, inn in enumerate(TINS))
    return place


@pytest.fixture
def stream(ready, kafka, topic):
    return TopicInstallation(ready, kafka, topic)


@contextmanager
def following(place, *options):
    """``svod delta --follow`` as a process, with the lines that it has printed so far."""
    process = place.start("delta", "--follow", "--poll=0.2", *PACE, *options)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr))
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait(PATIENCE)
        reader.join(PATIENCE)
        process.stdout.close()
        process.stderr.close()


def until(truth, process):
    deadline = time.monotonic() + PATIENCE
    while not truth():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ends_well(process, lines):
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    # The reader ends with the pipe, which no other process holds.
    deadline = time.monotonic() + PATIENCE
    while lines[-1:] != ["Stopped; all that was read is done.\n"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def send(stream, numbers):
    """Firms with a person each, the person first."""
    for number in numbers:
        firm = f"{number:010}"
        stream.send(upsert(person(f"9{number:09}", firm)))
        stream.send(upsert(organisation(firm, TINS[number])))


def holds(place, numbers):
    """Each firm and person is there, and once."""
    assert set(place.titles()) == {TINS[number] for number in numbers}
    assert set(place.people()) == {f"B-9{number:09}" for number in numbers}
    duplicates = place.portal.state.duplicates
    assert duplicates("companies") == duplicates("contacts") == {}


def test_changes_of_store_a_come_one_after_the_other(ready):
    with following(ready, f"--report={ready.report}") as (process, lines):
        for number, inn in enumerate(TINS[:3], 1):
            ready.company(number, inn, updated_at=LATER)
            until(lambda inn=inn: inn in ready.titles(), process)
        ends_well(process, lines)
    assert ready.summary()["command"] == "delta --follow"
    assert lines[0] == "Follows the stores until SIGTERM or Ctrl-C.\n"
    assert "1 companies created" in lines[1]
    assert set(ready.rows("SELECT command, status, settled FROM runs")) == {
        ("delta --follow", "done", 1)
    }
    assert ready.portal.stats.violations == {}


def test_both_stores_are_followed_and_sigterm_finishes_what_is_held(stream):
    place = stream.place
    with following(place, *stream.options) as (process, _):
        send(stream, range(5))
        place.company(1, TINS[30], updated_at=LATER)
        until(lambda: TINS[30] in place.titles() and len(place.people()) == 5, process)
        hold, go_on = threading.Event(), threading.Event()

        def wait(_):
            hold.set()
            go_on.wait(PATIENCE)

        place.portal.on_request(wait)
        send(stream, range(5, 8))
        assert hold.wait(PATIENCE)
        process.send_signal(signal.SIGTERM)
        place.portal.on_request(None)
        go_on.set()
        assert process.wait(PATIENCE) == 0
    assert set(place.rows("SELECT status, settled FROM runs")) == {("done", 1)}
    assert stream.delta().code == 0
    assert stream.lag() == 0


def test_it_can_be_watched(stream):
    place, port = stream.place, free_port()
    file = place.folder / "svod.prom"
    options = f"--metrics_address=127.0.0.1:{port}", f"--metrics_file={file}"
    with following(place, *stream.options, *options) as (process, lines):
        send(stream, range(2))
        until(lambda: len(place.people()) == 2, process)
        until(lambda: ask(port, "/metrics").count('outcome="created"} 2.0\n') == 2, process)
        assert ask(port, "/health") == "ok\n"
        assert 'svod_lag_events{partition="0"} ' in ask(port, "/metrics")
        ends_well(process, lines)
    assert file.read_text().count('outcome="created"} 2.0\n') == 2


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def test_ended_by_force_again_and_again_in_the_middle_of_a_stream(stream):
    place = stream.place
    for start in range(0, 12, 4):
        with following(place, *stream.options) as (process, _):
            send(stream, range(start, start + 4))
            until(lambda start=start: len(place.titles()) > start, process)
    with following(place, *stream.options) as (process, lines):
        send(stream, range(12, 14))
        until(lambda: len(place.people()) == 14, process)
        ends_well(process, lines)
    holds(place, range(14))
    assert stream.lag() == 0


def test_a_broker_that_dies_and_comes_back(ready, tmp_path):
    with Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("dying")
        stream = TopicInstallation(ready, kafka, "dying")
        with following(ready, *stream.options) as (process, lines):
            send(stream, range(3))
            until(lambda: len(ready.people()) == 3, process)
            kafka.kill()
            until(lambda: any("cannot be read" in line for line in lines), process)
            # Store A goes on.
            ready.company(1, TINS[30], updated_at=LATER)
            until(lambda: TINS[30] in ready.titles(), process)
            kafka.start()
            send(stream, range(3, 6))
            until(lambda: len(ready.people()) == 6, process)
            ends_well(process, lines)
        assert stream.lag() == 0


def test_store_a_away_does_not_keep_store_b_waiting(stream):
    place = stream.place
    with following(place, *stream.options) as (process, lines):
        send(stream, range(2))
        until(lambda: len(place.people()) == 2, process)
        place.sql("RENAME TABLE companies TO elsewhere")
        until(lambda: any("store A refuses" in line for line in lines), process)
        send(stream, range(2, 4))
        until(lambda: len(place.people()) == 4, process)
        place.sql("RENAME TABLE elsewhere TO companies")
        place.company(1, TINS[30], updated_at=LATER)
        until(lambda: TINS[30] in place.titles(), process)
        ends_well(process, lines)
    assert not [line for line in lines if "Traceback" in line or "defect" in line]


def test_a_ledger_that_is_away_for_a_while(ready, tmp_path):
    with MariaDB(tmp_path / "ledger") as server:
        with closing(store_a.connect(server)) as root, root.cursor() as cursor:
            cursor.execute("CREATE DATABASE svod")
            cursor.execute("CREATE USER ledger@'%' IDENTIFIED BY 'secret'")
            cursor.execute("GRANT ALL ON svod.* TO ledger@'%'")
        ready.environment["SVOD_LEDGER"] = server.url("svod", "ledger", "secret")
        with following(ready) as (process, lines):
            ready.company(1, TINS[1], updated_at=LATER)
            until(lambda: TINS[1] in ready.titles(), process)
            server.stop()
            ready.company(2, TINS[2], updated_at=LATER)
            until(lambda: any("the ledger failed" in line for line in lines), process)
            server.start()
            until(lambda: TINS[2] in ready.titles(), process)
            ends_well(process, lines)
        assert not [line for line in lines if "Traceback" in line or "secret" in line]
    assert ready.portal.state.duplicates("companies") == {}


def test_a_broker_that_is_away_at_the_start(ready, tmp_path):
    with Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("late")
        stream = TopicInstallation(ready, kafka, "late")
        kafka.kill()
        with following(ready, *stream.options) as (process, lines):
            until(lambda: lines, process)
            kafka.start()
            send(stream, range(2))
            until(lambda: len(ready.people()) == 2, process)
            ends_well(process, lines)
        following_at = lines.index("Follows the stores until SIGTERM or Ctrl-C.\n")
        for line in lines[:following_at]:
            assert line.startswith("svod: --store_b_kafka: no broker of ")
            assert "; tried again in " in line


def test_store_a_away_at_the_start_and_sigterm(ready):
    ready.environment["SVOD_STORE_A"] = f"mysql://svod:s3cret@127.0.0.1:{free_port()}/shop"
    with following(ready) as (process, lines):
        until(lambda: len(lines) > 1, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert lines[0].startswith("svod: --store_a: 127.0.0.1:")
    assert lines[0].endswith("; tried again in 1 s\n")
    assert lines[1].endswith("; tried again in 2 s\n")
    assert lines[-1] == "Stopped before it began.\n"
    assert not any("s3cret" in line for line in lines)


def test_a_crm_that_is_away_at_the_start_is_told_at_once(ready):
    """Well before the two minutes that a load would wait for it."""
    ready.environment["SVOD_CRM"] = "http://127.0.0.1:9/rest/1/c0de/"
    with following(ready) as (process, lines):
        until(lambda: len(lines) > 1, process)
        ends_well(process, lines)
    assert lines[0].startswith("warning: the CRM does not answer yet (")
    assert lines[1] == "Follows the stores until SIGTERM or Ctrl-C.\n"
