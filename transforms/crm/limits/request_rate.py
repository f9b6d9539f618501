"""The portal's limits, kept before they are reached: requests a second, operating time.

The portal counts requests in a leaky bucket. Ours counts a request from the moment when it is sent
until its answer as full, and lets it drain only then; the portal has counted it earlier. So ours is
never emptier than the portal's, however long a request is on its way.

The count stands where all threads, processes and runs of this machine see it (``Store``): what was
spent before a restart is spent.
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
    MOST_SHARE,
    Budget,
    MethodBudget,
    Permit,
    State,
    Statistics,
    Store,
    Usage,
)

__all__ = ["BATCH", "Budget", "Limits", "MethodBudget", "Store", "Usage"]

T = TypeVar("T")

# Requests kept free in the bucket: clocks do not run quite alike.
_MARGIN = 2
# Shorter waits are rounding.
_INSTANT = 1e-6
# Longest wait after one more 503, in seconds of a portal with a window of ten minutes.
_LONGEST_HOLD = 60
# After so many seconds (of such a portal) nobody waits for an answer any more: whoever sent the
# request has died, and the portal may have worked for it.
_LONGEST_FLIGHT = 90
# A refusal is another program's doing, for our own count had room: it gets a part of the rate,
# which comes back, bit by bit, within a window without such refusals.
_GIVE = 0.7
_LEAST_SHARE = 0.25


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Limits:
    """The pace for all threads that talk to one portal.

    ``rate`` and ``burst`` are in requests, ``operating`` in seconds of work per method and
    ``window`` seconds. ``on_request(requests, refused, waited_ms)`` is told of each request, in
    the thread that sent it. ``clock`` is in seconds; with a ``store`` it is one that all processes
    share. Without one the count is this object's own.
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
        """Returns when a request with so many calls of these methods may be sent.

        A batch names ``batch`` itself too. Each permit must come back through ``release``.

        Raises:
            CrmUnavailable: after ``stop``.
        """
        began = self._clock()
        while isinstance(answer := self.try_acquire(calls, began), float):
            if self._stopped:
                raise CrmUnavailable("The load was stopped.")
            # Looks again every second: others' answers may have brought better news.
            self._sleep(min(answer, self._second))
        return answer

    def stop(self) -> None:
        """Nobody who waits gets a permit any more."""
        self._stopped = True

    def try_acquire(self, calls: Mapping[str, int], began: float | None = None) -> Permit | float:
        """A permit, or the seconds after which asking again makes sense."""

        def take(state: State) -> tuple[bool, Permit | float]:
            delay = self._delay(state, calls)
            if delay > _INSTANT:
                return False, delay
            now, state.last_permit = state.seen, state.last_permit + 1
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
        """Seconds until such a request may be sent, as far as can be said now."""
        with self._lock:
            self._settle(self._state)
            return max(0.0, self._delay(self._state, calls))

    def release(self, permit: Permit, usage: Usage) -> None:
        """Books what became of the request."""

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
        """Does ``work`` to the state, which says whether there is something to keep."""
        with self._lock:
            if self._store is None:
                self._settle(self._state)
                return work(self._state)[1]

            def change(kept: bytes | None) -> tuple[bytes | None, T]:
                state = _decode(kept) if kept else State(self._clock())
                settled = self._settle(state)
                changed, result = work(state)
                changed, self._state = changed or settled, state
                return (_encode(state) if changed else None), result

            return self._store.change(change)

    def _settle(self, state: State) -> bool:
        """Brings the state to this moment; whether that cannot be done again later."""
        now = self._clock()
        set_back = now < state.seen
        if set_back:
            state.held_until += now - state.seen
            for budget in state.methods.values():
                budget.shift(now - state.seen)
        passed = max(0.0, now - state.seen)
        state.share = min(MOST_SHARE, state.share + passed / self.window)
        state.level = max(0.0, state.level - self.rate * state.share * passed)
        state.seen = now
        dead = [
            permit
            for permit in state.flights.values()
            if abs(now - permit.at) > _LONGEST_FLIGHT * self._second
        ]
        for permit in dead:
            self._book(state, permit, Usage(spent=_feared(permit)))
        return set_back or bool(dead)

    def _book(self, state: State, permit: Permit, usage: Usage) -> None:
        now = state.seen
        if usage.over_rate:
            self._hold_back(state)
        elif usage.arrived:
            state.level += 1
            state.hold = 0.0
        state.billed = usage.billed or state.billed
        known = state.flights.pop(permit.number, None) is not None
        for method in permit.marks.keys() | {one.method for one in usage.spent}:
            budget = self._budget(state, method)
            mark = permit.marks.get(method) if known else None
            spent = [one for one in usage.spent if one.method == method]
            budget.settle(now, mark or budget.reserve(0.0), spent)
        for method in usage.over_operating:
            self._budget(state, method).pause(now)

    def _hold_back(self, state: State) -> None:
        """The bucket is full whatever we thought: somebody else uses the portal too."""
        now = state.seen
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
        own = {
            method: self._budget(state, method).expected(count)
            for method, count in calls.items()
            if method != BATCH
        }
        if BATCH not in calls or state.billed == "commands":
            return own
        whole = {BATCH: sum(own.values())}
        return whole if state.billed == BATCH else own | whole

    def _delay(self, state: State, calls: Mapping[str, int]) -> float:
        room = max(1.0, self._burst - _MARGIN)
        over = state.level + len(state.flights) + 1 - room
        delays = [
            self._budget(state, method).delay(state.seen, expected)
            for method, expected in self._expected(state, calls).items()
        ]
        return max(over / (self.rate * state.share), state.held_until - state.seen, *delays)

    def seconds(self, method: str) -> float | None:
        """What a call of the method costs, once one was seen."""
        with self._lock:
            budget = self._state.methods.get(method)
            return budget.learned if budget else None

    @property
    def billed(self) -> str:
        """What a batch is billed to, as far as is known: see ``Usage``."""
        return self._state.billed

    @property
    def statistics(self) -> Statistics:
        """What has been asked and waited so far."""
        with self._lock:
            return replace(self._statistics)

    def budget(self) -> Budget:
        """How much of the limits is used now."""

        def look(state: State) -> tuple[bool, Budget]:
            methods = {
                name: MethodBudget(budget.spent(state.seen), self.operating, budget.average)
                for name, budget in state.methods.items()
            }
            return False, Budget(state.level + len(state.flights), self._burst, methods)

        return self._change(look)


def _feared(permit: Permit) -> list[Spent]:
    """What a request whose answer nobody takes any more may have cost."""
    return [Spent(method, reserved, guessed=True) for method, (reserved, _) in permit.marks.items()]
