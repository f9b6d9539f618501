"""``svod delta --follow``: what changes in the stores goes into the CRM, without an end.

On an engine that streams, one job brings the topics' events up to the CRM (``stream_job``), and
the other stores are polled by runs between the job's windows (``stream_and_polls``). On any other
engine the bounded graph runs again and again (``runs_in_a_row``), each on what changed since the
last.

A failure is reported and tried again after a back-off; trouble with one store does not hold the
others up.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from pipeline import options
from pipeline.access import (
    crm_access,
    register_access,
    topic_accesses,
    write_configured_stores,
)
from pipeline.checks import check_options, check_portal
from pipeline.console import say
from pipeline.engine import can_stream
from pipeline.follow.runs_in_a_row import Follower, RunReporter, run_delta
from pipeline.follow.stream_and_polls import StreamFollower
from pipeline.follow.window import COMMAND
from pipeline.metrics import MetricsCollector, RunMetrics, read_gauges
from pipeline.metrics_export import serving, writing
from pipeline.report import write_report
from pipeline.signals import stoppable
from pipeline.topic_lag import TopicLags
from transforms.consolidation.register_questions import shared_session
from transforms.core.backoff import Backoff
from transforms.core.errors import AwayError
from transforms.core.secrets import mask
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.runs import forget_old_runs, last_reported_run

# Seconds between two polls of the follower: each does something only where it is due.
_INTERVAL = 0.5


def follow(chosen: options.Options) -> int:
    """Follow the stores until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        ConfigurationError: before anything was read.
    """
    with ExitStack() as stack:
        stop = stack.enter_context(stoppable())
        if not await_stores(chosen, stop):
            say("Stopped before it began.")
            return 0
        ledger = stack.enter_context(closing(open_ledger(chosen.ledger)))
        check_portal(chosen, ledger)
        with wait_for_exclusive(ledger):
            write_configured_stores(ledger, chosen)
        stack.enter_context(shared_session(register_access(chosen)))
        lags = stack.enter_context(closing(TopicLags(topic_accesses(chosen))))
        metrics = RunMetrics(lags)
        collector = MetricsCollector(
            metrics, partial(read_gauges, ledger, crm_access(chosen), chosen.register_daily)
        )
        stack.enter_context(_publish_metrics(chosen, collector))
        forget_old_runs(ledger, COMMAND)
        follower = _follower(ledger, chosen, lags, RunReporter(metrics))
        say("Follows the stores until SIGTERM or Ctrl-C.")
        while not stop.is_set():
            follower.poll()
            stop.wait(_INTERVAL)
        follower.finish()
        _report(ledger, chosen)
    say("Stopped; all that was read is done.")
    return 0


def await_stores(chosen: options.Options, stop: threading.Event) -> bool:
    """Check the options, and wait for a store that does not answer. False: ``stop`` was set.

    Raises:
        ConfigurationError: waiting would not help.
    """
    backoff = Backoff()
    while not stop.is_set():
        try:
            check_options(chosen, "delta")
        except AwayError as error:
            pause = backoff.failed()
            say(f"svod: {mask(str(error))}; tried again in {pause:.0f} s")
            stop.wait(pause)
        else:
            return not stop.is_set()
    return False


def _follower(
    ledger: Ledger, chosen: options.Options, lags: TopicLags, reporter: RunReporter
) -> Follower | StreamFollower:
    if lags.by_store and can_stream(chosen):
        return StreamFollower(ledger, chosen, lags, reporter)
    return Follower(chosen, partial(run_delta, ledger), lags, reporter)


@contextmanager
def _publish_metrics(chosen: options.Options, collector: MetricsCollector) -> Iterator[None]:
    """Metrics by HTTP, in a file, or neither, as the options say."""
    with ExitStack() as stack:
        if chosen.metrics_address:
            stack.enter_context(serving(chosen.metrics_address, collector))
        if chosen.metrics_file:
            stack.enter_context(writing(Path(chosen.metrics_file), collector))
        yield


def _report(ledger: Ledger, chosen: options.Options) -> None:
    with ledger.read() as connection:
        run_id = last_reported_run(connection)
    if chosen.report and run_id:
        write_report(ledger, run_id, Path(chosen.report))
