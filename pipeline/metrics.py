"""Metrics for Prometheus: runs as they are counted, budgets and lag as they are at each scrape.

The text is ``prometheus_client``'s, the names stand in ``transforms.core.metric_names``.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from pipeline.topic_lag import TopicLags
from transforms.core import metric_names as names
from transforms.core.metric_names import Metric
from transforms.core.outcomes import FAILED
from transforms.crm.access import CrmAccess, open_limits
from transforms.crm.limits.request_rate import Budget
from transforms.ledger.base.answers import last_register_usage
from transforms.ledger.database import Ledger
from transforms.ledger.progress import progressed_at
from transforms.register.limiter import DailyBudget

_OUTCOMES = (
    *("valid", "deferred", "waiting", "created", "updated", "rejected", "not_reached"),
    *("gone", "left"),
)
# Seconds after the last good run, or the last progress of a long one, when something is wrong.
_STALE = 600.0

Sample = tuple[Sequence[str], float]
"""Values of a metric's labels (those at the end may be missing), and its value."""


class Gauges(NamedTuple):
    """The values that are read from the ledger at each scrape.

    ``progressed_at`` is when the current run last made progress (seconds since the epoch), 0 when
    none is running.
    """

    crm: Budget
    register: DailyBudget
    progressed_at: float = 0.0


def read_gauges(ledger: Ledger, access: CrmAccess, register_daily: int) -> Gauges:
    """Read how much of the budgets is used, and when the current run last made progress."""
    with ledger.read() as connection:
        register = DailyBudget(register_daily, *last_register_usage(connection))
        progressed = progressed_at(connection) / 1_000_000
    return Gauges(open_limits(access, ledger).budget(), register, progressed)


class RunMetrics:
    """Counts the outcomes of runs since the process started. Safe for threads.

    ``last_success`` is when the last run ended well, or the process started (seconds since the
    epoch).
    """

    def __init__(self, lags: TopicLags | None = None) -> None:
        self._lags = lags
        self._lock = threading.Lock()
        self._started_at = self.last_success = time.time()
        self._records: Counter[tuple[str, ...]] = Counter()
        self._runs: Counter[str] = Counter()
        self._totals: Counter[Metric] = Counter()

    def count_run(self, summary: Mapping[str, Any]) -> None:
        """Add the numbers of a run that has ended."""
        with self._lock:
            self.last_success = time.time()
            self._runs[summary["status"]] += 1
            for kind in ("companies", "contacts"):
                for outcome in _OUTCOMES:
                    self._records[kind, outcome] += summary[kind].get(outcome, 0)
                for reason, count in summary[kind]["invalid"].items():
                    self._records[kind, "invalid", reason] += count
            self._records["messages", "invalid"] += summary["messages"]
            self._totals[names.CRM_REQUESTS] += summary["crm"]["requests"]
            self._totals[names.CRM_REFUSED] += summary["crm"]["refused"]
            self._totals[names.REGISTER_QUESTIONS] += summary["register"]["queries"]

    def count_failed_run(self) -> None:
        """Add a run that failed: it has no numbers."""
        with self._lock:
            self._runs[FAILED] += 1

    def families(self) -> list[Family]:
        """The counts so far, and the topics' lags as they are now."""
        if self._lags is not None:
            # Nothing else measures the lags while a window is being loaded.
            self._lags.refresh()
        with self._lock:
            lags = _lag_families(self._lags) if self._lags is not None else ()
            return [*self._count_families(), *lags]

    def _count_families(self) -> Iterator[Family]:
        yield _single(names.START_TIME, self._started_at)
        has_succeeded = self._runs.total() > self._runs[FAILED]
        yield _family(names.LAST_SUCCESS, [((), self.last_success)] if has_succeeded else [])
        yield _family(names.RUNS, (((status,), n) for status, n in sorted(self._runs.items())))
        yield _family(names.RECORDS, sorted(self._records.items()))
        for metric in (names.CRM_REQUESTS, names.CRM_REFUSED, names.REGISTER_QUESTIONS):
            yield _single(metric, self._totals[metric])


class MetricsCollector(Collector):
    """All metrics: the counts of ``metrics``, and the gauges, read anew for each scrape."""

    def __init__(self, metrics: RunMetrics, read: Callable[[], Gauges]) -> None:
        self._metrics, self._read = metrics, read

    def collect(self) -> Iterator[Family]:
        """Read the gauges, then return every metric.

        Raises:
            SQLAlchemyError: the ledger does not answer.
        """
        gauges = self._read()
        yield from self._metrics.families()
        yield from _budget_families(gauges)

    def text(self) -> str:
        """All metrics in Prometheus' text exposition format."""
        return generate_latest(self).decode()

    def is_healthy(self) -> bool:
        """Whether a run has ended well, or made progress, within the last ten minutes."""
        if _is_recent(self._metrics.last_success):
            return True
        try:
            return _is_recent(self._read().progressed_at)
        except SQLAlchemyError:
            return False


def _is_recent(moment: float) -> bool:
    return time.time() - moment < _STALE


def _lag_families(lags: TopicLags) -> Iterator[Family]:
    yield _family(names.LAG_EVENTS, _lag_samples(lags))
    yield _single(names.LAG_SECONDS, lags.seconds)


def _lag_samples(lags: TopicLags) -> Iterator[Sample]:
    has_several = len(lags.by_store) > 1
    for store, lag in sorted(lags.by_store.items()):
        for partition, count in sorted(lag.events.items()):
            yield (str(partition), store)[: 1 + has_several], count


def _budget_families(gauges: Gauges) -> Iterator[Family]:
    crm, register = gauges.crm, gauges.register
    yield _single(names.CRM_BUCKET_USED, crm.level)
    yield _single(names.CRM_BUCKET_SIZE, crm.burst)
    methods = sorted(crm.methods.items())
    yield _family(names.CRM_OPERATING, (((name,), method.spent) for name, method in methods))
    yield _family(names.CRM_OPERATING_LIMIT, (((name,), method.limit) for name, method in methods))
    yield _single(names.REGISTER_LEFT, register.remaining)
    yield _single(names.REGISTER_LIMIT, register.limit)


def _single(metric: Metric, value: float) -> Family:
    return _family(metric, [((), value)])


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    is_counter = metric.name.endswith("_total")
    family = (CounterMetricFamily if is_counter else GaugeMetricFamily)(
        metric.name, metric.help, labels=metric.labels
    )
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
