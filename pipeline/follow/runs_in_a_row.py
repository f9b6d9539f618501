"""Following the stores by bounded runs in a row, and reporting the runs of any follower."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pipeline import graph, options
from pipeline.access import polled_stores
from pipeline.console import say
from pipeline.failures import plain_reason
from pipeline.follow.window import run_window
from pipeline.metrics import RunMetrics
from pipeline.run import run_graph
from pipeline.terminal_lines import window_line
from pipeline.topic_lag import TopicLags
from transforms.core.backoff import Backoff
from transforms.core.errors import StoreError
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive

RunDelta = Callable[[options.Options], dict[str, Any]]
"""Runs one delta of the stores that the options name; returns its summary."""


def run_delta(ledger: Ledger, chosen: options.Options) -> dict[str, Any]:
    """One delta, alone with the ledger. Other commands may run before the next one."""
    with exclusive(ledger):
        return run_window(
            ledger,
            lambda run: run_graph(run, chosen, graph.delta_sources),
            crm_rate=chosen.crm_rate,
        )


class RunReporter:
    """Reports how each run ended: on the terminal, and in the metrics."""

    def __init__(self, metrics: RunMetrics) -> None:
        self._metrics = metrics

    def ended(self, summary: dict[str, Any]) -> None:
        """Report a run that ended with numbers."""
        self._metrics.count_run(summary)
        if line := window_line(summary):
            say(line)

    def failed(self, reason: str, pause: float | None = None) -> None:
        """Report a failure; the next try is due after ``pause`` seconds, or at its usual time."""
        self._metrics.count_failed_run()
        when = "" if pause is None else f" in {pause:.0f} s"
        say(f"svod: {reason}; tried again{when}")


class Follower:
    """Runs a delta when the polls are due, every ``poll`` seconds, or a topic has events.

    A poll reads the stores without a topic, and resumes unfinished work. While it fails, the topics
    are read without it, and each topic without those that fail.
    """

    def __init__(
        self, chosen: options.Options, run: RunDelta, lags: TopicLags, reporter: RunReporter
    ) -> None:
        self._chosen, self._run, self._lags, self._reporter = chosen, run, lags, reporter
        self._polled = polled_stores(chosen)
        self._polls = Backoff(chosen.poll)
        self._topics = {store: Backoff() for store in lags.by_store}

    def poll(self) -> None:
        """Run a delta, if one is due."""
        is_due = self._polls.is_due
        topics = [store for store in self._topics if self._has_events(store)]
        if is_due or topics:
            self._try(is_due, topics)

    def finish(self) -> None:
        """Do nothing: no run is under way between two polls."""

    def _has_events(self, store: str) -> bool:
        backoff = self._topics[store]
        if not backoff.is_due:
            return False
        try:
            return self._lags.by_store[store].measure() > 0
        except StoreError as error:
            self._reporter.failed(plain_reason(error), backoff.failed())
            return False

    def _try(self, is_due: bool, topics: Sequence[str]) -> None:
        polled = self._polled if is_due else ()
        # A delta has one store at least.
        stores = (*polled, *topics) or tuple(self._topics)
        delta = msgspec.structs.replace(self._chosen, read_stores=stores)
        backoffs = [self._polls] if is_due else [self._topics[store] for store in topics]
        try:
            summary = self._run(delta)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next run may do better
            pause = max(backoff.failed() for backoff in backoffs)
            self._reporter.failed(plain_reason(error), pause)
        else:
            for backoff in backoffs:
                backoff.succeeded()
            self._reporter.ended(summary)
