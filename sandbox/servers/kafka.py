"""A private Kafka broker (KRaft): own data folder, free ports of 127.0.0.1, ended with its owner.

Needs Java, and the jars that ``scripts/setup --kafka`` puts beside the packages.
``python -m sandbox.servers.kafka FOLDER --topic T`` serves until SIGTERM, and prints where.
"""

import argparse
import signal
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from sandbox.servers.kafka_security import PASSWORD, USER, Secured
from sandbox.servers.services import ends_with_parent, free_port

JARS: Final = Path(sys.prefix) / "engines" / "kafka"
_PATIENCE: Final = 90.0
# Little memory, and a start without the compiler's second thoughts.
_JAVA: Final = (
    *("java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
)
_SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
message.max.bytes=10485760
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


class KafkaError(Exception):
    """Kafka is not installed, could not make its data folder, or did not come up."""


class Kafka:
    """``with Kafka(folder) as kafka: Consumer({"bootstrap.servers": kafka.brokers, …})``.

    The folder keeps the data, and the object its ports: started again, also after ``kill``, the
    broker has all of it back. With ``secured`` there is a second listener, ``kafka.secured``, with
    TLS and SASL, and nobody but the anonymous administrator may do anything unless it is granted.
    """

    def __init__(self, folder: Path, secured: bool = False) -> None:
        self.folder = folder.resolve()
        self.secured = Secured(self.folder) if secured else None
        self._port, self._controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Kafka":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def brokers(self) -> str:
        """Where clients find it, without TLS and password."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The running broker's process id."""
        if self._process is None:
            raise KafkaError("Kafka is not running: call start() first")
        return self._process.pid

    def start(self) -> None:
        """Makes the data folder if need be, starts the broker and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configure()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_command("kafka.Kafka"), str(self._settings)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=ends_with_parent(),
            )
        try:
            self._await(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends the broker in good order; kills it when it does not end. Fine to call twice."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Ends the broker as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def create_topic(self, topic: str, partitions: int = 3, **settings: str) -> None:
        """A new topic; ``settings`` are its own, with ``_`` for a dot."""
        own = {name.replace("_", "."): value for name, value in settings.items()}
        new = NewTopic(topic, partitions, 1, config=own)
        admin = self.admin()
        admin.create_topics([new])[topic].result(_PATIENCE)

    def admin(self) -> AdminClient:
        """A client that may do everything."""
        return AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def describe_group(self, group: str) -> str:
        """What ``kafka-consumer-groups --describe`` prints."""
        tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
        asked = ["--bootstrap-server", self.brokers, "--describe", "--group", group]
        return _run([*_command(tool), *asked])

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _log(self) -> Path:
        return self.folder / "kafka.log"

    def _configure(self) -> None:
        if self._settings.exists():
            return
        names = ("PLAINTEXT", "CONTROLLER", *(["SASL_SSL"] if self.secured else []))
        ports = (self._port, self._controller, *([self.secured.port] if self.secured else []))
        listeners = dict(zip(names, ports, strict=True))
        told = [f"{name}://127.0.0.1:{port}" for name, port in listeners.items()]
        reached = [one for one in told if not one.startswith("CONTROLLER")]
        settings = _SETTINGS + (
            f"log.dirs={self.folder / 'data'}\n"
            f"listeners={','.join(told)}\nadvertised.listeners={','.join(reached)}\n"
            f"controller.quorum.voters=1@127.0.0.1:{self._controller}\n"
        )
        if self.secured:
            settings += self.secured.settings()
        draft = self.folder / "draft.properties"
        draft.write_text(settings)
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().lstrip("-")
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        _run(
            [
                *_command("kafka.tools.StorageTool"),
                *("format", "--ignore-formatted", "-t", cluster, "-c", str(draft)),
                *(["--add-scram", scram] if self.secured else []),
            ]
        )
        draft.rename(self._settings)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        admin = self.admin()
        while process.poll() is None and time.monotonic() < deadline:
            try:
                admin.list_topics(timeout=1)
            except KafkaException:
                continue
            return
        end = self._log.read_text(errors="replace")[-1000:]
        raise KafkaError(f"Kafka did not come up. Its log ends with:\n{end}")


def _command(program: str) -> list[str]:
    if not JARS.is_dir():
        raise KafkaError("Kafka is missing: scripts/setup --kafka installs it")
    return [*_JAVA, "-cp", f"{JARS}/*", program]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise KafkaError("Java is missing: scripts/setup --kafka installs it") from None
    if done.returncode:
        raise KafkaError(f"Kafka's program failed: {(done.stdout + done.stderr)[-1000:]}")
    return done.stdout


def main() -> None:
    """Serves a topic until SIGTERM, and makes it before when it is not there."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.servers.kafka", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=3)
    options = parser.parse_args()
    # A plain SIGTERM would leave the broker behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Kafka(options.folder) as kafka:
            admin = kafka.admin()
            if options.topic not in admin.list_topics(timeout=_PATIENCE).topics:
                kafka.create_topic(options.topic, options.partitions)
            print(f"kafka://{kafka.brokers}", flush=True)
            signal.pause()
    except KafkaError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
