"""On a real Flink cluster: a full load, and a stream while one process after another dies."""

import pytest

from sandbox.servers.flink import Flink
from sandbox.world.world import World
from tests.helpers.expected_crm import differences
from tests.helpers.follower_program import FollowerProgram
from tests.helpers.installation import installation
from tests.helpers.topic_installation import TopicInstallation

SECRETS = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN", "SVOD_LEDGER")


@pytest.fixture(scope="module")
def flink(tmp_path_factory):
    """A cluster whose workers find their secrets in files, which each test writes."""
    folder = tmp_path_factory.mktemp("flink")
    with Flink(folder, {f"{name}_FILE": str(folder / name) for name in SECRETS}) as running:
        yield running


def tell(flink, place):
    """The workers work for this installation."""
    for name in SECRETS:
        (flink.folder / name).write_text(place.environment[name])


def test_a_full_load_has_the_same_result(flink, mariadb, tmp_path):
    world = World(7, 0.002)
    with installation(tmp_path, mariadb) as place:
        place.fill(world)
        tell(flink, place)
        ended = place.full(*flink.options)
        assert ended.code == 0, ended
        assert differences(world, place.ledger, place.portal) == []
        # What is there is the ledger's word as well: another runner finds nothing to do.
        written = place.portal.stats.writes
        assert place.full().code == 0
        assert place.portal.stats.writes == written


def test_a_stream_survives_all_of_them(flink, kafka, topic, place, tmp_path):
    tell(flink, place)
    following = FollowerProgram(TopicInstallation(place, kafka, topic), tmp_path, flink.options)
    try:
        following.send(2, waiting=1000)
        following.start()
        following.await_some()
        following.send(2, waiting=10_000)
        flink.kill("task-manager-1")
        flink.start_again("task-manager-1")
        following.await_all()
        following.send(2, waiting=10_000)
        flink.kill("workers-1")
        flink.start_again("workers-1")
        following.await_all()
        # The job goes on without the program; the next one's takes its place.
        following.kill()
        following.send(2, waiting=1000)
        following.start()
        following.await_all()
        following.ends_well()
        following.holds_all()
    finally:
        following.kill()
        flink.cancel()
