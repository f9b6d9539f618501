"""Following both stores by bounded runs in a row, and reporting the runs of any follower."""

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline import graph, options
from pipeline.console import say
from pipeline.failures import plain_reason
from pipeline.follow.window import run_window
from pipeline.metrics import RunMetrics
from pipeline.run import run_graph
from pipeline.terminal_lines import window_line
from pipeline.topic_lag import Lag
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
    """Runs a delta when store A is due, every ``poll`` seconds, or the topic has events.

    A run in which store A is due also resumes unfinished work.
    """

    def __init__(
        self, chosen: options.Options, run: RunDelta, lag: Lag | None, reporter: RunReporter
    ) -> None:
        self._chosen, self._run, self._lag, self._reporter = chosen, run, lag, reporter
        self._store_a, self._topic = Backoff(chosen.poll), Backoff()

    def poll(self) -> None:
        """Run a delta, if one is due."""
        is_due, has_events = self._store_a.is_due, self._has_events()
        if is_due or has_events:
            self._try(is_due, has_events)

    def finish(self) -> None:
        """Do nothing: no run is under way between two polls."""

    def _has_events(self) -> bool:
        if self._lag is None or not self._topic.is_due:
            return False
        try:
            return self._lag.measure() > 0
        except StoreError as error:
            self._fail(self._topic, error)
            return False

    def _try(self, is_due: bool, has_events: bool) -> None:
        chosen = self._chosen
        delta = msgspec.structs.replace(
            chosen,
            store_a=chosen.store_a if is_due else "",
            # A delta has one store at least.
            store_b_kafka=chosen.store_b_kafka if has_events or not chosen.store_a else "",
        )
        # While store A is in trouble, store B is read without it.
        backoff = self._store_a if is_due else self._topic
        try:
            summary = self._run(delta)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next run may do better
            self._fail(backoff, error)
        else:
            backoff.succeeded()
            self._reporter.ended(summary)

    def _fail(self, backoff: Backoff, error: Exception) -> None:
        self._reporter.failed(plain_reason(error), backoff.failed())
