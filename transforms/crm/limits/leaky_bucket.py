"""The rules of a portal's limits: a leaky bucket, operating time, room for other programs.

The portal counts requests in a leaky bucket. Ours counts a request as full from the moment when it
is sent until its answer, and lets it drain only then; the portal has counted it earlier. So ours is
never emptier than the portal's, however long a request is on its way.
"""

from collections.abc import Mapping

from transforms.crm.limits.operating_time import STEPS, OperatingBudget, Spent
from transforms.crm.limits.state import (
    BATCH,
    COMMANDS,
    MOST_SHARE,
    Budget,
    MethodBudget,
    Permit,
    State,
    Usage,
)

# Requests kept free in the bucket: clocks do not run quite alike.
_MARGIN = 2
# Shorter waits are rounding.
_INSTANT = 1e-6
# Longest wait after another 503, in seconds of a portal with a window of ten minutes.
_LONGEST_HOLD = 60
# After this many seconds (of such a portal) an answer is no longer awaited: the process that
# sent the request has died, and the portal may have worked for it.
_LONGEST_FLIGHT = 90
# A refusal although our own count had room means that another program uses the portal: it gets a
# part of our rate, which we take back, bit by bit, within a window without such refusals.
_GIVE = 0.7
_LEAST_SHARE = 0.25


class LeakyBucket:
    """The rules of one portal; the count itself is a ``State``, which each method gets.

    ``rate`` and ``burst`` are in requests, ``operating`` in seconds of work per method and
    ``window`` seconds.
    """

    def __init__(self, rate: float, burst: float, operating: float, window: float) -> None:
        self._rate, self._burst = rate, burst
        self._operating, self._window = operating, window
        self._second = window / STEPS

    def settle(self, state: State, now: float) -> bool:
        """Let time pass in the state up to ``now``.

        Returns whether the state must be kept: without it the same could be computed later.
        """
        is_set_back = now < state.settled_at
        if is_set_back:
            state.held_until += now - state.settled_at
            for budget in state.methods.values():
                budget.shift(now - state.settled_at)
        passed = max(0.0, now - state.settled_at)
        state.share = min(MOST_SHARE, state.share + passed / self._window)
        state.level = max(0.0, state.level - self._rate * state.share * passed)
        state.settled_at = now
        abandoned = [
            permit
            for permit in state.flights.values()
            if abs(now - permit.moment) > _LONGEST_FLIGHT * self._second
        ]
        for permit in abandoned:
            self.book(state, permit, Usage(spent=_feared_costs(permit)))
        return is_set_back or bool(abandoned)

    def take(
        self, state: State, calls: Mapping[str, int], began: float | None
    ) -> tuple[bool, Permit | float]:
        """Whether the state has changed, and a permit, or the seconds after which to try again.

        ``began`` is when the caller has begun to wait, None if it has not waited.
        """
        delay = self.delay(state, calls)
        if delay > _INSTANT:
            return False, delay
        now, state.last_permit = state.settled_at, state.last_permit + 1
        marks = {
            method: self._budget(state, method).reserve(expected)
            for method, expected in self._expected(state, calls).items()
        }
        waited = now - (now if began is None else began)
        permit = Permit(state.last_permit, now, dict(calls), waited, marks)
        state.flights[permit.number] = permit
        return True, permit

    def book(self, state: State, permit: Permit, usage: Usage) -> bool:
        """Count what the request used; returns whether it shows anew that another program is there.

        Requests that were refused together show it once.
        """
        is_unexplained = False
        if usage.over_rate:
            is_unexplained = self._hold_back(state)
        elif usage.arrived:
            state.level += 1
            state.hold = 0.0
        state.billed = usage.billed or state.billed
        is_in_flight = state.flights.pop(permit.number, None) is not None
        self._book_costs(state, permit.marks if is_in_flight else {}, permit, usage)
        for method in usage.over_operating:
            self._budget(state, method).pause(state.settled_at)
        return is_unexplained

    def _book_costs(
        self,
        state: State,
        marks: Mapping[str, tuple[float, float]],
        permit: Permit,
        usage: Usage,
    ) -> None:
        """Charge each method with what its calls cost, in place of what was set aside."""
        for method in permit.marks.keys() | {cost.method for cost in usage.spent}:
            budget = self._budget(state, method)
            costs = [cost for cost in usage.spent if cost.method == method]
            budget.settle(state.settled_at, marks.get(method) or budget.reserve(0.0), costs)

    def _hold_back(self, state: State) -> bool:
        """Count the bucket as full, and give up a part of the rate: another program uses it too."""
        now = state.settled_at
        state.level = max(state.level, self._burst)
        if now < state.held_until:
            return False
        state.hold = min(max(1.0, 2 * state.hold), _LONGEST_HOLD)
        state.held_until = now + state.hold * self._second
        state.share = max(_LEAST_SHARE, _GIVE * state.share)
        return True

    def _budget(self, state: State, method: str) -> OperatingBudget:
        if method not in state.methods:
            state.methods[method] = OperatingBudget(self._operating, self._window)
        return state.methods[method]

    def _expected(self, state: State, calls: Mapping[str, int]) -> dict[str, float]:
        """Seconds that the calls will hardly exceed, by the methods that they are billed to."""
        commands = {
            method: self._budget(state, method).expected(count)
            for method, count in calls.items()
            if method != BATCH
        }
        if BATCH not in calls or state.billed == COMMANDS:
            return commands
        whole_batch: dict[str, float] = {BATCH: sum(commands.values())}
        return whole_batch if state.billed == BATCH else commands | whole_batch

    def delay(self, state: State, calls: Mapping[str, int]) -> float:
        """Seconds until a request with these calls may be sent; below 0 there is room to spare."""
        room = max(1.0, self._burst - _MARGIN)
        over = state.level + len(state.flights) + 1 - room
        delays = [
            self._budget(state, method).delay(state.settled_at, expected)
            for method, expected in self._expected(state, calls).items()
        ]
        return max(over / (self._rate * state.share), state.held_until - state.settled_at, *delays)

    def usage(self, state: State) -> Budget:
        """The usage of the limits in this state."""
        methods = {
            name: MethodBudget(budget.spent(state.settled_at), self._operating, budget.average)
            for name, budget in state.methods.items()
        }
        return Budget(state.level + len(state.flights), self._burst, methods)


def _feared_costs(permit: Permit) -> list[Spent]:
    """The greatest cost that a request without an answer may have had, by method."""
    return [Spent(method, reserved, guessed=True) for method, (reserved, _) in permit.marks.items()]
