"""``svod delta --follow``: what comes into the stores goes into the CRM, without an end.

On an engine that streams the topic is one job up to the CRM. On any other the one graph runs again
and again, on what has come since: a window of the stream is as long as the run before it took.
What goes wrong is told, and tried again with growing pauses; store A in trouble does not keep store
B waiting.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline import graph, options
from pipeline.follow.runs_in_a_row import Follower, Teller
from pipeline.follow.stream_and_polls import StreamFollower
from pipeline.follow.stream_job import streams
from pipeline.follow.window import COMMAND, conduct
from pipeline.metrics import MetricsCollector, RunMetrics, read_gauges
from pipeline.metrics_export import serving, writing
from pipeline.report import write_report
from pipeline.run import check, check_portal, run_graph, say
from pipeline.topic_lag import Lag, topic_access
from transforms.consolidation.register_questions import shared_session
from transforms.core.backoff import Backoff
from transforms.core.errors import AwayError
from transforms.core.secrets import mask
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import forget_old_runs, last_reported_run

_LOOK = 0.5


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
        stack.enter_context(shared_session(graph.register_access(chosen)))
        lag = stack.enter_context(_lag(chosen))
        metrics = RunMetrics(lag)
        collector = MetricsCollector(metrics, partial(read_gauges, ledger, chosen))
        stack.enter_context(_served(chosen, collector))
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


def await_stores(chosen: options.Options, stop: threading.Event) -> bool:
    """Check the options; a store that does not answer is waited for. False: told to ``stop``.

    Raises:
        ConfigurationError: waiting would not help.
    """
    backoff = Backoff()
    while not stop.is_set():
        try:
            check(chosen)
        except AwayError as error:
            pause = backoff.failed()
            say(f"svod: {mask(str(error))}; tried again in {pause:.0f} s")
            stop.wait(pause)
        else:
            return not stop.is_set()
    return False


@contextmanager
def _served(chosen: options.Options, collector: MetricsCollector) -> Iterator[None]:
    """Metrics by HTTP, into a file, or neither, as the options say."""
    with ExitStack() as stack:
        if chosen.metrics_address:
            stack.enter_context(serving(chosen.metrics_address, collector))
        if chosen.metrics_file:
            stack.enter_context(writing(Path(chosen.metrics_file), collector))
        yield


def _report(ledger: Ledger, chosen: options.Options) -> None:
    with ledger.read() as connection:
        last = last_reported_run(connection)
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
