"""Operating time: the seconds that a portal works for one method, which it limits.

A portal sums them in ten one-minute buckets and refuses a call when the sum is over the limit. We
sum the same seconds by their own times, so that what is free here is free there already.
"""

from dataclasses import dataclass
from math import sqrt

import msgspec

# The part of the limit that is kept free for what we cannot foresee.
_MARGIN = 0.02
# What a call is expected to cost before one was measured, and how fast the expectation moves.
_FIRST_GUESS = 0.5
_MOVE = 0.1
# Calls differ: this many usual deviations are expected on top.
_DEVIATIONS = 3.0
# Work that our own calls do not explain is another program's: this part of what it used in a window
# is kept free for it in the next. Less than ``_FOREIGN`` of the limit is a difference of clocks.
_ROOM = 0.25
_FOREIGN = 0.01
# The steps in which time passes: a second of a portal whose window is ten minutes.
STEPS = 600


@dataclass(frozen=True)
class Spent:
    """The cost of one call: ``seconds`` of work.

    ``operating`` is the portal's own sum right after the call and ``reset_in`` the seconds until
    its oldest part is free again, if the portal reported them. ``guessed`` seconds are not learned
    from; ``free`` ones are not counted: they were billed to another method. ``units`` is the number
    of calls, or items of an import, that they were for.
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
    measured. Not thread-safe: ``Limits`` holds its lock.
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
        """The expected cost of a call, in seconds."""
        return _FIRST_GUESS if self.learned is None else self.learned

    def expected(self, calls: int) -> float:
        """Seconds that this many calls will hardly exceed."""
        return calls * self.average + _DEVIATIONS * sqrt(calls) * self.deviation

    def room(self, now: float) -> float:
        """Seconds that may be spent: the limit without a margin and other programs' part."""
        foreign = self.foreign * max(0.0, 1 - (now - self.foreign_at) / self.window)
        return self.limit * (1 - _MARGIN) - min(_ROOM * foreign, self.limit / 2)

    def spent(self, now: float) -> float:
        """Seconds that count against the limit now."""
        expired = sum(1 for charged_at, _ in self.charges if charged_at + self.window <= now)
        del self.charges[:expired]
        return sum(seconds for _, seconds in self.charges)

    def delay(self, now: float, expected: float) -> float:
        """Seconds until calls of this cost may be sent, as far as it is known; 0: at once."""
        if now < self.paused_until:
            return self.paused_until - now
        if self.is_doubtful and self.in_flight:
            return self.window / STEPS
        used = self.spent(now) + self.reserved
        excess = used + expected - self.room(now)
        # A call that costs more than the whole limit is sent alone.
        return self._free_in(now, excess) if excess > 0 and used > 0 else 0.0

    def _free_in(self, now: float, seconds: float) -> float:
        """Seconds until this many seconds of work are free again."""
        for charged_at, cost in self.charges:
            seconds -= cost
            if seconds <= 0:
                return charged_at + self.window - now
        return self.window / STEPS

    def reserve(self, expected: float) -> tuple[float, float]:
        """Set the calls' expected cost aside; the returned mark is for ``settle``."""
        self.reserved += expected
        self.in_flight += 1
        return expected, self.answered

    def settle(self, now: float, mark: tuple[float, float], spent: list[Spent]) -> None:
        """Count what the calls cost in place of what was set aside.

        The portal's sum corrects ours: upwards at once; downwards only as far as calls allow that
        were answered in between, for that sum may not contain them yet.
        """
        reserved, answered_before = mark
        self.reserved -= reserved
        self.in_flight -= 1
        if self.in_flight == 0:
            self.reserved = 0.0
        between = self.answered - answered_before
        for call in spent:
            self._book(now, call, between)

    def _book(self, now: float, call: Spent, between: float) -> None:
        cost = max(call.seconds, call.units * self.average) if call.guessed else call.seconds
        if not call.guessed:
            self.is_doubtful = False
            self._learn(cost / call.units)
        if call.free:
            return
        self.answered += cost
        self._charge(now, cost)
        if call.operating is not None:
            our_sum = self.spent(now)
            self._charge(now, max(0.0, call.operating - our_sum))
            self._discount(max(0.0, our_sum - call.operating - between))
            self._note_foreign(now, call.operating - our_sum - self.reserved)
        if call.reset_in is not None:
            self.frees_at = now + call.reset_in

    def _note_foreign(self, now: float, unexplained: float) -> None:
        """Count seconds that the portal reports and we have not spent as another program's."""
        if unexplained > _FOREIGN * self.limit:
            remaining_part = max(0.0, 1 - (now - self.foreign_at) / self.window)
            self.foreign = self.foreign * remaining_part + unexplained
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
        moment = -(-now // step) * step
        if self.charges and self.charges[-1][0] >= moment:
            self.charges[-1][1] += seconds
        else:
            self.charges.append([moment, seconds])

    def _discount(self, seconds: float) -> None:
        """Take off what the portal no longer counts: the oldest charges."""
        while seconds > 0 and self.charges:
            part = min(seconds, self.charges[0][1])
            self.charges[0][1] -= part
            seconds -= part
            if not self.charges[0][1]:
                del self.charges[0]

    def pause(self, now: float) -> None:
        """Pause after a refusal: until the moment the portal named, or a minute; then try again."""
        frees_at = min(self.frees_at, now + self.window)
        self.paused_until = frees_at if frees_at > now else now + self.window / 10
        self.is_doubtful = True

    def shift(self, seconds: float) -> None:
        """Move all moments with a clock that was set."""
        for charge in self.charges:
            charge[0] += seconds
        self.frees_at += seconds
        self.paused_until += seconds
        self.foreign_at += seconds
