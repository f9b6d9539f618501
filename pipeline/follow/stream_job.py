"""``svod delta --follow`` on an engine that streams: the topic is one job of it, up to the CRM.

Store A is polled beside it, by runs of this program. Both take the ledger's lock in turn.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DebugOptions,
    PipelineOptions,
    StandardOptions,
)
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipeline import graph, options
from pipeline.follow.window import conduct
from pipeline.run import engine_options, runner
from pipeline.topic_lag import topic_access
from transforms.clean import PartRows
from transforms.ledger.database import Ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.streams import CurrentStream, begin_stream, current_stream, end_stream
from transforms.topic.read_topic import ReadKafka
from transforms.topic.stream_watch import Stream
from transforms.topic.write_windows import WriteWindows
from transforms.tuning import tune_beam

# Flink's own defaults never end a bundle of a stream; times in milliseconds. An hour for a
# checkpoint: it waits for the writer, and the writer for the CRM's limits.
_FLINK = (
    *("--checkpointing_interval=10000", "--checkpoint_timeout_millis=3600000"),
    *("--max_bundle_time_mills=200", "--max_bundle_size=1000"),
    # A job that failed is started anew by us, from what is committed.
    "--number_of_execution_retries=0",
)

# For how long a job that has done all may take to be gone, in seconds.
_GOES = 30.0


def streams(chosen: options.Options) -> bool:
    """Whether the topic is followed by one job of an engine, as the runner allows it."""
    return bool(chosen.store_b_kafka) and isinstance(runner(chosen), PortableRunner)


def build(root: beam.Pipeline, chosen: options.Options, number: int, *, loads: bool = True) -> None:
    """Wire the stream: the topic's events, cleaned, window by window to the one writer."""
    access, stream = topic_access(chosen), Stream(options.LEDGER, number)
    # Prism does everything in this process; Flink has workers for what stands before the writer.
    processes = chosen.processes or (0 if _on_prism(chosen) else 1)
    events = root | "ReadKafka" >> ReadKafka(access, stream, processes=processes)
    cleaned = events.batches | "Part B" >> PartRows()
    _ = (cleaned, events.dead_letters, events.positions) | "WriteWindows" >> WriteWindows(
        stream,
        access,
        graph.register_access(chosen),
        graph.crm_access(chosen) if loads else None,
        partial(conduct, crm_rate=chosen.crm_rate),
        processes=chosen.processes,
        fails_at_end=not _on_prism(chosen),
    )


class StreamJob:
    """The engine's job: it ends when it is told to, and when it fails. The topic knows how far.

    Without ``loads`` it goes up to the loader.
    """

    def __init__(self, ledger: Ledger, chosen: options.Options, *, loads: bool = True) -> None:
        self._ledger, self._chosen, self._loads = ledger, chosen, loads
        self._number = 0
        self._waiter = threading.Thread()
        self.trouble = ""

    def start(self) -> None:
        """Begin anew; a job that another program has left behind writes no more, and ends."""
        self.trouble = ""
        _silence()
        with wait_for_exclusive(self._ledger):
            self._number = begin_stream(self._ledger)
        tune_beam()
        with _own_signals():
            root = beam.Pipeline(runner=runner(self._chosen), options=_options(self._chosen))
            build(root, self._chosen, self._number, loads=self._loads)
            result = root.run()
        self._waiter = threading.Thread(target=self._wait, args=(result,), daemon=True)
        self._waiter.start()

    def _wait(self, result: PipelineResult) -> None:
        trouble = ""
        try:
            state = result.wait_until_finish()
            if state != PipelineState.DONE:
                trouble = f"the engine has ended the stream as {state}"
        except Exception:  # noqa: BLE001 - it may be anything that an engine has to say
            trouble = "the engine has given the stream up; its own log says why"
        # What becomes of one that was left behind is nobody's trouble.
        if self._waiter is threading.current_thread():
            self.trouble = trouble

    @property
    def goes_on(self) -> bool:
        """Whether the engine has it."""
        return self._waiter.is_alive()

    def give_up(self, trouble: str) -> None:
        """Expect nothing of it any more; it ends when another one begins."""
        self._waiter, self.trouble = threading.Thread(), trouble

    @property
    def has_ended(self) -> bool:
        """Whether it was told to end, and has done all that it held."""
        with self._ledger.read() as connection:
            return current_stream(connection) == CurrentStream(self._number, ends=True, ended=True)

    def end(self) -> None:
        """Tell it to finish what it holds."""
        end_stream(self._ledger, self._number)

    def leave(self) -> None:
        """Wait a while until the engine has let go of it, now that it has ended."""
        self._waiter.join(_GOES)


def _silence() -> None:
    # What a job server has to say goes to the root logger: tracebacks that may quote a customer.
    logging.getLogger("transforms").setLevel(logging.WARNING)
    logging.getLogger().setLevel(logging.CRITICAL)


def _on_prism(chosen: options.Options) -> bool:
    return isinstance(runner(chosen), PrismRunner)


def _options(chosen: options.Options) -> PipelineOptions:
    made = engine_options(chosen, *(() if _on_prism(chosen) else _FLINK))
    made.view_as(StandardOptions).streaming = True
    # A Prism that died is not used again.
    made.view_as(DebugOptions).add_experiment("disable_prism_server_singleton")
    return made


@contextmanager
def _own_signals() -> Iterator[None]:
    """What Ctrl-C and SIGTERM do is for us to say, not for an engine."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
