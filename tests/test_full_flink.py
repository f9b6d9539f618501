"""``svod full`` on a real Flink cluster: the CRM is as any runner would leave it."""

import pytest

from sandbox.flink import Flink
from sandbox.world import World
from tests.expected_crm import differences
from tests.installation import installation

SECRETS = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN", "SVOD_LEDGER")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("flink")


@pytest.fixture(scope="module")
def flink(folder):
    """A cluster whose workers find their secrets in files that a test writes."""
    environment = {f"{name}_FILE": str(folder / name) for name in SECRETS}
    with Flink(folder, environment) as running:
        yield running


def test_a_full_load(flink, folder, mariadb, tmp_path):
    world = World(7, 0.002)
    with installation(tmp_path, mariadb) as place:
        place.fill(world)
        for name in SECRETS:
            (folder / name).write_text(place.environment[name])
        ended = place.full(*flink.options)
        assert ended.code == 0, ended
        assert differences(world, place.ledger, place.portal) == []
        # What is there is the ledger's word as well: another runner finds nothing to do.
        again = place.portal.stats.writes
        assert place.full().code == 0
        assert place.portal.stats.writes == again
