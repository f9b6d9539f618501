"""Following both stores by runs in a row, and the words of whatever follows them."""

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline import options
from pipeline.failures import plain_reason
from pipeline.metrics import RunMetrics
from pipeline.run import say
from pipeline.terminal_lines import window_line
from pipeline.topic_lag import Lag
from transforms.core.backoff import Backoff
from transforms.core.errors import StoreError

Window = Callable[[options.Options], dict[str, Any]]
"""Runs one delta of the stores that the options name; gives its summary."""


class Teller:
    """Tells whoever looks on what came of it: on the terminal, and by metrics."""

    def __init__(self, metrics: RunMetrics) -> None:
        self._metrics = metrics

    def ended(self, summary: dict[str, Any]) -> None:
        """A window came to its end."""
        self._metrics.count_run(summary)
        if line := window_line(summary):
            say(line)

    def failed(self, reason: str, again: float | None = None) -> None:
        """Something went wrong; it is tried again in so many seconds, or when its turn comes."""
        self._metrics.count_failed_run()
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
        self._turn, self._topic = Backoff(chosen.poll), Backoff()

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
        backoff = self._turn if turn else self._topic
        try:
            summary = self._window(window)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next window may do better
            self._failed(backoff, error)
        else:
            backoff.succeeded()
            self._teller.ended(summary)

    def _failed(self, backoff: Backoff, error: Exception) -> None:
        self._teller.failed(plain_reason(error), backoff.failed())
