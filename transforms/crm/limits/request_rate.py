"""Keeps the portal's limits: requests a second (a leaky bucket), and operating time.

The portal counts requests in a leaky bucket. Ours counts a request as full from the moment when it
is sent until its answer, and lets it drain only then; the portal has counted it earlier. So ours is
never emptier than the portal's, however long a request is on its way.

All threads, processes and runs of this machine share the count (``Store``): what was spent before a
restart stays spent.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from transforms.crm.errors import CrmUnavailable
from transforms.crm.limits.operating_time import STEPS, OperatingBudget, Spent
from transforms.crm.limits.state import (
    BATCH,
    COMMANDS,
    MOST_SHARE,
    Billing,
    Budget,
    MethodBudget,
    Permit,
    State,
    Statistics,
    Store,
    Usage,
)

__all__ = ["Budget", "Limits", "MethodBudget", "Store", "Usage"]

T = TypeVar("T")

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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Limits:
    """The limits of one portal, for all threads that call it.

    ``rate`` and ``burst`` are in requests, ``operating`` in seconds of work per method and
    ``window`` seconds. ``on_request(requests, refused, waited_ms)`` is called after each request,
    in the thread that sent it. ``clock`` is in seconds; with a ``store`` it must be a clock that
    all processes share. Without a store the count belongs to this object alone.
    """

    def __init__(
        self,
        rate: float = 2.0,
        burst: float = 50.0,
        operating: float = 480.0,
        window: float = 600.0,
        *,
        store: Store | None = None,
        on_request: Callable[[int, int, int], None] = lambda requests, refused, waited_ms: None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate, self.operating, self.window = rate, operating, window
        self._burst, self._second = burst, window / STEPS
        self.on_request, self._clock, self._sleep = on_request, clock, sleep
        self._lock = threading.Lock()
        self._store = store
        self._state = State(clock())
        self._statistics = Statistics()
        self._stopped = False

    def acquire(self, calls: Mapping[str, int]) -> Permit:
        """Wait until a request with these numbers of calls by method may be sent.

        A batch names ``batch`` too. Each permit must be given back to ``release``.

        Raises:
            CrmUnavailable: after ``stop``.
        """
        began = self._clock()
        while isinstance(answer := self.try_acquire(calls, began), float):
            if self._stopped:
                raise CrmUnavailable("The load was stopped.")
            # Check again every second: another thread's answer may have freed budget.
            self._sleep(min(answer, self._second))
        return answer

    def stop(self) -> None:
        """Wake every thread that waits in ``acquire``: none of them gets a permit."""
        self._stopped = True

    def try_acquire(self, calls: Mapping[str, int], began: float | None = None) -> Permit | float:
        """A permit, or the seconds after which trying again makes sense."""

        def take(state: State) -> tuple[bool, Permit | float]:
            delay = self._delay(state, calls)
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

        return self._change(take)

    def wait(self, calls: Mapping[str, int]) -> float:
        """Seconds until such a request may be sent, as far as it is known now."""
        with self._lock:
            self._settle(self._state)
            return max(0.0, self._delay(self._state, calls))

    def release(self, permit: Permit, usage: Usage) -> None:
        """Count what the request used."""

        def book(state: State) -> tuple[bool, None]:
            self._book(state, permit, usage)
            return True, None

        self._change(book)
        with self._lock:
            self._statistics.requests += usage.arrived
            self._statistics.refused += usage.refused
            self._statistics.seconds_waited += permit.waited
        self.on_request(int(usage.arrived), int(usage.refused), round(1000 * permit.waited))

    def _change(self, work: Callable[[State], tuple[bool, T]]) -> T:
        """Call ``work`` with the settled state; keep the state if ``work`` says that it changed."""
        with self._lock:
            if self._store is None:
                self._settle(self._state)
                return work(self._state)[1]

            def change(stored: bytes | None) -> tuple[bytes | None, T]:
                state = _decode(stored) if stored else State(self._clock())
                settled = self._settle(state)
                changed, result = work(state)
                changed, self._state = changed or settled, state
                return (_encode(state) if changed else None), result

            return self._store.change(change)

    def _settle(self, state: State) -> bool:
        """Let time pass in the state up to now.

        Returns whether the state must be kept: without it the same could be computed later.
        """
        now = self._clock()
        is_set_back = now < state.settled_at
        if is_set_back:
            state.held_until += now - state.settled_at
            for budget in state.methods.values():
                budget.shift(now - state.settled_at)
        passed = max(0.0, now - state.settled_at)
        state.share = min(MOST_SHARE, state.share + passed / self.window)
        state.level = max(0.0, state.level - self.rate * state.share * passed)
        state.settled_at = now
        abandoned = [
            permit
            for permit in state.flights.values()
            if abs(now - permit.moment) > _LONGEST_FLIGHT * self._second
        ]
        for permit in abandoned:
            self._book(state, permit, Usage(spent=_feared_costs(permit)))
        return is_set_back or bool(abandoned)

    def _book(self, state: State, permit: Permit, usage: Usage) -> None:
        if usage.over_rate:
            self._hold_back(state)
        elif usage.arrived:
            state.level += 1
            state.hold = 0.0
        state.billed = usage.billed or state.billed
        is_in_flight = state.flights.pop(permit.number, None) is not None
        self._book_costs(state, permit.marks if is_in_flight else {}, permit, usage)
        for method in usage.over_operating:
            self._budget(state, method).pause(state.settled_at)

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

    def _hold_back(self, state: State) -> None:
        """Count the bucket as full, and give up a part of the rate: another program uses it too."""
        now = state.settled_at
        state.level = max(state.level, self._burst)
        # Requests that were refused together are one refusal.
        if now >= state.held_until:
            state.hold = min(max(1.0, 2 * state.hold), _LONGEST_HOLD)
            state.held_until = now + state.hold * self._second
            state.share = max(_LEAST_SHARE, _GIVE * state.share)
            self._statistics.unexplained += 1

    def _budget(self, state: State, method: str) -> OperatingBudget:
        if method not in state.methods:
            state.methods[method] = OperatingBudget(self.operating, self.window)
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

    def _delay(self, state: State, calls: Mapping[str, int]) -> float:
        room = max(1.0, self._burst - _MARGIN)
        over = state.level + len(state.flights) + 1 - room
        delays = [
            self._budget(state, method).delay(state.settled_at, expected)
            for method, expected in self._expected(state, calls).items()
        ]
        return max(over / (self.rate * state.share), state.held_until - state.settled_at, *delays)

    def seconds(self, method: str) -> float | None:
        """The cost of a call of the method, in seconds; None before one was measured."""
        with self._lock:
            budget = self._state.methods.get(method)
            return budget.learned if budget else None

    @property
    def billed(self) -> Billing:
        """To what the portal bills a batch."""
        return self._state.billed

    @property
    def statistics(self) -> Statistics:
        """Requests and waits since this object was made."""
        with self._lock:
            return replace(self._statistics)

    def budget(self) -> Budget:
        """The present usage of the limits."""

        def read(state: State) -> tuple[bool, Budget]:
            methods = {
                name: MethodBudget(budget.spent(state.settled_at), self.operating, budget.average)
                for name, budget in state.methods.items()
            }
            return False, Budget(state.level + len(state.flights), self._burst, methods)

        return self._change(read)


def _feared_costs(permit: Permit) -> list[Spent]:
    """The greatest cost that a request without an answer may have had, by method."""
    return [Spent(method, reserved, guessed=True) for method, (reserved, _) in permit.marks.items()]
