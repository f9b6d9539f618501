"""The register's limits: questions a second, new connections a minute, questions a day."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Clock = Callable[[], float]

# Requests are this share further apart than the rate allows, because the server sees them after
# varying delays; a request may be this many seconds late without delaying its successors.
_MARGIN = 0.03
_SLACK = 0.01
# The service counts its days in Moscow.
_MOSCOW = timezone(timedelta(hours=3))


class RequestSpacing:
    """At most ``rate`` requests in any second, evenly spaced, for all threads together.

    A request may be 10 ms early against the even spacing if the one before was late, and 20 ms of
    jitter on the way still keep the server within ``rate`` in any sliding second.
    """

    def __init__(
        self,
        rate: float,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = (1 + _MARGIN) / rate
        self._clock = clock
        self._sleep = sleep
        self._due = float("-inf")
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until this thread may send a request."""
        with self._lock:
            early = self._due - self._clock()
            if early > 0:
                self._sleep(early)
            self._due = max(self._due, self._clock() - _SLACK) + self._gap

    def hold(self, seconds: float) -> None:
        """Allow no request for this long from now on: the server said that we are too fast."""
        until = self._clock() + seconds
        with self._lock:
            self._due = max(self._due, until)


class SlidingWindow:
    """At most ``count`` requests in any ``seconds``, as early as possible, for all threads."""

    def __init__(
        self,
        count: int,
        seconds: float,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._passes = deque([float("-inf")] * count, maxlen=count)
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until another request is allowed."""
        with self._lock:
            early = self._passes[0] + self._seconds - self._clock()
            if early > 0:
                self._sleep(early)
            self._passes.append(self._clock())


class DailyBudget:
    """Counts the questions of a day (days are Moscow's), of which ``limit`` are allowed.

    ``day`` and ``count`` are what an earlier run recorded: they count if it is still the same day.
    ``clock`` returns seconds since the epoch.
    """

    def __init__(self, limit: int, day: str = "", count: int = 0, clock: Clock = time.time) -> None:
        self.limit = limit
        self._day = day
        self._count = count
        self._exhausted = False
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def today(self) -> tuple[str, int]:
        """The day (``2026-11-22``) and the questions asked on it: what the caller records."""
        with self._lock:
            self._turn_day()
            return self._day, self._count

    @property
    def remaining(self) -> int:
        """The number of questions that may still be asked today."""
        with self._lock:
            self._turn_day()
            return 0 if self._exhausted else max(self.limit - self._count, 0)

    def take(self) -> bool:
        """Count a question and return True, unless today's are used up."""
        with self._lock:
            self._turn_day()
            if self._exhausted or self._count >= self.limit:
                return False
            self._count += 1
            return True

    def catch_up(self, day: str, count: int) -> None:
        """Take over the count that other workers have recorded for that day."""
        with self._lock:
            self._turn_day()
            if day == self._day:
                self._count = max(self._count, count)

    def exhaust(self) -> None:
        """Allow no more questions today: the register says that the quota is used up."""
        with self._lock:
            self._turn_day()
            self._exhausted = True

    def _turn_day(self) -> None:
        day = datetime.fromtimestamp(self._clock(), _MOSCOW).date().isoformat()
        if day != self._day:
            self._day, self._count, self._exhausted = day, 0, False
