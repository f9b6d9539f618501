"""The local register's key, limits and faults."""

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

import msgspec


class Fault(msgspec.Struct):
    """A wrong answer, given ``count`` times (None: always) to questions for ``tins`` (empty: all).

    ``html`` is 502, ``busy`` 429, ``garbage`` truncated JSON, ``shape`` JSON of another shape,
    ``hang`` no answer for ``seconds``, ``drop`` a closed connection, ``unauthorized`` 401 and
    ``forbidden`` 403, both with the key in the message.
    """

    kind: Literal["html", "busy", "garbage", "shape", "hang", "drop", "unauthorized", "forbidden"]
    count: int | None = None
    tins: frozenset[str] = frozenset()
    seconds: float = 60.0


class RefusedError(Exception):
    """The register refuses the request; ``body`` has the service's format."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode(
            {"family": "CLIENT_ERROR", "reason": status.phrase, "message": message}
        )


class _Window:
    """Counts the events of the last ``seconds``, and keeps the peak of that count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moments: deque[float] = deque()
        self.peak = 0

    def count(self, more: int = 0) -> int:
        """Adds ``more`` events now; returns the number of events in the window."""
        now = time.monotonic()
        self._moments.extend([now] * more)
        while self._moments and self._moments[0] <= now - self._seconds:
            self._moments.popleft()
        self.peak = max(self.peak, len(self._moments))
        return len(self._moments)


class Gate:
    """Counts requests and connections and refuses those over a limit; thread-safe."""

    def __init__(self, token: str, rate: int, daily: int, connections: int | None) -> None:
        self.token = token
        self._rate, self._daily, self._connections = rate, daily, connections
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._counts: Counter[str] = Counter()
        self._queries: Counter[str] = Counter()
        self._requests, self._accepted, self._opened = _Window(1), _Window(1), _Window(60)

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Replaces the faults; the first one that matches a request applies to it."""
        with self._lock:
            self._faults = [msgspec.structs.replace(fault) for fault in faults]

    def stats(self) -> dict[str, Any]:
        """Returns counts of requests, answers by status and questions by TIN, and the peak rate."""
        with self._lock:
            counted = {
                name: self._counts[name]
                for name in ("requests", "answered", "found", "not_found", "connections")
            }
            statuses = {key: n for key, n in self._counts.items() if key.isdigit()}
            peak, queries = self._requests.peak, dict(self._queries)
        return {**counted, "statuses": statuses, "peak_rate": peak, "queries": queries}

    def note(self, status: str) -> None:
        """Counts an answer by its status."""
        with self._lock:
            self._counts[status] += 1

    def admit_connection(self) -> bool:
        """Counts a new connection; returns whether the minute's limit allows it."""
        with self._lock:
            self._counts["connections"] += 1
            return self._connections is None or self._opened.count(1) <= self._connections

    def admit(self, key: str, is_connected: bool) -> None:
        """Admits a request.

        Raises:
            RefusedError: the key is wrong, or the connection, rate or daily limit is exceeded.
        """
        with self._lock:
            self._counts["requests"] += 1
            self._requests.count(1)
            if key != f"Token {self.token}":
                raise RefusedError(HTTPStatus.UNAUTHORIZED, f"Unknown API key: {key}")
            if not is_connected:
                raise RefusedError(
                    HTTPStatus.TOO_MANY_REQUESTS, "Too many new connections per minute"
                )
            if self._accepted.count() >= self._rate:
                raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests per second")
            if self._counts["answered"] >= self._daily:
                raise RefusedError(HTTPStatus.FORBIDDEN, f"Daily limit of key {self.token} is over")
            self._accepted.count(1)
            self._counts["answered"] += 1

    def fault(self, tin: str) -> Fault | None:
        """Returns the fault that applies to this question, and counts it down."""
        with self._lock:
            self._queries[tin] += 1
            for fault in self._faults:
                if fault.count != 0 and (not fault.tins or tin in fault.tins):
                    if fault.count is not None:
                        fault.count -= 1
                    return fault
        return None
