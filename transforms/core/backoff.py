"""Back-off: how long to leave something alone before it is tried again."""

import time


class Backoff:
    """The schedule of something that is tried again and again. Times are seconds.

    After a success the next try is due ``interval`` later. After each failure in a row the pause
    doubles, from ``shortest`` up to ``longest``.

    >>> backoff = Backoff(shortest=1, longest=5)
    >>> backoff.is_due
    True
    >>> [backoff.failed() for _ in range(5)]
    [1, 2, 4, 5, 5]
    >>> backoff.is_due
    False
    >>> backoff.succeeded()
    >>> backoff.is_due, backoff.failed()
    (True, 1)
    """

    def __init__(
        self, interval: float = 0.0, *, shortest: float = 1.0, longest: float = 60.0
    ) -> None:
        self._interval, self._shortest, self._longest = interval, shortest, longest
        self._pause = 0.0
        self._due = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the next try is due. The first one always is."""
        return time.monotonic() >= self._due

    def succeeded(self) -> None:
        """Return to the usual interval."""
        self._pause, self._due = 0.0, time.monotonic() + self._interval

    def failed(self) -> float:
        """Postpone the next try; returns the pause until then."""
        self._pause = min(max(self._shortest, 2 * self._pause), self._longest)
        self._due = time.monotonic() + self._pause
        return self._pause
