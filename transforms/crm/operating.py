"""Operating time: the seconds that a portal works for one method, of which it grants so many.

A portal sums them in ten one-minute buckets and refuses a call when the sum is over the limit. We
sum the same seconds by their own times, so that what is free here is free there already.
"""

from collections import deque
from dataclasses import dataclass
from math import sqrt

# Kept free of the limit: what we cannot foresee.
_MARGIN = 0.02
# What a call is expected to cost before one was seen, and how fast the expectation moves.
_FIRST_GUESS = 0.5
_MOVE = 0.1
# Calls differ: so many usual deviations are expected on top.
_DEVIATIONS = 3.0
# The steps in which time passes: a second of a portal whose window is ten minutes.
STEPS = 600


@dataclass(frozen=True)
class Spent:
    """What one call cost: ``seconds`` of work.

    ``operating`` is the portal's own sum right after the call and ``reset_in`` the seconds until
    its oldest part is free again, when it told them. ``guessed`` seconds are not learned from.
    """

    method: str
    seconds: float
    operating: float | None = None
    reset_in: float | None = None
    guessed: bool = False


class OperatingBudget:
    """The operating time of one method: what was spent, what is being spent, when it may go on.

    ``limit`` is in seconds of work per ``window`` seconds. All moments are of one rising clock.
    Not thread-safe: ``Limits`` holds its lock.
    """

    def __init__(self, limit: float, window: float) -> None:
        self._limit = limit * (1 - _MARGIN)
        self._window = window
        self._charges: deque[list[float]] = deque()
        self._spent = 0.0
        self._answered = 0.0
        self._reserved = 0.0
        self._in_flight = 0
        self._average: float | None = None
        self._deviation = 0.0
        self._frees_at = 0.0
        self._paused_until = float("-inf")
        self._is_doubtful = False

    @property
    def average(self) -> float:
        """What a call is expected to cost, in seconds."""
        return _FIRST_GUESS if self._average is None else self._average

    def expected(self, calls: int) -> float:
        """What so many calls will hardly cost more than, in seconds."""
        return calls * self.average + _DEVIATIONS * sqrt(calls) * self._deviation

    def spent(self, now: float) -> float:
        """Seconds that count against the limit now."""
        while self._charges and self._charges[0][0] + self._window <= now:
            self._spent -= self._charges.popleft()[1]
        return self._spent if self._charges else 0.0

    def delay(self, now: float, calls: int) -> float:
        """Seconds until so many calls may be sent, as far as can be said now; 0: at once."""
        if now < self._paused_until:
            return self._paused_until - now
        if self._is_doubtful and self._in_flight:
            return self._window / STEPS
        taken = self.spent(now) + self._reserved
        over = taken + self.expected(calls) - self._limit
        # A call that is dearer than the whole limit goes alone.
        return self._free_in(now, over) if over > 0 and taken > 0 else 0.0

    def _free_in(self, now: float, seconds: float) -> float:
        for charged_at, cost in self._charges:
            seconds -= cost
            if seconds <= 0:
                return charged_at + self._window - now
        return self._window / STEPS

    def reserve(self, calls: int) -> tuple[float, float]:
        """Sets the calls' expected cost aside; what it gives is for ``settle``."""
        reserved = self.expected(calls)
        self._reserved += reserved
        self._in_flight += 1
        return reserved, self._answered

    def settle(self, now: float, mark: tuple[float, float], spent: list[Spent]) -> None:
        """Books what the calls did cost in place of what was set aside.

        The portal's sum corrects ours: up at once; down only as far as calls that were answered
        in between, which that sum may not have seen yet, allow.
        """
        reserved, answered_before = mark
        self._reserved -= reserved
        self._in_flight -= 1
        if self._in_flight == 0:
            self._reserved = 0.0
        between = self._answered - answered_before
        for one in spent:
            self._book(now, one, between)

    def _book(self, now: float, one: Spent, between: float) -> None:
        cost = max(one.seconds, self.average) if one.guessed else one.seconds
        if not one.guessed:
            self._is_doubtful = False
            self._learn(cost)
        self._answered += cost
        self._charge(now, cost)
        if one.operating is not None:
            had = self.spent(now)
            self._charge(now, max(0.0, one.operating - had))
            self._forget(max(0.0, had - one.operating - between))
        if one.reset_in is not None:
            self._frees_at = now + one.reset_in

    def _learn(self, cost: float) -> None:
        if self._average is None:
            self._average = cost
        self._deviation += _MOVE * (abs(cost - self._average) - self._deviation)
        self._average += _MOVE * (cost - self._average)

    def _charge(self, now: float, seconds: float) -> None:
        if not seconds:
            return
        step = self._window / STEPS
        # Rounded up to a whole step, so that it is never free too early.
        at = -(-now // step) * step
        if self._charges and self._charges[-1][0] >= at:
            self._charges[-1][1] += seconds
        else:
            self._charges.append([at, seconds])
        self._spent += seconds

    def _forget(self, seconds: float) -> None:
        """Takes off what the portal no longer counts: the oldest."""
        while seconds > 0 and self._charges:
            part = min(seconds, self._charges[0][1])
            self._charges[0][1] -= part
            self._spent -= part
            seconds -= part
            if not self._charges[0][1]:
                self._charges.popleft()

    def pause(self, now: float) -> None:
        """The portal says that the limit is crossed: wait for its time, or a minute; then try."""
        known = min(self._frees_at, now + self._window)
        self._paused_until = known if known > now else now + self._window / 10
        self._is_doubtful = True
