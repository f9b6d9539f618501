"""Keeps the portal's limits for all threads: each request waits until the count has room for it.

All threads, processes and runs of this machine share the count (``Store``): what was spent before a
restart stays spent. ``leaky_bucket`` has the rules by which the count changes.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from transforms.crm.errors import CrmUnavailable
from transforms.crm.limits.leaky_bucket import LeakyBucket
from transforms.crm.limits.operating_time import STEPS
from transforms.crm.limits.state import (
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
        self._second = window / STEPS
        self._bucket = LeakyBucket(rate, burst, operating, window)
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
        return self._change(lambda state: self._bucket.take(state, calls, began))

    def wait(self, calls: Mapping[str, int]) -> float:
        """Seconds until such a request may be sent, as far as it is known now."""
        with self._lock:
            self._settle(self._state)
            return max(0.0, self._bucket.delay(self._state, calls))

    def release(self, permit: Permit, usage: Usage) -> None:
        """Count what the request used."""
        is_unexplained = self._change(lambda state: (True, self._bucket.book(state, permit, usage)))
        with self._lock:
            self._statistics.unexplained += is_unexplained
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
        return self._bucket.settle(state, self._clock())

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
        return self._change(lambda state: (False, self._bucket.usage(state)))
