"""The stream's writer: brings window after window into the ledger and the CRM; retries failures.

The states of a window in ``WindowWriter.write``::

                 failed: after a pause
              ┌──────────────────────────┐
              v                          │
    write ─> waiting ── its turn ─> being written ──> written ─> its offsets are committed
              │                          │
              │                          └──> dropped: another stream has begun, and reads again
              │                               what was not committed
              └──> written by another writer of this process, which took all that was waiting

Three things guard it:

- the ``WindowQueue`` of the stream: an engine may run several writers in one process. They share
  the windows that wait, and its lock lets one of them write.
- the ledger's lock: other processes write too, the polls of store A among them.
- the ledger's word which stream is the current one: an engine may go on with an abandoned job.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from transforms.consolidation.register_questions import RegisterAccess, shared_session
from transforms.core.backoff import Backoff
from transforms.core.identity import Run
from transforms.core.process_pool import ProcessCount, shared_pool
from transforms.core.records import DeadLetter
from transforms.core.secrets import mask
from transforms.crm.access import CrmAccess
from transforms.ledger import streams
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.stages import run_stages
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import PartitionRange
from transforms.stores.topic.offset_commits import OffsetCommits
from transforms.topic.stream_watch import Stream

RunWindow = Callable[[Ledger, Callable[[Run], None]], object]
"""Enters a run into the ledger, does the work in it, and enters how it ended."""

_log = logging.getLogger(__name__)


class Window(msgspec.Struct, eq=False):
    """The content of one or several windows: encoded rows, dead letters, positions of the topic."""

    rows: list[bytes] = []
    dead_letters: list[DeadLetter] = []
    positions: list[PartitionRange] = []

    def extend(self, parts: Mapping[str, Iterable[Any]]) -> None:
        """Add parts, each under the name of its attribute."""
        self.rows.extend(parts["rows"])
        self.dead_letters.extend(parts["dead_letters"])
        self.positions.extend(parts["positions"])


class WindowQueue:
    """The windows of one stream that wait to be written in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.windows: list[Window] = []

    @staticmethod
    @cache
    def of(stream: Stream) -> "WindowQueue":
        """The queue that all writers of the stream in this process share."""
        return WindowQueue()


class WindowWriter:
    """Writes the windows of one stream while it is the current one.

    ``bring`` brings a window into the ledger and the CRM, in a new run. ``commit`` gets the
    positions of a window that was brought. ``shortest_pause`` is the pause after the first failure,
    in seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        stream: Stream,
        bring: Callable[[Window], object],
        commit: Callable[[Sequence[PartitionRange]], object],
        *,
        shortest_pause: float = 1.0,
    ) -> None:
        self._ledger, self._stream = ledger, stream
        self._bring, self._commit = bring, commit
        self._shortest_pause = shortest_pause
        self._queue = WindowQueue.of(stream)

    def write(self, window: Window) -> None:
        """Write the window, or leave it to a newer stream; a failure is retried."""
        if not window.positions:
            return
        self._queue.windows.append(window)
        backoff = Backoff(shortest=self._shortest_pause)
        while True:
            try:
                with self._queue.lock, wait_for_exclusive(self._ledger):
                    if window in self._queue.windows:
                        self._write_waiting()
                return
            except Exception as error:  # noqa: BLE001 - whatever it was, it may be over soon
                _log.warning("a window failed: %s; it is tried again", mask(type(error).__name__))
            time.sleep(backoff.failed())

    def _write_waiting(self) -> None:
        """Write all windows that wait, as one: their bundles have waited for this turn."""
        waiting = list(self._queue.windows)
        whole = Window()
        for window in waiting:
            whole.extend(msgspec.structs.asdict(window))
        if self._is_current():
            self._bring(whole)
            self._commit(whole.positions)
        for window in waiting:
            self._queue.windows.remove(window)

    def _is_current(self) -> bool:
        with self._ledger.read() as connection:
            return is_current(connection, self._stream)


def is_current(connection: Connection, stream: Stream) -> bool:
    """Whether no other stream has begun since this one."""
    return streams.current_stream(connection).number == stream.number


@contextmanager
def opened_writer(
    stream: Stream,
    topic: TopicAccess,
    register: RegisterAccess,
    crm: CrmAccess | None,
    run_window: RunWindow,
    processes: ProcessCount,
) -> Iterator[WindowWriter]:
    """A writer that runs all stages and commits to the topic; closes what it uses in the end.

    Without ``crm`` the windows end in the ledger.
    """
    pool = shared_pool(processes)
    with closing(open_ledger(stream.ledger.value())) as ledger, shared_session(register):
        commits = OffsetCommits(
            ledger, stream.number, topic, lambda connection: is_current(connection, stream)
        )

        def bring(window: Window) -> None:
            def work(run: Run) -> None:
                run_stages(ledger, run, register, crm, window.rows, window.dead_letters, pool)

            run_window(ledger, work)

        with closing(commits):
            yield WindowWriter(ledger, stream, bring, commits.add_finished)
