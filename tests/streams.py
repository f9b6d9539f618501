"""A topic that is followed by a program of its own, and what has come of it in the ledger."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from confluent_kafka import KafkaException

from sandbox.services import ends_with_parent
from sandbox.store_b_topic import Event, produce, upsert
from transforms.ledger.database import open_ledger
from transforms.stores.kafka_client import Client, TopicAccess

ROOT = Path(__file__).parents[1]
PATIENCE = 150.0
POISON = b"\xff no JSON"


class Stream:
    """``environment`` names the ledger by ``SVOD_LEDGER_FILE``, for workers that are there before.

    Each ``send`` brings so many people of new numbers, and one piece of poison.
    """

    def __init__(self, kafka, topic, folder, environment, options):
        self.kafka, self.topic, self.log = kafka, topic, folder / "stream.log"
        self._ledger = folder / "svod.db"
        url = f"sqlite:///{self._ledger}"
        Path(environment["SVOD_LEDGER_FILE"]).write_text(url)
        open_ledger(url).close()
        self._environment, self._options = environment, options
        self._process = None
        self.sent = self.poison = 0

    def start(self):
        program = ["-m", "tests.topic_stream", self.kafka.brokers, self.topic, *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )

    def kill(self):
        """The program and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def send(self, people):
        moment = "2024-02-11T17:40:12+03:00"
        numbers = range(self.sent + 1, self.sent + people + 1)
        person = {"category": "1", "changed_at": moment, "last_name": "Иванов"}
        events = [
            upsert({**person, "partner": f"{number:010d}", "contact_of": ["7"]})
            for number in numbers
        ]
        produce(self.kafka.brokers, [*events, Event("poison", POISON)], self.topic)
        self.sent, self.poison = self.sent + people, self.poison + 1

    def ids(self):
        with closing(sqlite3.connect(self._ledger)) as ledger:
            return [number for (number,) in ledger.execute("SELECT source_id FROM rows")]

    def await_some(self):
        """Until the stream is going on: something has come, and not all."""
        self._await(lambda: self.ids())

    def await_all(self):
        """Until the group has come to the end; then each event is there, and once."""
        self._await(lambda: self._committed() == self.sent + self.poison)
        assert sorted(self.ids()) == [f"{number:010d}" for number in range(1, self.sent + 1)]
        with closing(sqlite3.connect(self._ledger)) as ledger:
            broken = ledger.execute("SELECT raw, count(*) FROM invalid_messages").fetchall()
        assert broken == [(POISON, self.poison)]

    def _committed(self):
        """How many messages the group has done: offsets count from 0."""
        client = Client(TopicAccess(self.kafka.brokers, self.topic, self.topic))
        try:
            return sum(max(0, one) for one in client.committed(client.partitions()).values())
        except KafkaException:
            return None
        finally:
            client.close()

    def _await(self, holds):
        deadline = time.monotonic() + PATIENCE
        while not holds():
            told = self.log.read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
