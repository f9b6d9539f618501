"""A private Kafka broker (KRaft) with a data folder, on free ports, that ends with its owner.

Needs Java, and the jars that ``scripts/setup --kafka`` installs into the virtual environment.
``python -m sandbox.servers.kafka FOLDER --topic T`` prints the broker's URL and serves until
SIGTERM.
"""

import argparse
import signal
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from sandbox.servers.kafka_security import PASSWORD, USER, Secured
from sandbox.servers.server import Server
from sandbox.servers.services import ends_with_parent, free_port

JARS: Final = Path(sys.prefix) / "engines" / "kafka"
_PATIENCE: Final = 90.0
# Little memory, and a quick start without the second compiler.
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


class Kafka(Server):
    """``with Kafka(folder) as kafka: Consumer({"bootstrap.servers": kafka.brokers, …})``.

    The folder keeps the data and the object keeps its ports: after another ``start``, also after
    ``kill``, the broker has the same data at the same address. ``secured`` adds a second listener,
    ``kafka.secured``, with TLS and SASL; without a grant, only the anonymous administrator may use
    the broker.
    """

    def __init__(self, folder: Path, secured: bool = False) -> None:
        self.folder = folder.resolve()
        self.secured = Secured(self.folder) if secured else None
        self._port, self._controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def brokers(self) -> str:
        """The address for clients without TLS and password."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The running broker's process id."""
        if self._process is None:
            raise KafkaError("Kafka is not running: call start() first")
        return self._process.pid

    def start(self) -> None:
        """Makes the data folder if it is missing, starts the broker, waits until it answers."""
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
        """Ends the broker; kills it when it does not end in time. A second call does nothing."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kills the broker as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def create_topic(self, topic: str, partitions: int = 3, **settings: str) -> None:
        """Creates a topic; ``settings`` are the topic's, with ``_`` in place of dots."""
        config = {name.replace("_", "."): value for name, value in settings.items()}
        new_topic = NewTopic(topic, partitions, 1, config=config)
        admin = self.admin()
        admin.create_topics([new_topic])[topic].result(_PATIENCE)

    def admin(self) -> AdminClient:
        """Returns a client with all rights."""
        return AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def describe_group(self, group: str) -> str:
        """Returns the output of ``kafka-consumer-groups --describe``."""
        tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
        arguments = ["--bootstrap-server", self.brokers, "--describe", "--group", group]
        return _run([*_command(tool), *arguments])

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
        addresses = [f"{name}://127.0.0.1:{port}" for name, port in listeners.items()]
        advertised = [address for address in addresses if not address.startswith("CONTROLLER")]
        settings = _SETTINGS + (
            f"log.dirs={self.folder / 'data'}\n"
            f"listeners={','.join(addresses)}\nadvertised.listeners={','.join(advertised)}\n"
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
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise KafkaError("Java is missing: scripts/setup --kafka installs it") from None
    if process.returncode:
        raise KafkaError(f"Kafka's program failed: {(process.stdout + process.stderr)[-1000:]}")
    return process.stdout


def main() -> None:
    """Serves a broker with the topic until SIGTERM; creates the topic if it is missing."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.servers.kafka", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=3)
    options = parser.parse_args()
    # Without a handler, SIGTERM would leave the broker behind.
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
