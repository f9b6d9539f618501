"""Store B's topic followed on Prism: what is killed loses nothing and doubles nothing."""

import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from tests.streams import Stream

PRISM = Path(sys.prefix) / "engines" / "prism" / "prism"
OPTIONS = (
    *("--runner=PrismRunner", f"--prism_location={PRISM}", "--streaming"),
    "--environment_type=LOOPBACK",
)


@pytest.fixture
def stream(kafka, topic, tmp_path):
    """A stream that is not started yet."""
    environment = {"SVOD_LEDGER_FILE": str(tmp_path / "ledger")}
    made = Stream(kafka, topic, tmp_path, environment, OPTIONS)
    yield made
    made.kill()


def test_a_killed_program_goes_on_and_new_partitions_are_noticed(kafka, topic, stream):
    stream.send(3000)
    stream.start()
    stream.await_some()
    stream.send(20_000)
    stream.kill()
    stream.send(1)
    stream.start()
    stream.await_all()
    admin = kafka.admin()
    [grown] = admin.create_partitions([NewPartitions(topic, 5)]).values()
    grown.result(30)
    stream.send(300)
    stream.await_all()


def test_a_killed_broker_is_waited_for(kafka, stream):
    stream.send(100)
    stream.start()
    stream.await_some()
    stream.send(5000)
    kafka.kill()
    kafka.start()
    stream.send(100)
    stream.await_all()
