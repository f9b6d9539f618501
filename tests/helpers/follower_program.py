"""``svod delta --follow`` as one job of an engine, and the records that it must load."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from confluent_kafka import KafkaException

from sandbox.servers.services import ends_with_parent
from sandbox.store_b_topic import Event, upsert
from tests.helpers.installation import PACE, organisation, party, person, tin
from tests.helpers.topic_installation import TopicInstallation
from transforms.ledger.database import open_ledger
from transforms.stores.topic.client import TopicAccess, TopicClient

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
POISON = b"\xff no JSON"
FIRMS = [tin(number) for number in range(1, 41)]


class FollowerProgram:
    """The command in a process that tests may kill and start again.

    Each ``send`` adds firms with a person each, persons whose firm is unknown, and one poison
    message, all with new numbers.
    """

    def __init__(self, stream: TopicInstallation, folder: Path, options) -> None:
        self.stream, self.place, self.log = stream, stream.place, folder / "follow.log"
        self.place.know(party(inn, f"ФИРМА {number}") for number, inn in enumerate(FIRMS))
        open_ledger(self.place.ledger).close()
        self._options = [*stream.options, *options]
        self._process = None
        self._starts = 0
        self.firms = self.waiting = self.poison = 0
        self._of_a = set()

    def start(self):
        program = ["-m", "pipeline", "delta", "--follow", *PACE, *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program],
                cwd=ROOT,
                env={**os.environ, **self.place.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )
        self._starts += 1
        self._await(lambda: self.log.read_text().count("Follows the stores") == self._starts)

    def kill(self):
        """Kills the program and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ends_well(self):
        """Ends the program by SIGTERM and asserts that its exit code is 0."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE) == 0, self.log_end()

    def send(self, firms, waiting=0):
        events = []
        for number in range(self.firms, self.firms + firms):
            firm = f"{number:010}"
            events.append(upsert(person(f"9{number:09}", firm)))
            events.append(upsert(organisation(firm, FIRMS[number])))
        numbers = range(self.waiting, self.waiting + waiting)
        events += [upsert(person(f"8{number:09}", "7000000000")) for number in numbers]
        self.stream.send(*events, Event("poison", POISON))
        self.firms += firms
        self.waiting += waiting
        self.poison += 1

    def change_store_a(self):
        """Adds a firm to store A."""
        self._of_a.add(FIRMS[-1])
        self.place.company(1, FIRMS[-1])

    def await_some(self):
        """Waits until the ledger holds some rows."""
        self._await(lambda: self._count_rows("rows"))

    def await_all(self):
        """Waits until all messages are committed; then asserts that the CRM holds all, once."""
        message_count = 2 * self.firms + self.waiting + self.poison
        self._await(
            lambda: (
                self._count_committed() == message_count and self._of_a <= set(self.place.titles())
            )
        )
        self.holds_all()

    def holds_all(self):
        place = self.place
        assert set(place.titles()) == {*FIRMS[: self.firms], *self._of_a}
        assert set(place.people()) == {f"B-9{number:09}" for number in range(self.firms)}
        duplicates = place.portal.state.duplicates
        assert duplicates("companies") == duplicates("contacts") == {}
        assert self._count_rows("rows") == 2 * self.firms + self.waiting + len(self._of_a)
        assert self._count_rows("invalid_messages") == self.poison

    def log_end(self):
        return self.log.read_text(errors="replace")[-2000:]

    def _count_committed(self):
        """Returns the number of committed messages: offsets count from 0."""
        client = TopicClient(TopicAccess(self.stream.kafka.brokers, *[self.stream.topic] * 2))
        try:
            return sum(max(0, offset) for offset in client.committed(client.partitions()).values())
        except KafkaException:
            return None
        finally:
            client.close()

    def _count_rows(self, table):
        return self.place.rows(f"SELECT count(*) FROM {table}")[0][0]

    def _await(self, holds):
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self._process.poll() is None, self.log_end()
            assert time.monotonic() < deadline, self.log_end()
            time.sleep(0.2)
