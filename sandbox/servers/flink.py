"""A private Flink session cluster for Beam: JobManager, TaskManager, job server, worker pool.

Each is a process on free ports of 127.0.0.1 that ends with its owner. Needs Java, and the jars that
``scripts/setup --tests`` installs into the virtual environment.
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

# Without a handler, SIGTERM would leave the pool's workers behind.
_POOL: Final = """
import runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
runpy.run_module("apache_beam.runners.worker.worker_pool_main", run_name="__main__")
"""


class FlinkError(Exception):
    """Flink is not installed, or did not come up."""


class Flink(Server):
    """``with Flink(folder) as flink: beam.Pipeline(options=PipelineOptions([*flink.options]))``.

    A failed job restarts from its last checkpoint. Python's workers get ``environment`` in
    addition to this process's variables.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, slots: int = 2
    ) -> None:
        self.folder = folder.resolve()
        self.environment = dict(environment or {})
        self._slots = slots
        ports = [free_port() for _ in range(4)]
        self._rpc, self._rest, self._jobs, self._workers = ports
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def options(self) -> tuple[str, ...]:
        """Beam's options that run a pipeline on this cluster."""
        return (
            *("--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{self._jobs}"),
            *("--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{self._workers}"),
            f"--parallelism={self._slots}",
        )

    @property
    def streaming(self) -> tuple[str, ...]:
        """Beam's options for a stream: with checkpoints and short bundles."""
        return (
            *(*self.options, "--streaming", "--checkpointing_interval=1000"),
            *("--max_bundle_time_mills=200", "--max_bundle_size=1000"),
        )

    def start(self) -> None:
        """Starts all four processes and waits until they answer."""
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
        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._run("job-manager", "-Xmx384m", *self._program(entry))
        self.start_task_manager()
        self._run(
            "job-server",
            "-Xmx256m",
            *_class_path("org.apache.beam.runners.flink.FlinkJobServerDriver"),
            *("--job-host=127.0.0.1", f"--job-port={self._jobs}"),
            *("--artifact-port=0", "--expansion-port=0"),
            f"--artifacts-dir={self.folder / 'artifacts'}",
            f"--flink-master=127.0.0.1:{self._rest}",
        )
        self.start_workers()
        self._await("job-server", lambda: _listens(self._jobs))
        self.await_slots()

    def start_task_manager(self) -> None:
        """Starts the TaskManager, which runs the job; call it again after ``kill``."""
        sizes = [f"taskmanager.memory.{part}={size * _MEGABYTE}b" for part, size in _MEMORY.items()]
        settings = [*sizes, "taskmanager.cpu.cores=2.0"]
        entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        arguments = [word for setting in settings for word in ("-D", setting)]
        memory = ("-Xmx384m", "-XX:MaxDirectMemorySize=768m")
        self._run("task-manager", *memory, *self._program(entry), *arguments)

    def start_workers(self) -> None:
        """Starts the pool that starts Python's workers."""
        port = f"--service_port={self._workers}"
        self._spawn("workers", [sys.executable, "-c", _POOL, port])
        self._await("workers", lambda: _listens(self._workers))

    def kill(self, name: str) -> None:
        """Kills one process as a power cut would.

        ``name`` is ``job-manager``, ``task-manager``, ``job-server`` or ``workers``: the pool with
        all workers that it has started.
        """
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def await_slots(self) -> None:
        """Waits until a TaskManager has registered."""
        self._await("task-manager", lambda: bool(self.ask("overview")["slots-total"]))

    def ask(self, path: str) -> Any:
        """Returns the answer of the JobManager's REST interface."""
        with urlopen(f"http://127.0.0.1:{self._rest}/{path}", timeout=10) as answer:
            return json.load(answer)

    def cancel(self) -> None:
        """Cancels all running jobs."""
        for job in self.ask("jobs")["jobs"]:
            if job["status"] not in ("FINISHED", "CANCELED", "FAILED"):
                url = f"http://127.0.0.1:{self._rest}/jobs/{job['id']}?mode=cancel"
                urlopen(Request(url, method="PATCH"), timeout=30).close()

    def stop(self) -> None:
        """Kills all four processes; a second call does nothing."""
        for name in ("workers", "job-server", "task-manager", "job-manager"):
            if name in self._processes:
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
            # Flink notices a killed process within seconds.
            "heartbeat.interval": 1000,
            "heartbeat.timeout": 6000,
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


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
