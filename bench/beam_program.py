"""The pipeline itself, ended after each of its stages."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import apache_beam as beam
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from bench.register import instant_register
from bench.task import CONSOLIDATED, REMEMBERED, RUN, Stage, Tally, Task
from pipeline import graph, options
from pipeline.sql_stores import built_in_store
from transforms.clean import CleanRows, SplitByOutcome
from transforms.clean_batch import clean_partners
from transforms.crm.access import CrmAccess
from transforms.ledger.runs import settle_run
from transforms.ledger_fn import LedgerFn
from transforms.read_sql import ReadSql
from transforms.read_store_b import ReadPartnerFiles
from transforms.remember import RecordDeadLetters, RememberRows
from transforms.stores import two_stores
from transforms.stores.mapping.headers import ClockBound


def _run(wire: Callable[[beam.Pipeline], object], namespace: str = "bench") -> Tally:
    """Runs a pipeline; returns the sums of its counters in ``namespace``."""
    root = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([]))
    wire(root)
    result = root.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_namespace(namespace))["counters"]
    tally: Counter[str] = Counter()
    # Each step has its own counter by the same name.
    for counter in counters:
        tally[counter.key.metric.name] += counter.committed
    return dict(tally)


def _add(count: int, name: str) -> None:
    Metrics.counter("bench", name).inc(count)


def _count(partners: Iterable[Any], *, clock_bound: ClockBound) -> int:
    return sum(1 for _ in partners)


def _read_b(task: Task) -> Tally:
    def wire(root: beam.Pipeline) -> None:
        read = root | ReadPartnerFiles([task.files], _count)
        _ = read.batches | "Count" >> beam.Map(_add, "read")

    return _run(wire)


def _clean_b(task: Task) -> Tally:
    # The cleaning step itself counts the rows that it emits.
    return _run(lambda root: _read_and_clean_b(root, task), "clean")


def _read_and_clean_b(root: beam.Pipeline, task: Task) -> None:
    read = root | ReadPartnerFiles([task.files], clean_partners, processes=0)
    _ = read.batches | "Part B" >> SplitByOutcome()


def _clean(task: Task) -> Tally:
    def wire(root: beam.Pipeline) -> None:
        _read_and_clean_b(root, task)
        read = root | ReadSql(built_in_store())
        for name, batches, clean in (
            ("A companies", read.batches["company"], two_stores.clean_company),
            ("A contacts", read.batches["contact"], two_stores.clean_contact),
        ):
            _ = batches | f"Clean {name}" >> CleanRows(clean, processes=0)

    return _run(wire, "clean")


def _sources(root: beam.Pipeline, task: Task) -> graph.Sources:
    # The steps take the URL from the environment: this one only says that there is a store A.
    chosen = options.Options(store_a="mysql:", store_b_files=(task.files,))
    return graph.full_sources(root, chosen, RUN)


def _remember(task: Task) -> Tally:
    def wire(root: beam.Pipeline) -> None:
        sources = _sources(root, task)
        _ = sources.rows | RememberRows(options.LEDGER, RUN)
        for key, dead_letters in sources.dead_letters.items():
            _ = dead_letters | f"RecordDeadLetters {key}" >> RecordDeadLetters(options.LEDGER, RUN)

    return _run(wire)


class _SettleFn(LedgerFn):
    def process(self, _: int) -> None:
        settle_run(self.ledger, self.run, {})


def _up_to_here(*_: object) -> beam.PTransform:
    """Replaces the loader; settles the run, which is the loader's first action."""
    settle = beam.ParDo(_SettleFn(options.LEDGER, RUN)).with_output_types(int)
    return beam.CombineGlobally(sum) | settle


def _consolidate(task: Task) -> Tally:
    def wire(root: beam.Pipeline) -> None:
        no_crm = CrmAccess(options.CRM, rate=1, burst=1, operating=1, settle=0)
        chosen = graph.Settings(RUN, options.LEDGER, task.register, no_crm)
        with patch.object(graph, "LoadCrm", _up_to_here):
            _ = graph.build(root, _sources(root, task), chosen)

    with instant_register():
        return _run(wire)


STAGES: dict[str, Stage] = {
    "read B": Stage(_read_b, only_b=True),
    "read, clean B": Stage(_clean_b, only_b=True),
    "read, clean A and B": Stage(_clean),
    "…, remember": Stage(_remember, tables=REMEMBERED),
    "…, up to the loader": Stage(_consolidate, tables=CONSOLIDATED),
}
