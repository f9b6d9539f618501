"""On a real Flink cluster: a full load, and a stream while one process after another dies."""

import pytest

from sandbox.flink import Flink
from sandbox.world import World
from tests.expected_crm import differences
from tests.installation import installation
from tests.streams import Stream

SECRETS = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN", "SVOD_LEDGER")


@pytest.fixture(scope="module")
def flink(tmp_path_factory):
    """A cluster whose workers find their secrets in files, which each test writes."""
    folder = tmp_path_factory.mktemp("flink")
    with Flink(folder, {f"{name}_FILE": str(folder / name) for name in SECRETS}) as running:
        yield running


def test_a_full_load_has_the_same_result(flink, mariadb, tmp_path):
    world = World(7, 0.002)
    with installation(tmp_path, mariadb) as place:
        place.fill(world)
        for name in SECRETS:
            (flink.folder / name).write_text(place.environment[name])
        ended = place.full(*flink.options)
        assert ended.code == 0, ended
        assert differences(world, place.ledger, place.portal) == []
        # What is there is the ledger's word as well: another runner finds nothing to do.
        written = place.portal.stats.writes
        assert place.full().code == 0
        assert place.portal.stats.writes == written


def test_a_stream_survives_all_of_them(flink, kafka, topic, tmp_path):
    stream = Stream(kafka, topic, tmp_path, flink.environment, flink.streaming)
    try:
        stream.send(1000)
        stream.start()
        stream.await_some()
        stream.send(10_000)
        flink.kill("task-manager")
        flink.start_task_manager()
        stream.await_all()
        stream.send(10_000)
        flink.kill("workers")
        flink.start_workers()
        stream.await_all()
        stream.send(10_000)
        kafka.kill()
        kafka.start()
        stream.await_all()
    finally:
        stream.kill()
        flink.cancel()
