"""Bounded runs on a Flink cluster of which a process is killed, and the judgement of their end.

``python -m tests.helpers.cluster_kills`` (``scripts/kills``) kills each kind of process in each
stage of each command, and prints a table.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from sandbox.servers.flink import Flink
from sandbox.servers.mariadb import MariaDB
from sandbox.servers.postgresql import PostgreSQL
from sandbox.world.world import World
from tests.helpers.expected_crm import differences
from tests.helpers.installation import PACE, Installation, installation
from tests.helpers.ledgers import driver_url
from transforms.ledger.database import open_ledger
from transforms.ledger.progress import stages

WORLD: Final = World(7, 0.0005)
COMMANDS: Final = ("full", "delta", "plan")
READING: Final = ("submitted", "read", "remember", "register", "companies", "contacts")
STAGES: Final = {
    "full": (*READING, "load companies", "load contacts"),
    "delta": (*READING, "load companies", "load contacts"),
    "plan": READING,
}
VICTIMS: Final = ("worker pool", "TaskManager", "JobManager")
LEDGERS: Final = ("MariaDB", "PostgreSQL")

_SECRETS: Final = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN", "SVOD_LEDGER")
_PATIENCE: Final = 600.0
_POLL: Final = 0.05


class Kill(NamedTuple):
    """What is killed while a command is in a stage of the run's progress."""

    command: str
    ledger: str
    stage: str
    victim: str


class End(NamedTuple):
    """How a run ended that was cut, and whether all is exact in the end.

    ``code`` is its exit code, ``was_reached`` whether the process was killed before the end, and
    ``faults`` what must not be: it is empty when the run was exact, or failed in plain words and
    the next one was exact.
    """

    code: int
    seconds: float
    was_reached: bool
    message: str
    faults: list[str]


