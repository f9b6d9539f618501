"""A bounded run on a real Flink cluster of which a process is killed: exact, or failed and then so.

``scripts/kills`` kills each kind of process in each stage, with each database.
"""

import random
from collections.abc import Iterator

import pytest

from sandbox.servers.mariadb import MariaDB
from tests.helpers.cluster_kills import COMMANDS, READING, VICTIMS, Cluster, Kill, cluster


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, mariadb: MariaDB) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("kills"), mariadb) as started:
        yield started


@pytest.mark.parametrize(("command", "victim"), list(zip(COMMANDS, VICTIMS, strict=True)))
def test_a_run_whose_cluster_loses_a_process_is_never_done_and_wrong(
    running: Cluster, command: str, victim: str
) -> None:
    chance = random.Random(command)
    end = running.cut(Kill(command, "MariaDB", chance.choice(READING), victim), chance)
    assert end.faults == []
    assert end.was_reached
