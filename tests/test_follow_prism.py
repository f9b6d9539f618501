"""The topic followed by one job on Prism, up to the CRM: killed, it loses and doubles nothing."""

import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from tests.helpers.follower_program import FollowerProgram
from tests.helpers.topic_installation import TopicInstallation

PRISM = Path(sys.prefix) / "engines" / "prism" / "prism"
OPTIONS = ("--runner=PrismRunner", f"--prism_location={PRISM}")


@pytest.fixture
def following(place, kafka, topic, tmp_path):
    """A stream that is not started yet."""
    made = FollowerProgram(TopicInstallation(place, kafka, topic), tmp_path, OPTIONS)
    yield made
    made.kill()


def test_a_killed_program_goes_on_and_sigterm_finishes_what_is_held(kafka, topic, following):
    following.change_store_a()
    following.send(5, waiting=3000)
    following.start()
    following.await_some()
    following.send(5, waiting=20_000)
    following.kill()
    following.send(1)
    following.start()
    following.await_all()
    admin = kafka.admin()
    [grown] = admin.create_partitions([NewPartitions(topic, 5)]).values()
    grown.result(30)
    following.send(5, waiting=300)
    following.await_all()
    following.send(2)
    following.ends_well()
    # What was read is done, and the group stands behind it: the rest is there for the next run.
    assert following.stream.delta().code in (0, 3)
    following.holds_all()
    # Each window is a run, and so is each look at store A.
    assert set(following.place.rows("SELECT DISTINCT command, settled FROM runs")) == {
        ("delta --follow", 1),
        ("delta", 1),
    }


def test_a_killed_broker_is_waited_for(kafka, following):
    following.send(2)
    following.start()
    following.await_some()
    following.send(2, waiting=5000)
    kafka.kill()
    kafka.start()
    following.send(2)
    following.await_all()
    following.ends_well()
    following.holds_all()
