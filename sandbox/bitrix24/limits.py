"""The portal's clock and limits: requests a second, working seconds per method."""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from sandbox.bitrix24.answers import RestError

BUCKET_SECONDS = 60
WINDOW_SECONDS = 600
REQUEST_SECONDS = 60

# Seconds per call and per record of a call, as a cloud portal of medium speed shows them in
# `operating`.
DEFAULT_COSTS: Mapping[str, tuple[float, float]] = {
    "crm.item.add": (0.08, 0.0),
    "crm.item.update": (0.06, 0.0),
    "crm.item.delete": (0.06, 0.0),
    "crm.item.list": (0.03, 0.0),
    "crm.item.get": (0.02, 0.0),
    "crm.item.batchImport": (0.0, 0.05),
    "crm.requisite.add": (0.04, 0.0),
    "crm.requisite.update": (0.04, 0.0),
    "crm.requisite.bankdetail.add": (0.03, 0.0),
    "crm.address.add": (0.03, 0.0),
}
_OTHER_COST = (0.02, 0.0)


class Clock:
    """The portal's time in seconds since the epoch; at ``speed`` 60 a minute passes in a second.

    At ``speed`` 0 the time stands still until ``advance``.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._base = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """Returns the portal's current time."""
        return self._base + (time.monotonic() - self._started) * self.speed

    def advance(self, seconds: float) -> None:
        """Moves the time forward."""
        self._base += seconds

    def wall(self, moment: float) -> float:
        """Converts the portal's ``moment`` to the client's clock, which answers must use."""
        if not self.speed:
            return moment
        return time.time() + (moment - self.now()) / self.speed

    def sleep(self, seconds: float) -> None:
        """Waits until this many seconds of the portal's time have passed."""
        if not self.speed:
            self.advance(seconds)
        elif seconds:  # even an empty sleep costs 0.1 ms
            time.sleep(seconds / self.speed)


@dataclass
class LeakyBucket:
    """Counts up by one with each request and down by ``rate`` a second; full at ``burst``."""

    clock: Clock
    rate: float
    burst: float
    _level: float = 0.0
    _updated_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Admits a request; returns False, and does not count it, when the bucket is full."""
        with self._lock:
            now = self.clock.now()
            self._level = max(0.0, self._level - self.rate * (now - self._updated_at))
            self._updated_at = now
            if self._level + 1 > self.burst:
                return False
            self._level += 1
            return True

    def reset(self) -> None:
        """Empties the bucket."""
        with self._lock:
            self._level = 0.0


@dataclass
class OperatingTime:
    """Working seconds of each method, in one-minute buckets that expire after ten minutes.

    A call is refused when the sum exceeds ``limit`` before it: the call that crosses it completes.
    """

    clock: Clock
    limit: float
    _buckets: dict[str, deque[list[float]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, method: str) -> None:
        """Raises 429 ``OPERATION_TIME_LIMIT`` when the method's sum exceeds the limit."""
        with self._lock:
            if sum(seconds for _, seconds in self._live(method)) > self.limit:
                raise RestError(
                    429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."
                )

    def charge(self, method: str, seconds: float) -> dict[str, float]:
        """Adds a call's cost; returns ``operating`` and ``operating_reset_at`` for its answer."""
        with self._lock:
            buckets, now = self._live(method), self.clock.now()
            if not buckets or now - buckets[-1][0] >= BUCKET_SECONDS:
                buckets.append([now, 0.0])
            buckets[-1][1] += seconds
            reset_at = ceil(self.clock.wall(buckets[0][0] + WINDOW_SECONDS))
            operating = sum(spent for _, spent in buckets)
        return {"operating_reset_at": reset_at, "operating": operating}

    def _live(self, method: str) -> deque[list[float]]:
        buckets = self._buckets.setdefault(method, deque())
        while buckets and buckets[0][0] + WINDOW_SECONDS <= self.clock.now():
            buckets.popleft()
        return buckets

    def reset(self) -> None:
        """Removes all buckets."""
        with self._lock:
            self._buckets.clear()

    def spent(self) -> dict[str, float]:
        """Returns the seconds of each method in the last ten minutes."""
        with self._lock:
            return {
                method: sum(spent for _, spent in self._live(method)) for method in self._buckets
            }


def cost_of(costs: Mapping[str, tuple[float, float]], method: str, records: int) -> float:
    """Returns the cost of one call of ``method``, in seconds."""
    per_call, per_record = costs.get(method, DEFAULT_COSTS.get(method, _OTHER_COST))
    return per_call + per_record * records
