"""``svod delta --follow``: deltas without an end, one after the other, each of what has come since.

Each is a run of the one graph, with all that a run promises: a window of the stream is as long as
the run before it took. What goes wrong ends a window, is told, and is tried again with growing
pauses; store A in trouble does not keep store B waiting.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from pipeline import graph, options
from pipeline.failures import plain_reason
from pipeline.metrics import Gauges, Metrics, look, serving, writing
from pipeline.report import write_report
from pipeline.run import check, check_portal, run_graph, say
from pipeline.stream import StreamJob, streams
from pipeline.topic import Lag, topic_access
from pipeline.window import COMMAND, conduct
from pipeline.words import window_line
from transforms.check_register import keeping_register
from transforms.errors import StoreError, SvodError
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive, in_turn
from transforms.ledger.runs import ended_since, forget_old_runs, last_reported, last_run
from transforms.ledger.source_rows import Run
from transforms.write_windows import bring

_LOOK = 0.5
_SHORTEST, _LONGEST = 1.0, 60.0

Window = Callable[[options.Options], dict[str, Any]]
"""Runs one delta of the stores that the options name; gives its summary."""


class Pace:
    """When to try something again: ``every`` so many seconds when nothing is wrong."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._pause = 0.0
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    def went_well(self) -> None:
        """Back to the usual pace."""
        self._pause, self._due = 0.0, time.monotonic() + self._every

    def failed(self) -> float:
        """Leave it alone for a while, each time longer; gives the seconds."""
        self._pause = min(max(_SHORTEST, 2 * self._pause), _LONGEST)
        self._due = time.monotonic() + self._pause
        return self._pause


class Teller:
    """Tells whoever looks on what came of it: on the terminal, and by metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def ended(self, summary: dict[str, Any]) -> None:
        """A window came to its end."""
        self._metrics.ended(summary)
        if line := window_line(summary):
            say(line)

    def failed(self, reason: str, again: float | None = None) -> None:
        """Something went wrong; it is tried again in so many seconds, or when its turn comes."""
        self._metrics.failed()
        when = "" if again is None else f" in {again:.0f} s"
        say(f"svod: {reason}; tried again{when}")


class Follower:
    """Looks at both stores, and runs a window when one of them has something.

    Store A's turn comes every ``poll`` seconds, and with it what was left over.
    """

    def __init__(
        self, chosen: options.Options, window: Window, lag: Lag | None, teller: Teller
    ) -> None:
        self._chosen, self._window, self._lag, self._teller = chosen, window, lag, teller
        self._turn, self._topic = Pace(chosen.poll), Pace(0)

    def look(self) -> None:
        """Look once, and do what there is to do."""
        turn, events = self._turn.is_due, self._has_events()
        if turn or events:
            self._try(turn, events)

    def end(self) -> None:
        """The window that went on when it was told to end is the last."""

    def _has_events(self) -> bool:
        if self._lag is None or not self._topic.is_due:
            return False
        try:
            return self._lag.look() > 0
        except StoreError as error:
            self._failed(self._topic, error)
            return False

    def _try(self, turn: bool, events: bool) -> None:
        chosen = self._chosen
        window = msgspec.structs.replace(
            chosen,
            store_a=chosen.store_a if turn else "",
            # A window has one store at least.
            store_b_kafka=chosen.store_b_kafka if events or not chosen.store_a else "",
        )
        # Store A in trouble is left alone, and store B tried without it.
        pace = self._turn if turn else self._topic
        try:
            summary = self._window(window)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next window may do better
            self._failed(pace, error)
        else:
            pace.went_well()
            self._teller.ended(summary)

    def _failed(self, pace: Pace, error: Exception) -> None:
        self._teller.failed(plain_reason(error), pace.failed())


class StreamFollower:
    """The topic is followed by a job of the engine, which is started anew when it fails.

    Store A, and what was left over, are looked at here.
    """

    def __init__(
        self,
        ledger: Ledger,
        chosen: options.Options,
        lag: Lag,
        teller: Teller,
    ) -> None:
        self._ledger, self._chosen, self._lag, self._teller = ledger, chosen, lag, teller
        # An engine is for the stream: the polls are small.
        here = msgspec.structs.replace(chosen, store_b_kafka="", beam=[])
        self._polls = Follower(here, self._poll, None, teller)
        self._own: set[str] = set()
        with ledger.read() as connection:
            self._told = last_run(connection)
        self._job, self._pace, self._lags = StreamJob(ledger, chosen), Pace(0), Pace(0)
        self._started = False

    def look(self) -> None:
        """See to the job, then to store A."""
        self._tell()
        if not self._job.goes_on and self._pace.is_due:
            self._restart()
        self._look_at_lag()
        self._polls.look()

    def end(self) -> None:
        """Wait until the job has finished what it holds.

        Raises:
            SvodError: when it could not; what it has not done is read again.
        """
        self._job.end()
        while self._job.goes_on:
            time.sleep(_LOOK)
            self._tell()
        if self._job.trouble:
            raise SvodError(self._job.trouble)

    def _restart(self) -> None:
        try:
            if self._job.trouble:
                raise SvodError(self._job.trouble)
            self._job.start()
            self._pace.went_well()
        except Exception as error:  # noqa: BLE001 - an engine that is away may come back
            self._job.trouble = ""
            self._teller.failed(plain_reason(error), self._pace.failed())

    def _look_at_lag(self) -> None:
        if self._lags.is_due:
            try:
                self._lag.look()
            except StoreError as error:
                self._teller.failed(plain_reason(error), self._lags.failed())

    def _poll(self, chosen: options.Options) -> dict[str, Any]:
        def work(run: Run) -> None:
            self._own.add(run.run_id)
            if chosen.store_a:
                run_graph(run, chosen, graph.delta_sources)
            else:
                bring(self._ledger, run, graph.register_access(chosen), graph.crm_access(chosen))

        with in_turn(self._ledger):
            return conduct(self._ledger, work, crm_rate=chosen.crm_rate)

    def _tell(self) -> None:
        """What came of the job's windows: they are the runs that are not ours."""
        try:
            with self._ledger.read() as connection:
                found = ended_since(connection, COMMAND, self._told)
        except SQLAlchemyError:
            return
        for run in found:
            self._told = run.run_seq
            if run.run_id in self._own:
                self._own.remove(run.run_id)
            elif run.summary:
                self._teller.ended(run.summary)
            elif run.remarks:
                self._teller.failed(", ".join(run.remarks))


