"""Operating time: the seconds that a portal works for one method, of which it grants so many.

A portal sums them in ten one-minute buckets and refuses a call when the sum is over the limit. We
sum the same seconds by their own times, so that what is free here is free there already.
"""

from dataclasses import dataclass
from math import sqrt

import msgspec

# Kept free of the limit: what we cannot foresee.
_MARGIN = 0.02
# What a call is expected to cost before one was seen, and how fast the expectation moves.
_FIRST_GUESS = 0.5
_MOVE = 0.1
# Calls differ: so many usual deviations are expected on top.
_DEVIATIONS = 3.0
# Work that we cannot explain by our own calls is another program's: so much of what it took in a
# window is kept free for it in the next. Less than that share of the limit is a difference of
# clocks.
_ROOM = 0.25
_FOREIGN = 0.01
# The steps in which time passes: a second of a portal whose window is ten minutes.
STEPS = 600


@dataclass(frozen=True)
class Spent:
    """What one call cost: ``seconds`` of work.

    ``operating`` is the portal's own sum right after the call and ``reset_in`` the seconds until
    its oldest part is free again, when it told them. ``guessed`` seconds are not learned from;
    ``free`` ones are not counted: they were billed to something else. ``units`` is how many calls,
    or items of an import, they were for.
    """

    method: str
    seconds: float
    operating: float | None = None
    reset_in: float | None = None
    guessed: bool = False
    free: bool = False
    units: int = 1


class OperatingBudget(msgspec.Struct):
    """The operating time of one method: what was spent, what is being spent, when it may go on.

    ``limit`` is in seconds of work per ``window`` seconds. All moments are of one rising clock.
    ``charges`` are ``[moment, seconds]``, rising. ``learned`` is what a call costs, once one was
    seen. Not thread-safe: ``Limits`` holds its lock.
    """

    limit: float
    window: float
    charges: list[list[float]] = []
    answered: float = 0.0
    reserved: float = 0.0
    in_flight: int = 0
    learned: float | None = None
    deviation: float = 0.0
    frees_at: float = 0.0
    paused_until: float = 0.0
    is_doubtful: bool = False
    foreign: float = 0.0
    foreign_at: float = 0.0

    @property
    def average(self) -> float:
        """What a call is expected to cost, in seconds."""
        return _FIRST_GUESS if self.learned is None else self.learned

    def expected(self, calls: int) -> float:
        """What so many calls will hardly cost more than, in seconds."""
        return calls * self.average + _DEVIATIONS * sqrt(calls) * self.deviation

    def room(self, now: float) -> float:
        """Seconds that may be spent at all: the limit but for a margin, and for other programs."""
        taken = self.foreign * max(0.0, 1 - (now - self.foreign_at) / self.window)
        return self.limit * (1 - _MARGIN) - min(_ROOM * taken, self.limit / 2)

    def spent(self, now: float) -> float:
        """Seconds that count against the limit now."""
        over = sum(1 for charged_at, _ in self.charges if charged_at + self.window <= now)
        del self.charges[:over]
        return sum(seconds for _, seconds in self.charges)

    def delay(self, now: float, expected: float) -> float:
        """Seconds until calls that cost so much may be sent, as far as can be said; 0: at once."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.is_doubtful and self.in_flight:
            return self.window / STEPS
        taken = self.spent(now) + self.reserved
        over = taken + expected - self.room(now)
        # A call that is dearer than the whole limit goes alone.
        return self._free_in(now, over) if over > 0 and taken > 0 else 0.0

    def _free_in(self, now: float, seconds: float) -> float:
        for charged_at, cost in self.charges:
            seconds -= cost
            if seconds <= 0:
                return charged_at + self.window - now
        return self.window / STEPS

    def reserve(self, expected: float) -> tuple[float, float]:
        """Sets the calls' expected cost aside; what it gives is for ``settle``."""
        self.reserved += expected
        self.in_flight += 1
        return expected, self.answered

    def settle(self, now: float, mark: tuple[float, float], spent: list[Spent]) -> None:
        """Books what the calls did cost in place of what was set aside.

        The portal's sum corrects ours: up at once; down only as far as calls that were answered
        in between, which that sum may not have seen yet, allow.
        """
        reserved, answered_before = mark
        self.reserved -= reserved
        self.in_flight -= 1
        if self.in_flight == 0:
            self.reserved = 0.0
        between = self.answered - answered_before
        for one in spent:
            self._book(now, one, between)

    def _book(self, now: float, one: Spent, between: float) -> None:
        cost = max(one.seconds, one.units * self.average) if one.guessed else one.seconds
        if not one.guessed:
            self.is_doubtful = False
            self._learn(cost / one.units)
        if one.free:
            return
        self.answered += cost
        self._charge(now, cost)
        if one.operating is not None:
            had = self.spent(now)
            self._charge(now, max(0.0, one.operating - had))
            self._forget(max(0.0, had - one.operating - between))
            self._notice(now, one.operating - had - self.reserved)
        if one.reset_in is not None:
            self.frees_at = now + one.reset_in

    def _notice(self, now: float, unexplained: float) -> None:
        """Seconds that the portal counts and we have not spent are another program's."""
        if unexplained > _FOREIGN * self.limit:
            left = max(0.0, 1 - (now - self.foreign_at) / self.window)
            self.foreign = self.foreign * left + unexplained
            self.foreign_at = now

    def _learn(self, cost: float) -> None:
        if self.learned is None:
            self.learned = cost
        self.deviation += _MOVE * (abs(cost - self.learned) - self.deviation)
        self.learned += _MOVE * (cost - self.learned)

    def _charge(self, now: float, seconds: float) -> None:
        if not seconds:
            return
        step = self.window / STEPS
        # Rounded up to a whole step, so that it is never free too early.
        at = -(-now // step) * step
        if self.charges and self.charges[-1][0] >= at:
            self.charges[-1][1] += seconds
        else:
            self.charges.append([at, seconds])

    def _forget(self, seconds: float) -> None:
        """Takes off what the portal no longer counts: the oldest."""
        while seconds > 0 and self.charges:
            part = min(seconds, self.charges[0][1])
            self.charges[0][1] -= part
            seconds -= part
            if not self.charges[0][1]:
                del self.charges[0]

    def pause(self, now: float) -> None:
        """The portal says that the limit is crossed: wait for its time, or a minute; then try."""
        known = min(self.frees_at, now + self.window)
        self.paused_until = known if known > now else now + self.window / 10
        self.is_doubtful = True

    def shift(self, seconds: float) -> None:
        """The clock was set: all moments move with it."""
        for charge in self.charges:
            charge[0] += seconds
        self.frees_at += seconds
        self.paused_until += seconds
        self.foreign_at += seconds
