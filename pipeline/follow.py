"""``svod delta --follow``: deltas without an end, one after the other, each of what has come since.

Each is a run of the one graph, with all that a run promises: a window of the stream is as long as
the run before it took. What goes wrong ends a window, is told, and is tried again with growing
pauses; store A in trouble does not keep store B waiting.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from pipeline import graph, options
from pipeline.failures import plain_reason
from pipeline.metrics import Gauges, Metrics, look, serving, writing
from pipeline.report import write_report
from pipeline.run import account, check, check_portal, run_graph, say
from pipeline.summary import FAILED
from pipeline.topic import Lag, topic_access
from pipeline.words import window_line
from transforms.check_register import keeping_register
from transforms.errors import AwayError, StoreError
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, forget_old_runs, last_reported, start_run
from transforms.secrets import mask

COMMAND = "delta --follow"

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


class Follower:
    """Looks at both stores and runs a window when one of them has something, until ``stop``.

    Store A's turn comes every ``poll`` seconds, and with it what was left over.
    """

    def __init__(
        self,
        chosen: options.Options,
        window: Window,
        lag: Lag | None,
        metrics: Metrics,
        stop: threading.Event,
    ) -> None:
        self._chosen, self._window, self._lag = chosen, window, lag
        self._metrics, self._stop = metrics, stop
        self._turn, self._topic = Pace(chosen.poll), Pace(0)

    def run(self) -> None:
        """Go on until told to stop; the window that goes on then is the last."""
        while not self._stop.is_set():
            turn, events = self._turn.is_due, self._has_events()
            if turn or events:
                self._try(turn, events)
            self._stop.wait(_LOOK)

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
            self._metrics.ended(summary)
            if line := window_line(summary):
                say(line)

    def _failed(self, pace: Pace, error: Exception) -> None:
        self._metrics.failed()
        pause = pace.failed()
        say(f"svod: {plain_reason(error)}; tried again in {pause:.0f} s")


def follow(chosen: options.Options) -> int:
    """Follow both stores until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        ConfigurationError: before anything was read.
    """
    with ExitStack() as stack:
        stop = stack.enter_context(_stoppable())
        if not await_stores(chosen, stop):
            say("Stopped before it began.")
            return 0
        ledger = stack.enter_context(options.opened(chosen))
        check_portal(chosen, ledger)
        stack.enter_context(keeping_register(graph.register_access(chosen)))
        lag = stack.enter_context(_lag(chosen))
        metrics = Metrics(lag)
        stack.enter_context(_served(chosen, metrics, lambda: look(ledger, chosen)))
        forget_old_runs(ledger, COMMAND)
        say("Follows the stores until SIGTERM or Ctrl-C.")
        Follower(chosen, lambda window: run_window(ledger, window), lag, metrics, stop).run()
        _report(ledger, chosen)
    say("Stopped; all that was read is done.")
    return 0


def await_stores(chosen: options.Options, stop: threading.Event) -> bool:
    """Check the options; a store that does not answer is waited for. False: told to ``stop``.

    Raises:
        ConfigurationError: waiting would not help.
    """
    pace = Pace(0)
    while not stop.is_set():
        try:
            check(chosen)
        except AwayError as error:
            pause = pace.failed()
            say(f"svod: {mask(str(error))}; tried again in {pause:.0f} s")
            stop.wait(pause)
        else:
            return not stop.is_set()
    return False


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
        run = start_run(ledger, COMMAND)
        try:
            run_graph(run, chosen, graph.delta_sources)
            return account(ledger, run, COMMAND, chosen)
        except Exception:
            with suppress(SQLAlchemyError):
                finish_run(ledger, run, FAILED, None)
            raise


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
