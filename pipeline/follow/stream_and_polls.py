"""Following the topic by a job of an engine that streams, and store A beside it."""

import time
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from pipeline import graph, options
from pipeline.failures import plain_reason
from pipeline.follow.runs_in_a_row import Follower, Teller
from pipeline.follow.stream_job import StreamJob
from pipeline.follow.window import COMMAND, conduct
from pipeline.run import run_graph
from pipeline.topic_lag import Lag
from transforms.core.backoff import Backoff
from transforms.core.errors import StoreError, SvodError
from transforms.core.identity import Run
from transforms.ledger.database import Ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.runs import is_running, last_run_seq, runs_ended_since
from transforms.stages import run_stages

_LOOK = 0.5
# So many seconds with events, and without a run, are more than any start of a job takes.
_STUCK = 300.0


class StreamFollower:
    """The topic is followed by a job of the engine, which is started anew when it fails.

    Store A, and what was left over, are looked at here.
    """

    def __init__(
        self,
        ledger: Ledger,
        chosen: options.Options,
        lag: Lag,
        teller: Teller,
    ) -> None:
        self._ledger, self._chosen, self._lag, self._teller = ledger, chosen, lag, teller
        # An engine is for the stream: the polls are small.
        here = msgspec.structs.replace(chosen, store_b_kafka="", beam=[])
        self._polls = Follower(here, self._poll, None, teller)
        self._own: set[str] = set()
        with ledger.read() as connection:
            self._told = last_run_seq(connection)
        self._job, self._restarts, self._lags = StreamJob(ledger, chosen), Backoff(), Backoff()
        self._stirred = time.monotonic()

    def look(self) -> None:
        """See to the job, then to store A."""
        self._tell()
        if not self._job.goes_on and self._restarts.is_due:
            self._restart()
        self._look_at_lag()
        self._look_at_job()
        self._polls.look()

    def end(self) -> None:
        """Wait until the job has finished what it holds.

        Raises:
            SvodError: when it could not; what it has not done is read again.
        """
        if not self._job.goes_on:
            return  # Nothing is held: it failed, or was never there.
        self._job.end()
        while self._job.goes_on and not self._job.has_ended:
            time.sleep(_LOOK)
            self._tell()
        self._tell()
        if not self._job.has_ended:
            raise SvodError(self._job.trouble or "the stream has ended before its time")
        self._job.leave()

    def _restart(self) -> None:
        try:
            if self._job.trouble:
                raise SvodError(self._job.trouble)
            self._job.start()
            self._stirred = time.monotonic()
            self._restarts.succeeded()
        except Exception as error:  # noqa: BLE001 - an engine that is away may come back
            self._job.trouble = ""
            self._teller.failed(plain_reason(error), self._restarts.failed())

    def _look_at_lag(self) -> None:
        if self._lags.is_due:
            try:
                self._lag.look()
            except StoreError as error:
                self._teller.failed(plain_reason(error), self._lags.failed())

    def _look_at_job(self) -> None:
        """An engine may lose a part of a job on its way, without a word: nothing comes any more."""
        try:
            with self._ledger.read() as connection:
                writes = is_running(connection)
        except SQLAlchemyError:
            return
        if writes or not any(self._lag.events.values()):
            self._stirred = time.monotonic()
        elif time.monotonic() - self._stirred > _STUCK and self._job.goes_on:
            self._job.give_up("the engine brings nothing of the topic any more: it begins anew")

    def _poll(self, chosen: options.Options) -> dict[str, Any]:
        def work(run: Run) -> None:
            self._own.add(run.run_id)
            if chosen.store_a:
                run_graph(run, chosen, graph.delta_sources)
            else:
                register, crm = graph.register_access(chosen), graph.crm_access(chosen)
                run_stages(self._ledger, run, register, crm)

        with wait_for_exclusive(self._ledger):
            return conduct(self._ledger, work, crm_rate=chosen.crm_rate)

    def _tell(self) -> None:
        """What came of the job's windows: they are the runs that are not ours."""
        try:
            with self._ledger.read() as connection:
                found = runs_ended_since(connection, COMMAND, self._told)
        except SQLAlchemyError:
            return
        for run in found:
            self._told = run.run_seq
            self._stirred = time.monotonic()
            if run.run_id in self._own:
                self._own.remove(run.run_id)
            elif run.summary:
                self._teller.ended(run.summary)
            elif run.remarks:
                self._teller.failed(", ".join(run.remarks))
