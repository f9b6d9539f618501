"""The topic as one job of an engine that streams, up to the CRM.

A job keeps nothing but its open windows. Its position stands in the topic's committed offsets and
in the ledger, and a new job goes on from there.
"""

import logging
import threading
from functools import partial

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipeline import graph, options
from pipeline.engine import engine_options, on_dataflow, on_job_server, runner
from pipeline.follow.window import run_window
from pipeline.signals import restored_signals
from transforms.ledger.database import Ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.streams import CurrentStream, begin_stream, current_stream, end_stream
from transforms.tuning import tune_beam

# Flink's own defaults never end a bundle of a stream; times in milliseconds. An hour for a
# checkpoint: it waits for the writer, and the writer for the CRM's limits.
_FLINK = (
    *("--checkpointing_interval=10000", "--checkpoint_timeout_millis=3600000"),
    *("--max_bundle_time_mills=200", "--max_bundle_size=1000"),
    # This program starts a job that failed anew, from what is committed.
    "--number_of_execution_retries=0",
)

# Seconds that the engine may take to remove a job that has ended.
_REMOVAL = 30.0


class StreamJob:
    """A streaming job of the engine. It ends when ``end`` asks it to, or when it fails.

    Without ``loads`` its windows end in the ledger. ``trouble`` says why it ended before its time.
    """

    def __init__(self, ledger: Ledger, chosen: options.Options, *, loads: bool = True) -> None:
        self._ledger, self._chosen, self._loads = ledger, chosen, loads
        self._number = 0
        self._waiter = threading.Thread()
        self._result: PipelineResult | None = None
        self.trouble = ""

    def start(self) -> None:
        """Start a new job; one that another program left behind writes no more, and ends."""
        self.trouble = ""
        _silence()
        with wait_for_exclusive(self._ledger):
            self._number = begin_stream(self._ledger)
        tune_beam()
        # An engine installs its own handlers.
        with restored_signals():
            root = streaming_pipeline(self._chosen)
            graph.build_stream(
                root,
                self._chosen,
                self._number,
                partial(run_window, crm_rate=self._chosen.crm_rate),
                loads=self._loads,
            )
            self._result = root.run()
        self._waiter = threading.Thread(target=self._wait, args=(self._result,), daemon=True)
        self._waiter.start()

    def _wait(self, result: PipelineResult) -> None:
        trouble = ""
        try:
            state = result.wait_until_finish()
            if state != PipelineState.DONE:
                trouble = f"the engine has ended the stream as {state}"
        except Exception:  # noqa: BLE001 - it may be anything that an engine has to say
            trouble = "the engine has given the stream up; its own log says why"
        # How a job ends that this one replaced does not matter.
        if self._waiter is threading.current_thread():
            self.trouble = trouble

    @property
    def is_running(self) -> bool:
        """Whether the engine still has the job."""
        return self._waiter.is_alive()

    def give_up(self, trouble: str) -> None:
        """Wait for the job no longer; it ends when another one begins."""
        self._waiter, self.trouble = threading.Thread(), trouble

    @property
    def has_ended(self) -> bool:
        """Whether the job was asked to end, and has written all its windows."""
        with self._ledger.read() as connection:
            return current_stream(connection) == CurrentStream(self._number, ends=True, ended=True)

    def end(self) -> None:
        """Ask the job to write the windows that it holds, and to end."""
        end_stream(self._ledger, self._number)

    def leave(self) -> None:
        """Wait until the engine has removed the job that has ended, but not for long.

        Dataflow never ends a streaming job by itself: it is cancelled, for nothing is left in it.
        """
        if self._result and on_dataflow(self._chosen):
            self._result.cancel()
        self._waiter.join(_REMOVAL)


def _silence() -> None:
    # A job server logs tracebacks to the root logger, and they may quote a customer.
    logging.getLogger("transforms").setLevel(logging.WARNING)
    logging.getLogger().setLevel(logging.CRITICAL)


def streaming_pipeline(chosen: options.Options) -> beam.Pipeline:
    """An empty pipeline that streams on the engine of the options."""
    return beam.Pipeline(runner=runner(chosen), options=_options(chosen))


def _options(chosen: options.Options) -> PipelineOptions:
    stream_options = engine_options(chosen, *(_FLINK if on_job_server(chosen) else ()))
    stream_options.view_as(StandardOptions).streaming = True
    # A Prism that died is not used again.
    stream_options.view_as(DebugOptions).add_experiment("disable_prism_server_singleton")
    return stream_options
