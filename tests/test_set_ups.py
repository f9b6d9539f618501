"""Set-ups that cannot work are refused before anything is read: machines, paths, room on disks."""

import shutil
from contextlib import nullcontext
from typing import NamedTuple

import pytest

from pipeline import checks, disk_room
from pipeline.checks import check_job_server, check_machines
from pipeline.options import Options
from sandbox.store_b import write_store_b
from sandbox.world.world import World
from transforms.configuration.builtin import built_in_configuration
from transforms.core.errors import ConfigurationError
from transforms.read_store_b import json_size
from transforms.stores.sql.check import estimate_rows

SERVER = "postgresql://svod@db/svod"
FILE = "sqlite:////var/lib/svod/svod.db"
POOL = ("--environment_type=EXTERNAL", "--environment_config=localhost:50000")


def complaint(*beam, ledger=SERVER, **values):
    """The text of the refusal; empty when the set-up is good."""
    try:
        check_machines(Options(ledger=ledger, beam=list(beam), **values))
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "beam",
    [
        ("--runner=FlinkRunner", "--flink_master=flink:8081"),
        ("--runner=SparkRunner",),
        ("--runner=DataflowRunner",),
        ("--runner=PortableRunner", "--job_endpoint=flink:8099"),
        ("--runner=PortableRunner", "--job_endpoint=localhost:8099"),
        ("--runner=PortableRunner", "--job_endpoint=flink:8099", *POOL),
        (
            "--runner=PortableRunner",
            "--job_endpoint=localhost:8099",
            POOL[0],
            "--environment_config=w:1",
        ),
        ("--runner=PrismRunner", "--environment_type=DOCKER"),
    ],
)
def test_an_engine_on_other_machines_gets_no_file_of_this_one(beam):
    name = beam[0].removeprefix("--runner=")
    others = f"the workers of {name} are on other machines"
    assert complaint(*beam, ledger=FILE).startswith(
        f"--ledger: /var/lib/svod/svod.db is a file of this machine, and {others}:"
        " use a ledger on MySQL or PostgreSQL;"
    )
    assert complaint(*beam, store_b_files=("gs://b/*.gz", "export/*.json")).startswith(
        f"--store_b_files: export/*.json is a path of this machine, and {others}: put the file"
    )
    assert complaint(*beam, store_b_files=("file:///export/b.json",))
    assert complaint(*beam, store_b_kafka_config="/etc/kafka").startswith(
        f"--store_b_kafka_config: /etc/kafka is a path of this machine, and {others}"
    )
    assert complaint(*beam, store_b_files=("gs://b/*.gz",)) == ""


@pytest.mark.parametrize(
    "beam",
    [
        (),
        ("--runner=PrismRunner",),
        ("--runner=DirectRunner",),
        ("--runner=BundleBasedDirectRunner",),
        ("--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",),
        ("--runner=PortableRunner", "--job_endpoint=flink:8099", "--environment_type=LOOPBACK"),
        ("--runner=FlinkRunner", "--flink_master=flink:8081", "--environment_type=LOOPBACK"),
        # Beam starts a Flink of its own in this process.
        ("--runner=FlinkRunner",),
        # Engine and workers have addresses of this machine.
        ("--runner=PortableRunner", "--job_endpoint=localhost:8099", *POOL),
        ("--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099", "--environment_type=PROCESS"),
    ],
)
def test_an_engine_whose_workers_are_here_may_have_files(beam):
    paths = {"store_b_files": ("export/*.json",), "store_b_kafka_config": "kafka.properties"}
    assert complaint(*beam, ledger=FILE, **paths) == ""


@pytest.mark.parametrize(
    ("beam", "words"),
    [
        (("--runner=PortableRunner", "--job_endpoint=localhost:8099", *POOL), ""),
        (("--runner=PortableRunner", "--job_endpoint=127.0.0.1:8099", *POOL), ""),
        (("--runner=PortableRunner", "--job_endpoint=[::1]:8099"), ""),
        (("--runner=FlinkRunner", "--flink_master=http://localhost:8081"), ""),
        (
            ("--runner=PortableRunner", "--job_endpoint=flink:8099", *POOL),
            "--one_machine: flink:8099 is not an address of this machine",
        ),
        (
            ("--runner=FlinkRunner", "--flink_master=10.0.0.1:8081"),
            "--one_machine: 10.0.0.1:8081 is not an address of this machine",
        ),
        (
            ("--runner=PortableRunner", "--job_endpoint=localhost:1", POOL[0]),
            "",
        ),
        (
            ("--runner=DataflowRunner",),
            "--one_machine: where DataflowRunner runs is not known",
        ),
    ],
)
def test_an_engine_on_this_machine_is_taken_at_its_word_where_it_is_here(beam, words):
    text = complaint(*beam, ledger=FILE, store_b_files=("b.json",), one_machine=True)
    assert text.startswith(words)
    assert bool(text) == bool(words)