def follow(chosen: options.Options) -> int:
    """Follow both stores until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        ConfigurationError: before anything was read.
    """
    check(chosen)
    with ExitStack() as stack:
        ledger = stack.enter_context(options.opened(chosen))
        check_portal(chosen, ledger)
        stack.enter_context(keeping_register(graph.register_access(chosen)))
        lag = stack.enter_context(_lag(chosen))
        stop = stack.enter_context(_stoppable())
        metrics = Metrics(lag)
        stack.enter_context(_served(chosen, metrics, lambda: look(ledger, chosen)))
        forget_old_runs(ledger, COMMAND)
        teller = Teller(metrics)
        follower: Follower | StreamFollower
        if lag and streams(chosen):
            follower = StreamFollower(ledger, chosen, lag, teller)
        else:
            follower = Follower(chosen, lambda window: run_window(ledger, window), lag, teller)
        say("Follows the stores until SIGTERM or Ctrl-C.")
        while not stop.is_set():
            follower.look()
            stop.wait(_LOOK)
        follower.end()
        _report(ledger, chosen)
    say("Stopped; all that was read is done.")
    return 0


@contextmanager
def _served(
    chosen: options.Options, metrics: Metrics, gauges: Callable[[], Gauges]
) -> Iterator[None]:
    """Metrics by HTTP, into a file, or neither, as the options say."""
    with ExitStack() as stack:
        if chosen.metrics_address:
            stack.enter_context(serving(chosen.metrics_address, metrics, gauges))
        if chosen.metrics_file:
            stack.enter_context(writing(Path(chosen.metrics_file), metrics, gauges))
        yield


def _report(ledger: Ledger, chosen: options.Options) -> None:
    with ledger.read() as connection:
        last = last_reported(connection)
    if chosen.report and last:
        write_report(ledger, last, Path(chosen.report))


def run_window(ledger: Ledger, chosen: options.Options) -> dict[str, Any]:
    """One delta, alone with the ledger; between two of them other commands may run."""
    with exclusive(ledger):
        return conduct(
            ledger,
            lambda run: run_graph(run, chosen, graph.delta_sources),
            crm_rate=chosen.crm_rate,
        )


@contextmanager
def _lag(chosen: options.Options) -> Iterator[Lag | None]:
    if not chosen.store_b_kafka:
        yield None
        return
    with closing(Lag(topic_access(chosen))) as lag:
        yield lag


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set: the window that goes on is finished. Twice: at once."""
    stop = threading.Event()

    def tell(number: int, _: FrameType | None) -> None:
        signal.signal(number, before[number])
        stop.set()

    before: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, tell)
    try:
        yield stop
    finally:
        for told, handler in before.items():
            signal.signal(told, handler)
