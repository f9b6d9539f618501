"""One run from its first check to its report: whatever its sources, and however it ends."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import apache_beam as beam

from pipeline import graph
from pipeline.access import crm_access, write_configured_stores
from pipeline.checks import check_options, check_portal
from pipeline.console import print_lines, say
from pipeline.engine import engine_options, runner
from pipeline.failures import plain_reason
from pipeline.metrics import MetricsCollector, RunMetrics, read_gauges
from pipeline.metrics_export import write_metrics
from pipeline.options import Options
from pipeline.progress import ProgressView
from pipeline.report import write_report
from pipeline.signals import interruptible
from pipeline.summary import account
from pipeline.terminal_lines import outcome_lines
from transforms.configuration.selection import Reading
from transforms.consolidation.company_suggestions import suggest_companies
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, FAILED, INCOMPLETE, INTERRUPTED, RunStatus
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, start_run
from transforms.ledger.stores import stores_of_ledger
from transforms.tuning import tune_beam

EXIT = {DONE: 0, INCOMPLETE: 3, FAILED: 1, INTERRUPTED: 130}

_READINGS: dict[str, Reading] = {"full": "full", "delta": "delta"}
"""What a command reads of the stores."""

BuildSources = Callable[[beam.Pipeline, Options, Run], graph.Sources]


def load(
    command: str,
    chosen: Options,
    build_sources: BuildSources,
    prepare: Callable[[Ledger], None] = lambda ledger: None,
) -> int:
    """Check everything, run the graph, account for it, report. Returns the exit code.

    ``prepare`` changes the ledger before the run, when it is certain that no other run goes on.

    Raises:
        ConfigurationError: before anything was read.
    """
    check_options(chosen, _READINGS.get(command))

    def work(ledger: Ledger, run: Run) -> None:
        run_graph(run, chosen, build_sources)

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        return conclude(ledger, run, command, chosen, metrics)

    return execute_run(command, chosen, work, finish, prepare)


def execute_run(
    command: str,
    chosen: Options,
    work: Callable[[Ledger, Run], None],
    finish: Callable[[Ledger, Run, RunMetrics], RunStatus],
    prepare: Callable[[Ledger], None] = lambda ledger: None,
) -> int:
    """Do the ``work`` in a new run that holds the ledger's lock. Returns the exit code.

    The options are checked already. ``finish`` accounts for a run whose work succeeded, and
    returns its status.

    Raises:
        ConfigurationError: the ledger's stores cannot be made those of the configuration.
    """
    ledger = open_ledger(chosen.ledger)
    try:
        with exclusive(ledger):
            check_portal(chosen, ledger)
            write_configured_stores(ledger, chosen)
            prepare(ledger)
            run = start_run(ledger, command)
            view = ProgressView(ledger, run, sys.stderr)
            with interruptible(lambda: finish_run(ledger, run, INTERRUPTED, None), view.silence):
                with view:
                    status = _guarded(ledger, run, work)
                metrics = RunMetrics()
                if status == DONE:
                    status = finish(ledger, run, metrics)
                else:
                    metrics.count_failed_run()
                if chosen.metrics_file:
                    collector = MetricsCollector(
                        metrics,
                        partial(read_gauges, ledger, crm_access(chosen), chosen.register_daily),
                    )
                    write_metrics(Path(chosen.metrics_file), collector)
    finally:
        ledger.close()
    return EXIT[status]


def _guarded(ledger: Ledger, run: Run, work: Callable[[Ledger, Run], None]) -> RunStatus:
    try:
        work(ledger, run)
    except Exception as error:  # noqa: BLE001 - whatever it was, the run is entered as failed
        say(f"svod: the run failed: {plain_reason(error)}")
        finish_run(ledger, run, FAILED, None)
        return FAILED
    return DONE


def run_graph(
    run: Run, chosen: Options, build_sources: BuildSources, *, loads: bool = True
) -> None:
    """Run the graph on these sources; without ``loads`` it ends before the load."""
    tune_beam()
    with beam.Pipeline(runner=runner(chosen), options=engine_options(chosen)) as root:
        sources = build_sources(root, chosen, run)
        _ = graph.build(root, sources, graph.settings(chosen, run, loads=loads))


def conclude(
    ledger: Ledger, run: Run, command: str, chosen: Options, metrics: RunMetrics
) -> RunStatus:
    """Account for the run, print its outcome, write its report. Returns its status."""
    # This compares all companies: too much for a delta, whose cost follows the changes.
    if command != "delta":
        ledger.transact(suggest_companies)
    summary = account(ledger, run, command, chosen.crm_rate)
    metrics.count_run(summary)
    print_lines(*outcome_lines(summary, stores_of_ledger(ledger)))
    if chosen.report:
        print_lines(f"Report: {write_report(ledger, run.run_id, Path(chosen.report))}")
    return cast("RunStatus", summary["status"])