def test_paths_that_every_machine_has_may_be_named_but_never_a_ledgers_file():
    beam = ("--runner=PortableRunner", "--job_endpoint=flink:8099")
    paths = {"store_b_files": ("/mnt/b.json",), "store_b_kafka_config": "/run/secrets/kafka"}
    assert complaint(*beam, shared_paths=True, **paths) == ""
    assert complaint(*beam, shared_paths=True, ledger=FILE, **paths).startswith("--ledger: ")


@pytest.mark.parametrize(
    "engine",
    [("--runner=FlinkRunner", "--flink_master=flink:8081"), ("--runner=DataflowRunner",)],
)
@pytest.mark.parametrize(
    "command", [("full",), ("delta",), ("plan",), ("replay",), ("delta", "--follow")]
)
def test_a_command_refuses_before_it_reads(place, command, engine):
    ended = place.svod(*command, *engine)
    assert ended.code == 2
    assert ended.err.startswith(f"svod: --ledger: {place.folder}/svod.db is a file of this machine")
    assert not (place.folder / "svod.db").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--flink_job_server_jar=/x/beam-runners-flink-1.19-job-server-2.70.0.jar"], ""),
        (["--flink_job_server_jar=/x/beam-runners-flink-2.2-job-server-2.77.0.jar"], ""),
        (["--flink_job_server_jar=/x/mine.jar"], ""),
        (
            ["--flink_job_server_jar=/x/beam-runners-flink-2.2-job-server-2.78.0.jar"],
            "--flink_job_server_jar: it is of Beam 2.78.0, and this program uses Beam 2.77.0: take",
        ),
        (
            ["--flink_job_server_jar=/x/beam-runners-flink-1.8-job-server-2.20.0.jar"],
            "--flink_job_server_jar: it is of Beam 2.20.0, and this program uses Beam 2.77.0: take",
        ),
        (
            ["--flink_job_server_jar=/x/mine.jar", "--job_endpoint=flink:8099"],
            "--flink_job_server_jar: the job server at flink:8099 (--job_endpoint) runs already",
        ),
    ],
)
def test_a_job_server_of_another_version_is_refused(options, words):
    text = ""
    try:
        check_job_server(Options(beam=["--runner=FlinkRunner", *options]))
    except ConfigurationError as error:
        text = str(error)
    assert text.startswith(words)
    assert bool(text) == bool(words)


def test_dataflow_without_googles_libraries_is_refused(monkeypatch):
    for is_installed in (True, False):
        monkeypatch.setattr(checks, "_is_installed", lambda module, there=is_installed: there)
        refuses = nullcontext() if is_installed else pytest.raises(ConfigurationError)
        with refuses as error:
            checks.check_libraries(Options(beam=["--runner=DataflowRunner"]))
    assert str(error.value).startswith("--runner: Dataflow needs Google's libraries: pip install")
    checks.check_libraries(Options())


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` returns."""

    total: int
    used: int
    free: int


@pytest.fixture
def disk(monkeypatch):
    """A disk of which the test says how much is free."""
    free = [0]
    usage = shutil.disk_usage
    monkeypatch.setattr(
        disk_room.shutil, "disk_usage", lambda folder: Usage(*usage(folder)[:2], free[0])
    )
    return free


def test_a_disk_without_room_is_refused_and_one_with_room_is_not(place, disk):
    place.fill(World(3, 0.001), files=1)
    place.sql("ANALYZE TABLE companies, contacts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVOD_STORE_A", place.environment["SVOD_STORE_A"])
        rows = estimate_rows("A", built_in_configuration().store["A"])
    rows += json_size([f"{place.files}/*"]) // 500
    needed = disk_room.ledger_size(rows)
    disk[0] = needed - 1
    ended = place.full()
    assert ended.code == 2
    assert ended.err.startswith(
        f"svod: --ledger: the disk of {place.folder} has {disk[0] // 2**20} MB free, and the ledger"
        f" will need some {needed // 2**20} MB for what the stores hold: make room there, or"
    )
    assert not (place.folder / "svod.db").exists()
    assert place.portal.stats.writes == 0
    disk[0] = needed
    assert place.full().code == 0
    # The estimate is of the right size, and counts what the ledger holds already.
    parts = [place.folder / name for name in ("svod.db", "svod.db-wal")]
    size = sum(part.stat().st_size for part in parts if part.exists())
    assert needed / 4 < size < needed * 4
    disk[0] = max(needed - size, 0)
    assert place.full().code == 0


def test_the_size_of_a_packed_export_is_estimated(tmp_path):
    for name, packed in (("plain", False), ("packed", True)):
        (tmp_path / name).mkdir()
        write_store_b(World(3, 0.002), tmp_path / name, 1, "utf-8", packed)
    plain, packed = (json_size([f"{tmp_path / name}/*"]) for name in ("plain", "packed"))
    assert plain / 2 < packed < plain * 2


def test_a_ledger_on_a_server_has_a_disk_of_its_own(disk):
    disk_room.check_room(Options(ledger=SERVER, store_b_files=("/nowhere/*.json",)))
