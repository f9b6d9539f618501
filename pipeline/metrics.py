"""What Prometheus and health checks are told: as a text file, or by HTTP while stores are followed.

Source: Prometheus' text exposition format, version 0.0.4. Counters begin with the program.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from pipeline.graph import crm_access
from pipeline.options import Options
from pipeline.topic_lag import Lag
from transforms.core.errors import ConfigurationError
from transforms.crm.access import open_client
from transforms.crm.limits.request_rate import Budget
from transforms.ledger.base.answers import last_register_usage
from transforms.ledger.database import Ledger
from transforms.ledger.runs import progressed_at
from transforms.register.limiter import DailyBudget

_OUTCOMES = ("valid", "deferred", "waiting", "created", "updated", "rejected", "not_reached")
# So long after the last good run, or the last step of a long one, something is wrong; seconds.
_STALE = 600.0
_WRITE_EVERY = 5.0

Labels = Mapping[str, str]
Address = tuple[str, int]


class Gauges(NamedTuple):
    """What is looked up when it is asked for.

    ``progressed_at`` is when the run that goes on has come on last (seconds since the epoch), or 0.
    """

    crm: Budget
    register: DailyBudget
    progressed_at: float = 0.0


def look(ledger: Ledger, chosen: Options) -> Gauges:
    """What is used of the budgets now, and whether the run comes on."""
    with ledger.read() as connection:
        register = DailyBudget(chosen.register_daily, *last_register_usage(connection))
        progressed = progressed_at(connection) / 1_000_000
    client = open_client(crm_access(chosen), ledger)
    try:
        return Gauges(client.limits.budget(), register, progressed)
    finally:
        client.close()


class Metrics:
    """Counts what runs came to. Safe for threads."""

    def __init__(self, lag: Lag | None = None) -> None:
        self._lag = lag
        self._lock = threading.Lock()
        self._started_at = self._last_success = time.time()
        self._records: Counter[tuple[str, str, str]] = Counter()
        self._runs: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()

    def ended(self, summary: Mapping[str, Any]) -> None:
        """A run came to its end with these numbers."""
        with self._lock:
            self._last_success = time.time()
            self._runs[summary["status"]] += 1
            for kind in ("companies", "contacts"):
                for outcome in _OUTCOMES:
                    self._records[kind, outcome, ""] += summary[kind].get(outcome, 0)
                for reason, count in summary[kind]["invalid"].items():
                    self._records[kind, "invalid", reason] += count
            self._records["messages", "invalid", ""] += summary["messages"]
            self._totals["crm_requests"] += summary["crm"]["requests"]
            self._totals["crm_refused"] += summary["crm"]["refused"]
            self._totals["register_questions"] += summary["register"]["queries"]

    def failed(self) -> None:
        """A run failed."""
        with self._lock:
            self._runs["failed"] += 1

    def is_healthy(self, look: Callable[[], Gauges]) -> bool:
        """Whether a run has ended well not long ago, or a long one has come on."""
        if _is_recent(self._last_success):
            return True
        try:
            return _is_recent(look().progressed_at)
        except SQLAlchemyError:
            return False

    def text(self, gauges: Gauges) -> str:
        """All of it, as Prometheus reads it."""
        if self._lag is not None:
            # Nobody else looks while a window goes on.
            self._lag.refresh()
        with self._lock:
            return "\n".join([*self._counters(), *self._lags(), *_budgets(gauges), ""])

    def _counters(self) -> Iterator[str]:
        yield from _metric("start_time_seconds", "gauge", [({}, self._started_at)])
        ended_well = self._runs.total() > self._runs["failed"]
        last: list[tuple[Labels, float]] = [({}, self._last_success)] if ended_well else []
        yield from _metric("last_success_timestamp_seconds", "gauge", last)
        runs = [({"status": status}, count) for status, count in sorted(self._runs.items())]
        yield from _metric("runs_total", "counter", runs)
        records = [
            ({"kind": kind, "outcome": outcome, "reason": reason}, count)
            for (kind, outcome, reason), count in sorted(self._records.items())
        ]
        yield from _metric("records_total", "counter", records)
        for name in ("crm_requests", "crm_refused", "register_questions"):
            yield from _metric(f"{name}_total", "counter", [({}, self._totals[name])])

    def _lags(self) -> Iterator[str]:
        if self._lag is None:
            return
        events = [({"partition": str(n)}, count) for n, count in sorted(self._lag.events.items())]
        yield from _metric("lag_events", "gauge", events)
        yield from _metric("lag_seconds", "gauge", [({}, self._lag.seconds)])


def _is_recent(moment: float) -> bool:
    return time.time() - moment < _STALE


def _budgets(gauges: Gauges) -> Iterator[str]:
    crm = gauges.crm
    yield from _metric("crm_bucket_used", "gauge", [({}, crm.level)])
    yield from _metric("crm_bucket_size", "gauge", [({}, crm.burst)])
    methods = sorted(crm.methods.items())
    spent = [({"method": name}, budget.spent) for name, budget in methods]
    yield from _metric("crm_operating_seconds", "gauge", spent)
    limits = [({"method": name}, budget.limit) for name, budget in methods]
    yield from _metric("crm_operating_limit_seconds", "gauge", limits)
    yield from _metric("register_questions_left", "gauge", [({}, gauges.register.left)])
    yield from _metric("register_questions_limit", "gauge", [({}, gauges.register.limit)])


def _metric(name: str, kind: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield f"# TYPE svod_{name} {kind}"
    for labels, value in samples:
        told = ",".join(f'{label}="{text}"' for label, text in labels.items() if text)
        yield f"svod_{name}{{{told}}} {value:.15g}" if told else f"svod_{name} {value:.15g}"


def write_metrics(path: Path, text: str) -> None:
    """Replace the file whole: who reads it never sees half of it."""
    half = path.with_suffix(".half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


@contextmanager
def writing(path: Path, metrics: Metrics, look: Callable[[], Gauges]) -> Iterator[None]:
    """Metrics into a file, meanwhile: every few seconds, and at the end."""
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(_WRITE_EVERY):
            # A full disk is no reason to stop following, nor a ledger that is away.
            with suppress(OSError, SQLAlchemyError):
                write_metrics(path, metrics.text(look()))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError, SQLAlchemyError):
            write_metrics(path, metrics.text(look()))


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        metrics = self.server.metrics
        if self.path == "/metrics":
            try:
                self._answer(200, metrics.text(self.server.look()))
            except SQLAlchemyError:
                self._answer(503, "the ledger does not answer\n")
        elif self.path == "/health":
            healthy = metrics.is_healthy(self.server.look)
            self._answer(
                200 if healthy else 503, "ok\n" if healthy else "no run ends well, or comes on\n"
            )
        elif self.path == "/live":
            # Runs may take long, or fail for hours by no fault of this process.
            self._answer(200, "ok\n")
        else:
            self._answer(404, "there are /metrics, /health and /live\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody wants to know who looked."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: Address, metrics: Metrics, look: Callable[[], Gauges]) -> None:
        self.metrics, self.look = metrics, look
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise ConfigurationError(f"--metrics_address: {error.strerror}") from None


@contextmanager
def serving(address: Address, metrics: Metrics, look: Callable[[], Gauges]) -> Iterator[None]:
    """``/metrics``, ``/health`` and ``/live`` at that address, meanwhile.

    Raises:
        ConfigurationError: the port is taken, or not ours to take.
    """
    server = _Server(address, metrics, look)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
