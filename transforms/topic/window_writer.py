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
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
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
from transforms.stores.topic.messages import PartitionRange, StoreRange
from transforms.stores.topic.offset_commits import OffsetCommits
from transforms.topic.stream_watch import Stream

RunWindow = Callable[[Ledger, Callable[[Run], None]], object]
"""Enters a run into the ledger, does the work in it, and enters how it ended."""

_log = logging.getLogger(__name__)


class Window(msgspec.Struct, eq=False):
    """The content of one or several windows: encoded rows, dead letters, positions of topics."""

    rows: list[bytes] = []
    dead_letters: list[DeadLetter] = []
    positions: list[StoreRange] = []

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
        commit: Callable[[Sequence[StoreRange]], object],
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
            return is_current(self._stream, connection)


def is_current(stream: Stream, connection: Connection) -> bool:
    """Whether no other stream has begun since this one."""
    return streams.current_stream(connection).number == stream.number


@contextmanager
def opened_writer(
    stream: Stream,
    topics: Sequence[TopicAccess],
    register: RegisterAccess,
    crm: CrmAccess | None,
    run_window: RunWindow,
    processes: ProcessCount,
) -> Iterator[WindowWriter]:
    """A writer that runs all stages and commits to the topics; closes what it uses in the end.

    Without ``crm`` the windows end in the ledger.
    """
    pool = shared_pool(processes)
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(open_ledger(stream.ledger.value())))
        stack.enter_context(shared_session(register))
        commits = {
            topic.store: stack.enter_context(
                closing(OffsetCommits(ledger, stream.number, topic, partial(is_current, stream)))
            )
            for topic in topics
        }

        def bring(window: Window) -> None:
            def work(run: Run) -> None:
                run_stages(ledger, run, register, crm, window.rows, window.dead_letters, pool)

            run_window(ledger, work)

        def commit(positions: Sequence[StoreRange]) -> None:
            for store, ranges in group_by_store(positions).items():
                commits[store].add_finished(ranges)

        yield WindowWriter(ledger, stream, bring, commit)


def group_by_store(positions: Iterable[StoreRange]) -> dict[str, list[PartitionRange]]:
    """Returns the ranges of each store's topic, by the store's key.

    >>> group_by_store([("B", (0, 0, 5)), ("C", (0, 0, 1)), ("B", (1, 0, 2))])
    {'B': [(0, 0, 5), (1, 0, 2)], 'C': [(0, 0, 1)]}
    """
    ranges: dict[str, list[PartitionRange]] = defaultdict(list)
    for store, partition_range in positions:
        ranges[store].append(partition_range)
    return dict(ranges)
