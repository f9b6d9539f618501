"""A private Flink session cluster for Beam: JobManager, TaskManagers, worker pools, job server.

Each is a process on free ports of this machine that ends with its owner, and may be killed and
started again. Needs Java, and the jars that ``scripts/setup --tests`` installs into the virtual
environment.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from sandbox.servers.server import Server
from sandbox.servers.services import ends_with_parent, free_port

JARS: Final = Path(sys.prefix) / "engines" / "flink"
_PATIENCE: Final = 90.0
_POOL: Final = "svod-workers"
"""The host name that leads each TaskManager to its own worker pool."""
_MEGABYTE: Final = 1 << 20
_OPENED: Final = ("util", "lang", "net", "io", "time")
_JAVA: Final = (
    *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in _OPENED),
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
# The parts of a TaskManager's memory, in megabytes: Flink requires all of them when it is started
# without its scripts.
_MEMORY: Final = {
    "framework.heap.size": 128,
    "task.heap.size": 256,
    "framework.off-heap.size": 64,
    "task.off-heap.size": 0,
    "managed.size": 64,
    "network.min": 512,
    "network.max": 512,
    "jvm-metaspace.size": 256,
    "jvm-overhead.min": 192,
    "jvm-overhead.max": 192,
}


class FlinkError(Exception):
    """Flink is not installed, or did not come up."""


class Flink(Server):
    """``with Flink(folder) as flink: beam.Pipeline(options=PipelineOptions([*flink.options]))``.

    A failed job restarts: a stream from its last checkpoint, a bounded job with what was lost.
    Python's workers get ``environment`` in addition to this process's variables. Each TaskManager
    has ``slots`` and a worker pool of its own. ``heartbeat_timeout`` is in seconds: Flink gives a
    process up that is silent for so long. It notices a killed one sooner.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        slots: int = 2,
        task_managers: int = 1,
        heartbeat_timeout: int = 6,
    ) -> None:
        self.folder = folder.resolve()
        self.environment = dict(environment or {})
        self._slots, self._task_managers = slots, task_managers
        self._heartbeat_timeout = heartbeat_timeout
        ports = [free_port() for _ in range(4)]
        self._rpc, self._rest, self._jobs, self._workers = ports
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pools(self) -> list[str]:
        """The names of the worker pools: ``workers-1``, …"""
        return [f"workers-{number}" for number in self._numbers()]

    @property
    def task_managers(self) -> list[str]:
        """The names of the TaskManagers: ``task-manager-1``, …"""
        return [f"task-manager-{number}" for number in self._numbers()]

    def _numbers(self) -> range:
        return range(1, self._task_managers + 1)

    @property
    def options(self) -> tuple[str, ...]:
        """The options that run a pipeline on this cluster.

        The last one is for svod alone; Beam ignores it.
        """
        return (
            *("--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{self._jobs}"),
            *("--environment_type=EXTERNAL", f"--environment_config={_POOL}:{self._workers}"),
            f"--parallelism={self._slots * self._task_managers}",
            "--one_machine",
        )

    @property
    def streaming(self) -> tuple[str, ...]:
        """Beam's options for a stream: with checkpoints and short bundles."""
        return (
            *(*self.options, "--streaming", "--checkpointing_interval=1000"),
            *("--max_bundle_time_mills=200", "--max_bundle_size=1000"),
        )

    def start(self) -> None:
        """Starts all processes and waits until they answer."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        if not JARS.is_dir():
            raise FlinkError("Flink is missing: scripts/setup --tests installs it")
        (self.folder / "conf").mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "config.yaml").write_text(self._settings())
        names = ["job-manager", *self.task_managers, "job-server", *self.pools]
        for name in names:
            self._launch(name)
        for name in names:
            self._await_start(name)

    def start_again(self, name: str) -> None:
        """Starts a process that ``kill`` has killed, and waits until it answers."""
        self._launch(name)
        self._await_start(name)

    def _launch(self, name: str) -> None:
        role, _, number = name.rpartition("-")
        if role == "task-manager":
            self._launch_task_manager(name, int(number))
        elif role == "workers":
            address = f"{_pool_address(int(number))}:{self._workers}"
            self._spawn(name, [sys.executable, "-m", "sandbox.servers.worker_pool", address])
        elif name == "job-manager":
            entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
            self._run(name, "-Xmx384m", *self._program(entry))
        else:
            self._launch_job_server(name)

    def _launch_task_manager(self, name: str, number: int) -> None:
        sizes = [f"taskmanager.memory.{part}={size * _MEGABYTE}b" for part, size in _MEMORY.items()]
        settings = [*sizes, "taskmanager.cpu.cores=2.0"]
        entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        arguments = [word for setting in settings for word in ("-D", setting)]
        # A job has one address for its workers; each TaskManager takes it for its own pool's.
        hosts = self.folder / "conf" / f"hosts-{number}"
        host_names = (
            f"127.0.0.1 localhost {socket.gethostname()}\n{_pool_address(number)} {_POOL}\n"
        )
        hosts.write_text(host_names)
        memory = ("-Xmx384m", "-XX:MaxDirectMemorySize=768m")
        self._run(name, f"-Djdk.net.hosts.file={hosts}", *memory, *self._program(entry), *arguments)

    def _launch_job_server(self, name: str) -> None:
        self._run(
            name,
            "-Xmx256m",
            *_class_path("org.apache.beam.runners.flink.FlinkJobServerDriver"),
            *("--job-host=127.0.0.1", f"--job-port={self._jobs}"),
            *("--artifact-port=0", "--expansion-port=0"),
            f"--artifacts-dir={self.folder / 'artifacts'}",
            f"--flink-master=127.0.0.1:{self._rest}",
        )

    def _await_start(self, name: str) -> None:
        role, _, number = name.rpartition("-")
        if role == "workers":
            pool = (_pool_address(int(number)), self._workers)
            self._await(name, lambda: _listens(*pool))
        elif name == "job-server":
            self._await(name, lambda: _listens("127.0.0.1", self._jobs))
        else:
            # A TaskManager that was killed counts until Flink has noticed that it is gone.
            slots = self._slots * sum(name in self._processes for name in self.task_managers)
            self._await(name, lambda: self.ask("overview")["slots-total"] == slots)

    def kill(self, name: str) -> None:
        """Kills one process as a power cut would.

        ``name`` is ``job-manager``, ``job-server``, or among ``task_managers`` or ``pools``: a pool
        dies with all workers that it has started.
        """
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ask(self, path: str) -> Any:
        """Returns the answer of the JobManager's REST interface."""
        with urlopen(f"http://127.0.0.1:{self._rest}/{path}", timeout=10) as answer:
            return json.load(answer)

    def cancel(self) -> None:
        """Cancels all running jobs, and waits for their ends."""
        for job in self._running_jobs():
            url = f"http://127.0.0.1:{self._rest}/jobs/{job}?mode=cancel"
            urlopen(Request(url, method="PATCH"), timeout=30).close()
        deadline = time.monotonic() + _PATIENCE
        while self._running_jobs() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _running_jobs(self) -> list[str]:
        ended = ("FINISHED", "CANCELED", "FAILED")
        return [job["id"] for job in self.ask("jobs")["jobs"] if job["status"] not in ended]

    def stop(self) -> None:
        """Kills all processes; a second call does nothing."""
        for name in reversed(list(self._processes)):
            self.kill(name)

    def _settings(self) -> str:
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._rest,
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": self._slots,
            "io.tmp.dirs": self.folder / "tmp",
            "state.checkpoints.dir": (self.folder / "checkpoints").as_uri(),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": 20,
            "restart-strategy.fixed-delay.delay": "1 s",
            # Flink notices a killed process within seconds: two heartbeats do not arrive.
            "heartbeat.interval": 1000,
            "heartbeat.timeout": self._heartbeat_timeout * 1000,
        }
        return "".join(f"{name}: {value}\n" for name, value in settings.items())

    def _program(self, entry: str) -> list[str]:
        return [*_class_path(entry), "--configDir", str(self.folder / "conf")]

    def _run(self, name: str, *arguments: str) -> None:
        self._spawn(name, [*_JAVA, *arguments])

    def _spawn(self, name: str, command: list[str]) -> None:
        # The worker pool starts its workers as "python": PATH must lead to this interpreter.
        path = f"{sys.prefix}/bin:{os.environ.get('PATH', '')}"
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                env={**os.environ, **self.environment, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )

    def _await(self, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._processes[name].poll() is None and time.monotonic() < deadline:
            try:
                if is_ready():
                    return
            except (URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.1)
        end = (self.folder / f"{name}.log").read_text(errors="replace")[-1000:]
        raise FlinkError(f"Flink's {name} did not come up. Its log ends with:\n{end}")


def _class_path(entry: str) -> list[str]:
    return ["-cp", f"{JARS}/*", entry]


def _pool_address(number: int) -> str:
    return f"127.0.0.{number}"


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
