"""The portal's limits, kept before they are reached: requests a second, operating time.

The portal counts requests in a leaky bucket. Ours counts a request from the moment when it is sent
until its answer as full, and lets it drain only then; the portal has counted it earlier. So ours is
never emptier than the portal's, however long a request is on its way.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from transforms.crm.operating import STEPS, OperatingBudget, Spent

# Requests kept free in the bucket: clocks do not run quite alike.
_MARGIN = 2
# Shorter waits are rounding.
_INSTANT = 1e-6
# Longest wait after one more 503, in seconds of a portal with a window of ten minutes.
_LONGEST_HOLD = 60


@dataclass(frozen=True)
class Permit:
    """One request that may be sent: how many calls of which methods, and what was set aside."""

    calls: Mapping[str, int]
    waited: float
    marks: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Usage:
    """What became of a request.

    ``arrived`` is false when it surely never reached the portal. ``over_rate``: refused with 503;
    ``over_operating``: the methods refused with 429; ``spent``: what its calls cost.
    """

    arrived: bool = True
    over_rate: bool = False
    over_operating: frozenset[str] = frozenset()
    spent: list[Spent] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether a limit was hit."""
        return self.over_rate or bool(self.over_operating)


@dataclass
class Statistics:
    """Requests that reached the portal, those of them that hit a limit, seconds waited."""

    requests: int = 0
    refused: int = 0
    seconds_waited: float = 0.0


@dataclass(frozen=True)
class MethodBudget:
    """``spent`` of ``limit`` seconds of work, and what a call is expected to cost."""

    spent: float
    limit: float
    average: float


@dataclass(frozen=True)
class Budget:
    """A look at the limits: the bucket's ``level`` of ``burst``, each method's operating time."""

    level: float
    burst: float
    methods: Mapping[str, MethodBudget]


class Limits:
    """The pace for all threads that talk to one portal.

    ``rate`` and ``burst`` are in requests, ``operating`` in seconds of work per method and
    ``window`` seconds. ``on_request(requests, refused, waited_ms)`` is told of each request, in
    the thread that sent it. ``clock`` never goes back and is in seconds.
    """

    def __init__(
        self,
        rate: float = 2.0,
        burst: float = 50.0,
        operating: float = 480.0,
        window: float = 600.0,
        *,
        on_request: Callable[[int, int, int], None] = lambda requests, refused, waited_ms: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._burst = rate, burst
        self._operating, self._window = operating, window
        self._second = window / STEPS
        self.on_request, self._clock, self._sleep = on_request, clock, sleep
        self._lock = threading.Lock()
        self._methods: dict[str, OperatingBudget] = {}
        self._level = 0.0
        self._seen = clock()
        self._in_flight = 0
        self._hold = 0.0
        self._held_until = float("-inf")
        self._statistics = Statistics()

    def acquire(self, calls: Mapping[str, int]) -> Permit:
        """Returns when a request with so many calls of these methods may be sent.

        A batch names ``batch`` itself too. Each permit must come back through ``release``.
        """
        began = self._clock()
        while isinstance(answer := self.try_acquire(calls, began), float):
            # Looks again every second: others' answers may have brought better news.
            self._sleep(min(answer, self._second))
        return answer

    def try_acquire(self, calls: Mapping[str, int], began: float | None = None) -> Permit | float:
        """A permit, or the seconds after which asking again makes sense."""
        with self._lock:
            now = self._clock()
            budgets = {method: self._budget(method) for method in calls}
            delays = [budget.delay(now, calls[method]) for method, budget in budgets.items()]
            delay = max(self._request_delay(now), *delays)
            if delay > _INSTANT:
                return float(delay)
            self._in_flight += 1
            marks = {method: budget.reserve(calls[method]) for method, budget in budgets.items()}
        return Permit(calls, now - (now if began is None else began), marks)

    def release(self, permit: Permit, usage: Usage) -> None:
        """Books what became of the request."""
        with self._lock:
            now = self._clock()
            self._drain(now)
            self._in_flight -= 1
            self._count(now, permit, usage)
            for method, mark in permit.marks.items():
                budget = self._methods[method]
                budget.settle(now, mark, [one for one in usage.spent if one.method == method])
                if method in usage.over_operating:
                    budget.pause(now)
        self.on_request(int(usage.arrived), int(usage.refused), round(1000 * permit.waited))

    def _count(self, now: float, permit: Permit, usage: Usage) -> None:
        self._statistics.requests += usage.arrived
        self._statistics.refused += usage.refused
        self._statistics.seconds_waited += permit.waited
        if usage.over_rate:
            self._hold_back(now)
        elif usage.arrived:
            self._level += 1
            self._hold = 0.0

    def _hold_back(self, now: float) -> None:
        """The bucket is full whatever we thought: somebody else uses the portal too."""
        self._level = max(self._level, self._burst)
        # Requests that were refused together are one refusal.
        if now >= self._held_until:
            self._hold = min(max(1.0, 2 * self._hold), _LONGEST_HOLD)
            self._held_until = now + self._hold * self._second

    def _budget(self, method: str) -> OperatingBudget:
        if method not in self._methods:
            self._methods[method] = OperatingBudget(self._operating, self._window)
        return self._methods[method]

    def _request_delay(self, now: float) -> float:
        self._drain(now)
        room = max(1.0, self._burst - _MARGIN)
        over = (self._level + self._in_flight + 1 - room) / self._rate
        return max(over, self._held_until - now)

    def _drain(self, now: float) -> None:
        self._level = max(0.0, self._level - self._rate * max(0.0, now - self._seen))
        self._seen = now

    @property
    def statistics(self) -> Statistics:
        """What has been asked and waited so far."""
        with self._lock:
            return replace(self._statistics)

    def budget(self) -> Budget:
        """How much of the limits is used now."""
        with self._lock:
            now = self._clock()
            self._drain(now)
            methods = {
                name: MethodBudget(budget.spent(now), self._operating, budget.average)
                for name, budget in self._methods.items()
            }
            return Budget(self._level + self._in_flight, self._burst, methods)
