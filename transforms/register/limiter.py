"""The register's limits: questions a second, new connections a minute, questions a day."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Clock = Callable[[], float]

# Share of a second kept free, because the server sees a question later than we send it, and not
# every one as much later; and how late a question may be without its successors being late too.
_MARGIN = 0.03
_SLACK = 0.01
# The service counts its days in Moscow.
_MOSCOW = timezone(timedelta(hours=3))


class Pace:
    """At most ``rate`` passes in any second, evenly spaced, for all threads together.

    A pass may be 10 ms early against the even spacing when the one before was late, and 20 ms of
    jitter on the way still do not bring the server over ``rate`` in any sliding second.
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
        """Return when it is this thread's turn."""
        with self._lock:
            early = self._due - self._clock()
            if early > 0:
                self._sleep(early)
            self._due = max(self._due, self._clock() - _SLACK) + self._gap

    def hold(self, seconds: float) -> None:
        """Let nobody pass for so long from now on: the server said that we are too fast."""
        until = self._clock() + seconds
        with self._lock:
            self._due = max(self._due, until)


class Window:
    """At most ``count`` passes in any ``seconds``, as early as can be, for all threads together."""

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
        """Return when one more pass is allowed."""
        with self._lock:
            early = self._passes[0] + self._seconds - self._clock()
            if early > 0:
                self._sleep(early)
            self._passes.append(self._clock())


class DailyBudget:
    """Questions left today (days are Moscow's), of ``limit`` a day.

    ``day`` and ``asked`` are what an earlier run recorded: they count when the day is still the
    same. ``clock`` gives seconds since the epoch.
    """

    def __init__(self, limit: int, day: str = "", asked: int = 0, clock: Clock = time.time) -> None:
        self.limit = limit
        self._day = day
        self._asked = asked
        self._exhausted = False
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def today(self) -> tuple[str, int]:
        """The day (``2026-11-22``) and the questions asked on it: what the caller records."""
        with self._lock:
            self._turn_day()
            return self._day, self._asked

    @property
    def left(self) -> int:
        """How many questions may still be asked today."""
        with self._lock:
            self._turn_day()
            return 0 if self._exhausted else max(self.limit - self._asked, 0)

    def take(self) -> bool:
        """Count one question, unless none is left today."""
        with self._lock:
            self._turn_day()
            if self._exhausted or self._asked >= self.limit:
                return False
            self._asked += 1
            return True

    def catch_up(self, day: str, asked: int) -> None:
        """Others have asked too: so many questions are recorded for that day."""
        with self._lock:
            self._turn_day()
            if day == self._day:
                self._asked = max(self._asked, asked)

    def exhaust(self) -> None:
        """Take no more today: the register says that the quota is gone."""
        with self._lock:
            self._turn_day()
            self._exhausted = True

    def _turn_day(self) -> None:
        day = datetime.fromtimestamp(self._clock(), _MOSCOW).date().isoformat()
        if day != self._day:
            self._day, self._asked, self._exhausted = day, 0, False
