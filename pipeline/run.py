"""One run from its first check to its report: whatever its sources, and however it ends."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, cast

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from pipeline import graph
from pipeline.failures import plain_reason
from pipeline.metrics import MetricsCollector, RunMetrics, read_gauges
from pipeline.metrics_export import write_metrics
from pipeline.options import CRM, REGISTER_TOKEN, Options, need
from pipeline.progress import ProgressView
from pipeline.report import write_report
from pipeline.summary import summarize
from pipeline.terminal_lines import outcome_lines
from pipeline.topic_lag import topic_access
from transforms.consolidation.company_suggestions import suggest_companies
from transforms.core.errors import ConfigurationError
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, FAILED, INCOMPLETE, INTERRUPTED, RunStatus
from transforms.crm.access import open_client, open_portal
from transforms.crm.api.client import check_webhook
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.ledger.accounting import NumbersDoNotAddUpError, touch_refusals
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, start_run
from transforms.read_store_b import check_files
from transforms.register.connection import check_token, check_url
from transforms.stores.mysql.check import check_store_a
from transforms.stores.topic.check import check_topic
from transforms.tuning import tune_beam

EXIT = {DONE: 0, INCOMPLETE: 3, FAILED: 1, INTERRUPTED: 130}

# The portal's first try: whoever looks on is told at once, and the load will be more patient.
_SHORT_WAITS = (1.0, 2.0)
# Ten years, in seconds.
_YEARS = 315_360_000

BuildSources = Callable[[beam.Pipeline, Options, Run], graph.Sources]


def load(
    command: str,
    chosen: Options,
    build_sources: BuildSources,
    prepare: Callable[[Ledger], None] = lambda ledger: None,
) -> int:
    """Check everything, run the graph, account for it, report. Returns the exit code.

    ``prepare`` is done to the ledger before the run, when it is certain that no other run goes on.

    Raises:
        ConfigurationError: before anything was read.
    """
    check(chosen)

    def work(ledger: Ledger, run: Run) -> None:
        run_graph(run, chosen, build_sources)

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        return conclude(ledger, run, command, chosen, metrics)

    return conduct(command, chosen, work, finish, prepare)


def conduct(
    command: str,
    chosen: Options,
    work: Callable[[Ledger, Run], None],
    finish: Callable[[Ledger, Run, RunMetrics], RunStatus],
    prepare: Callable[[Ledger], None] = lambda ledger: None,
) -> int:
    """A run around its ``work``; ``finish`` accounts for it and gives its status.

    The options have been checked.
    """
    ledger = open_ledger(chosen.ledger)
    try:
        with exclusive(ledger):
            check_portal(chosen, ledger)
            prepare(ledger)
            run = start_run(ledger, command)
            view = ProgressView(ledger, run, sys.stderr)
            with _interruptible(ledger, run, view):
                with view:
                    status = _guarded(ledger, run, work)
                metrics = RunMetrics()
                if status == DONE:
                    status = finish(ledger, run, metrics)
                else:
                    metrics.count_failed_run()
                if chosen.metrics_file:
                    collector = MetricsCollector(metrics, partial(read_gauges, ledger, chosen))
                    write_metrics(Path(chosen.metrics_file), collector)
    finally:
        ledger.close()
    return EXIT[status]


def check(chosen: Options) -> None:
    """Find what is wrong with the options before anything is read.

    Raises:
        ConfigurationError: naming the option.
    """
    check_crm(chosen)
    need(chosen.register, "register", "SVOD_REGISTER")
    need(chosen.register_token, "register_token", REGISTER_TOKEN.variable)
    check_url(chosen.register)
    check_token(chosen.register_token)
    runner(chosen)
    if chosen.store_a:
        check_store_a(chosen.store_a)
    if chosen.store_b_files:
        check_files(chosen.store_b_files, chosen.store_b_encoding)
    if chosen.store_b_kafka:
        check_topic(topic_access(chosen))


def check_crm(chosen: Options) -> None:
    """Find what is wrong with the options of the CRM, and of what is told in the end.

    Raises:
        ConfigurationError: naming the option.
    """
    # Beam logs the traceback of what goes wrong, and its last line may quote a customer.
    for name in ("apache_beam", "PrismRunner"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    need(chosen.crm, "crm", CRM.variable)
    check_webhook(chosen.crm)
    if chosen.report:
        _check_folder("--report", chosen.report)
    if chosen.metrics_file:
        _check_folder("--metrics_file", str(Path(chosen.metrics_file).parent))


def _check_folder(option: str, folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option}: cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{option}: may not write into {folder}")


def check_portal(chosen: Options, ledger: Ledger) -> None:
    """Find a wrong webhook or an unfit portal now; one that does not answer may do so later.

    Raises:
        ConfigurationError: naming ``--crm`` and what is wrong.
    """
    access = graph.crm_access(chosen)
    client = open_client(access, ledger, waits=_SHORT_WAITS)
    try:
        open_portal(client, access).check()
    except Stop as error:
        raise ConfigurationError(f"--crm: {error}") from None
    except CrmUnavailable as error:
        say(f"warning: the CRM does not answer yet ({error}); reading goes on")
    finally:
        client.close()


def _guarded(ledger: Ledger, run: Run, work: Callable[[Ledger, Run], None]) -> RunStatus:
    try:
        work(ledger, run)
    except Exception as error:  # noqa: BLE001 - whatever it was, the run is entered as failed
        say(f"svod: the run failed: {plain_reason(error)}")
        finish_run(ledger, run, FAILED, None)
        return FAILED
    return DONE


def runner(chosen: Options) -> PipelineRunner:
    """The engine that the options name; Beam's own local one when they name none.

    Raises:
        ConfigurationError: Beam has no such runner.
    """
    named = PipelineOptions(chosen.beam).view_as(StandardOptions).runner
    # Our own choice, for Beam would choose among three runners by what it finds in the graph.
    if not named:
        return FnApiRunner()
    try:
        return create_runner(named)
    except (ValueError, ImportError, AttributeError) as error:
        raise ConfigurationError(f"--runner: {error}") from None


def engine_options(chosen: Options, *others: str) -> PipelineOptions:
    """What the engine is told: ``others``, and what people have said."""
    # After so many seconds Beam takes a job on Prism for lost, as if it were a single request.
    patience = [f"--job_server_timeout={_YEARS}"] if _starts_prism(chosen) else []
    return PipelineOptions([*others, *patience, *chosen.beam])


def _starts_prism(chosen: Options) -> bool:
    """Whether the engine is a Prism of our own."""
    given = PipelineOptions(chosen.beam).view_as(PortableOptions)
    return isinstance(runner(chosen), PrismRunner) and not given.job_endpoint


def run_graph(
    run: Run, chosen: Options, build_sources: BuildSources, *, loads: bool = True
) -> None:
    """Run the one graph on these sources, up to the end of the load; without ``loads`` up to it."""
    tune_beam()
    with beam.Pipeline(runner=runner(chosen), options=engine_options(chosen)) as root:
        sources = build_sources(root, chosen, run)
        _ = graph.build(root, sources, graph.settings(chosen, run, loads=loads))


def account(ledger: Ledger, run: Run, command: str, crm_rate: float) -> dict[str, Any]:
    """Enter how the run ended, by its numbers; returns them.

    Raises:
        NumbersDoNotAddUpError: when a row that was read has no outcome.
    """
    ledger.transact(lambda connection: touch_refusals(connection, run))
    try:
        with ledger.read() as connection:
            summary = summarize(connection, run, command, crm_rate)
    except NumbersDoNotAddUpError:
        finish_run(ledger, run, FAILED, None)
        raise
    finish_run(ledger, run, summary["status"], summary)
    return summary


def conclude(
    ledger: Ledger, run: Run, command: str, chosen: Options, metrics: RunMetrics
) -> RunStatus:
    """Account for the run, and tell; gives its status."""
    # All companies are looked at: too much for a delta, whose cost follows what has changed.
    if command != "delta":
        ledger.transact(suggest_companies)
    summary = account(ledger, run, command, chosen.crm_rate)
    metrics.count_run(summary)
    for line in outcome_lines(summary):
        print(line)
    if chosen.report:
        print(f"Report: {write_report(ledger, run.run_id, Path(chosen.report))}")
    return cast("RunStatus", summary["status"])


@contextmanager
def _interruptible(ledger: Ledger, run: Run, view: ProgressView) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the program at once: the ledger is made to be left at any moment.

    Waiting for the workers could take as long as the CRM's slowest request.
    """
    leaving = threading.Event()

    def leave(number: int, _: FrameType | None) -> None:
        code = EXIT[INTERRUPTED] if number == signal.SIGINT else 128 + number
        if leaving.is_set():  # asked again, for an end without any wait
            os._exit(code)
        leaving.set()
        view.silence()
        say("\nsvod: interrupted; nothing is lost, the next run goes on from here")
        # By other threads: this one may be met within a transaction, which it has to end first.
        threading.Thread(target=enter, args=(code,)).start()

    def enter(code: int) -> None:
        entering = threading.Thread(
            target=finish_run, args=(ledger, run, INTERRUPTED, None), daemon=True
        )
        entering.start()
        entering.join(timeout=5)  # a ledger that is away must not hold the program
        os._exit(code)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    """Tell whoever looks on."""
    print(text, file=sys.stderr, flush=True)
