"""Following topics by one job of a streaming engine, and other stores by polls between windows."""

import time
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from pipeline import graph, options
from pipeline.access import crm_access, register_access
from pipeline.failures import plain_reason
from pipeline.follow.runs_in_a_row import Follower, RunReporter
from pipeline.follow.stream_job import StreamJob
from pipeline.follow.window import COMMAND, run_window
from pipeline.run import run_graph
from pipeline.topic_lag import TopicLags
from transforms.configuration.selection import withdrawn_parts
from transforms.core.backoff import Backoff
from transforms.core.errors import StoreError, SvodError
from transforms.core.identity import Run
from transforms.ledger.database import Ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.runs import is_running, last_run_seq, runs_ended_since
from transforms.stages import run_stages

_INTERVAL = 0.5
# If events have waited this long without a run, the job is stuck (a start takes less). In seconds.
_STUCK = 300.0


class StreamFollower:
    """Keeps a streaming job going, and polls the stores without a topic.

    Job and polls take the ledger's lock in turn. A job that fails, or is stuck, is started anew.
    The polls also resume unfinished work.
    """

    def __init__(
        self, ledger: Ledger, chosen: options.Options, lags: TopicLags, reporter: RunReporter
    ) -> None:
        self._ledger, self._chosen, self._lags, self._reporter = ledger, chosen, lags, reporter
        # Polls are small, so they run locally, not on the engine.
        local = msgspec.structs.replace(chosen, beam=[])
        self._polls = Follower(local, self._run_poll, TopicLags(()), reporter)
        self._poll_ids: set[str] = set()
        with ledger.read() as connection:
            self._reported = last_run_seq(connection)
        self._job, self._restarts = StreamJob(ledger, chosen), Backoff()
        self._measurements = Backoff()
        self._last_sign = time.monotonic()

    def poll(self) -> None:
        """Report the job's runs, see to the job, then poll the other stores if that is due."""
        self._report_runs()
        if not self._job.is_running and self._restarts.is_due:
            self._restart()
        self._measure_lag()
        self._watch_job()
        self._polls.poll()

    def finish(self) -> None:
        """Wait until the job has written the windows that it holds.

        Raises:
            SvodError: it could not; the next run reads again what is not done.
        """
        if not self._job.is_running:
            return  # It failed, or never started: it holds nothing.
        self._job.end()
        while self._job.is_running and not self._job.has_ended:
            time.sleep(_INTERVAL)
            self._report_runs()
        self._report_runs()
        if not self._job.has_ended:
            raise SvodError(self._job.trouble or "the stream has ended before its time")
        self._job.leave()

    def _restart(self) -> None:
        try:
            if self._job.trouble:
                raise SvodError(self._job.trouble)
            self._job.start()
            self._last_sign = time.monotonic()
            self._restarts.succeeded()
        except Exception as error:  # noqa: BLE001 - an engine that is away may come back
            self._job.trouble = ""
            self._reporter.failed(plain_reason(error), self._restarts.failed())

    def _measure_lag(self) -> None:
        if self._measurements.is_due:
            try:
                self._lags.measure()
            except StoreError as error:
                self._reporter.failed(plain_reason(error), self._measurements.failed())

    def _watch_job(self) -> None:
        """Give up a job of which the engine has silently lost a part: it brings nothing more."""
        try:
            with self._ledger.read() as connection:
                writes = is_running(connection)
        except SQLAlchemyError:
            return
        if writes or not self._lags.events:
            self._last_sign = time.monotonic()
        elif time.monotonic() - self._last_sign > _STUCK and self._job.is_running:
            self._job.give_up("the engine brings nothing of the topic any more: it begins anew")

    def _run_poll(self, chosen: options.Options) -> dict[str, Any]:
        def work(run: Run) -> None:
            self._poll_ids.add(run.run_id)
            if chosen.read_stores:
                run_graph(run, chosen, graph.delta_sources)
            else:
                run_stages(
                    self._ledger,
                    run,
                    register_access(chosen),
                    crm_access(chosen),
                    read_whole=withdrawn_parts(chosen.configuration),
                )

        with wait_for_exclusive(self._ledger):
            return run_window(self._ledger, work, crm_rate=chosen.crm_rate)

    def _report_runs(self) -> None:
        """Report the job's windows: they are the runs that are not polls."""
        try:
            with self._ledger.read() as connection:
                runs = runs_ended_since(connection, COMMAND, self._reported)
        except SQLAlchemyError:
            return
        for run in runs:
            self._reported = run.run_seq
            self._last_sign = time.monotonic()
            if run.run_id in self._poll_ids:
                self._poll_ids.remove(run.run_id)
            elif run.summary:
                self._reporter.ended(run.summary)
            elif run.remarks:
                self._reporter.failed(", ".join(run.remarks))