class Cluster:
    """A Flink cluster of two TaskManagers with worker pools; each run has stores of its own."""

    def __init__(
        self, folder: Path, mariadb: MariaDB, postgresql: PostgreSQL | None = None
    ) -> None:
        self._folder, self._mariadb = folder, mariadb
        self._ledgers = dict(zip(LEDGERS, (mariadb, postgresql), strict=True))
        secrets = {f"{name}_FILE": str(folder / name) for name in _SECRETS}
        (folder / "flink").mkdir()
        self.flink = Flink(folder / "flink", secrets, task_managers=2, heartbeat_timeout=30)

    def cut(self, kill: Kill, chance: random.Random) -> End:
        """Runs the command on new stores, kills, waits for the end and judges it."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        with installation(folder, self._mariadb) as place:
            self._prepare(place, kill)
            plan = folder / "plan.jsonl"
            started_at = time.monotonic()
            with _terminated(place.start(*self._arguments(place, kill.command, plan))) as process:
                was_reached = self._kill(place, kill, process, chance)
                _, err = process.communicate(timeout=_PATIENCE)
            self.flink.cancel()
            seconds = time.monotonic() - started_at
            lines = [line for line in err.splitlines() if line.startswith("svod: ")]
            faults = list(_judge(place, kill.command, process.returncode, lines, plan))
            return End(process.returncode, seconds, was_reached, "\n".join(lines), faults)

    def _prepare(self, place: Installation, kill: Kill) -> None:
        place.fill(WORLD)
        server = self._ledgers[kill.ledger]
        assert server is not None, f"{kill.ledger} is not running"
        place.ledger = driver_url(server.create_database(f"kills_{uuid4().hex}"))
        place.environment["SVOD_LEDGER"] = place.ledger
        for name in _SECRETS:
            (self._folder / name).write_text(place.environment[name])
        open_ledger(place.ledger).close()
        if kill.command == "delta":
            ended = place.full(sources=["store_b"])
            assert ended.code in (0, 3), ended

    def _arguments(self, place: Installation, command: str, plan: Path) -> list[str]:
        # A delta reads all of store A after a full load of store B alone.
        files = [f"--store_b_files={place.files}/*.json*"]
        arguments = {
            "full": ["full", *files, f"--report={place.report}"],
            "delta": ["delta", f"--report={place.report}"],
            "plan": ["plan", "--mode=full", *files, f"--plan={plan}"],
        }
        return [*arguments[command], *PACE, *self.flink.options]

    def _kill(
        self,
        place: Installation,
        kill: Kill,
        process: subprocess.Popen[str],
        chance: random.Random,
    ) -> bool:
        """Kills in the stage, and starts anew what was killed; returns whether it came to that."""
        jobs = len(self.flink.ask("jobs")["jobs"])
        engine = sa.create_engine(place.ledger)
        try:
            while not self._has_begun(engine, kill, jobs):
                if process.poll() is not None:
                    return False
                time.sleep(_POLL)
        finally:
            engine.dispose()
        name = chance.choice(self._processes(kill.victim))
        self.flink.kill(name)
        self.flink.start_again(name)
        return True

    def _has_begun(self, engine: sa.Engine, kill: Kill, jobs: int) -> bool:
        if kill.stage == "submitted":
            return len(self.flink.ask("jobs")["jobs"]) > jobs
        query = sa.text(
            "SELECT count(*) FROM progress JOIN runs ON runs.run_id = progress.run_id"
            " WHERE runs.status = 'running' AND stage = :stage"
        )
        try:
            with engine.connect() as connection:
                return bool(connection.execute(query, {"stage": kill.stage}).scalar())
        except SQLAlchemyError:
            return False

    def _processes(self, victim: str) -> Sequence[str]:
        return {
            "worker pool": self.flink.pools,
            "TaskManager": self.flink.task_managers,
            "JobManager": ["job-manager"],
        }[victim]


@contextmanager
def cluster(
    folder: Path, mariadb: MariaDB, postgresql: PostgreSQL | None = None
) -> Iterator[Cluster]:
    """Yields a cluster that runs; the servers hold the ledgers, and MariaDB also store A."""
    started = Cluster(folder, mariadb, postgresql)
    with started.flink:
        yield started


@contextmanager
def _terminated(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _judge(
    place: Installation, command: str, code: int, lines: Sequence[str], plan: Path
) -> Iterator[str]:
    """Yields what must not be of a run that ended, and of what the next one makes of it."""
    if code in (0, 3):
        if command == "plan":
            yield from _failures("apply", place.svod("apply", str(plan), *PACE).code)
    elif code == 1:
        yield from _unplain(lines)
        next_run = place.delta() if command == "delta" else place.full()
        yield from _failures("the next run", next_run.code)
    else:
        yield f"the exit code is {code}"
    yield from differences(WORLD, place.ledger, place.portal)
    yield from _miscounts(place)


def _miscounts(place: Installation) -> Iterator[str]:
    """Yields the stages that a run which is done has not counted exactly."""
    with closing(open_ledger(place.ledger)) as ledger, ledger.read() as connection:
        for run_id, status in place.rows("SELECT run_id, status FROM runs ORDER BY run_seq"):
            for stage in stages(connection, run_id):
                total = stage.total or 0
                is_exact = stage.done == total or stage.total is None
                if not is_exact and (status != "failed" or stage.done > total):
                    yield f"{stage.done} of {stage.total} in the stage {stage.stage}"


def _failures(name: str, code: int) -> Iterator[str]:
    if code not in (0, 3):
        yield f"{name} ends with {code}"


def _unplain(lines: Sequence[str]) -> Iterator[str]:
    text = "\n".join(lines)
    if "svod: " not in text or "defect" in text:
        yield f"not plain: {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills as the options say, prints a row of the table for each; returns 1 after a fault."""
    parser = argparse.ArgumentParser(prog="scripts/kills", description=__doc__)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--ledgers", nargs="+", choices=LEDGERS, default=LEDGERS)
    parser.add_argument("--stages", nargs="+", choices=STAGES["full"], default=STAGES["full"])
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=VICTIMS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=240, help="no kill begins after these")
    chosen = parser.parse_args(arguments)
    kills = [
        Kill(*case)
        for case in product(chosen.commands, chosen.ledgers, chosen.stages, chosen.victims)
        if case[2] in STAGES[case[0]]
    ]
    chance = random.Random(chosen.seed)
    # Whatever the time allows is spread over all of them.
    chance.shuffle(kills)
    deadline = time.monotonic() + chosen.minutes * 60
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="svod-kills-")))
        mariadb = stack.enter_context(MariaDB(folder / "mariadb"))
        uses_postgresql = "PostgreSQL" in chosen.ledgers
        postgresql = stack.enter_context(PostgreSQL()) if uses_postgresql else None
        running = stack.enter_context(cluster(folder, mariadb, postgresql))
        return _print_table(running, kills, chance, deadline)


def _print_table(
    running: Cluster, kills: Sequence[Kill], chance: random.Random, deadline: float
) -> int:
    faults = 0
    print("| command | ledger | stage | killed | exit | seconds | then | message |")
    print("| --- | --- | --- | --- | ---: | ---: | --- | --- |", flush=True)
    for kill in kills:
        if time.monotonic() > deadline:
            break
        end = running.cut(kill, chance)
        faults += bool(end.faults)
        result = "; ".join(end.faults[:3]) or ("exact" if end.code != 1 else "next run exact")
        reached = kill.victim if end.was_reached else f"{kill.victim}: ended before"
        cells = (*kill[:3], reached, end.code, round(end.seconds), result, end.message[:200])
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
