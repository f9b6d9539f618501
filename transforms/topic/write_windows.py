"""Writing a stream into the ledger and the CRM, window after window, by one writer."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows

from transforms.clean import Sharded
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.errors import SvodError
from transforms.core.process_pool import ProcessCount
from transforms.core.records import DeadLetter
from transforms.crm.access import CrmAccess
from transforms.ledger import streams
from transforms.ledger.database import open_ledger
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import StoreRange
from transforms.topic.stream_watch import Stream
from transforms.topic.window_writer import RunWindow, Window, WindowWriter, opened_writer
from transforms.tuning import tune_beam

WINDOW = 2.0
"""Seconds of the topic in one window, where the writer keeps up."""


class WriteWindows(beam.PTransform):
    """Writes rows and dead letters, and commits the ranges of the topics that they came from.

    Each window is a run; all windows that came while the writer was busy are one. After it their
    offsets are committed: everything before them is then in the ledger, and in the CRM or recorded
    as invalid, deferred or waiting.

    A failure is tried again until it is over, or until another stream has begun: no window is left
    out. ``processes`` match.

    With ``fails_at_end`` the job fails when it has ended, for Flink never removes a job whose
    sources have ended.
    """

    def __init__(
        self,
        stream: Stream,
        topics: Sequence[TopicAccess],
        register: RegisterAccess,
        crm: CrmAccess | None,
        run_window: RunWindow,
        *,
        processes: ProcessCount = 0,
        fails_at_end: bool = False,
    ) -> None:
        super().__init__()
        self._end_fn = _EndFn(stream, fails_at_end)
        self._fn = _WriteFn(
            partial(opened_writer, stream, topics, register, crm, run_window, processes)
        )

    def expand(
        self,
        inputs: tuple[
            Sequence[beam.PCollection[Sharded]],
            beam.PCollection[DeadLetter],
            beam.PCollection[StoreRange],
        ],
    ) -> beam.PCollection[int]:
        """Returns one element, when the stream has ended and everything is done."""
        rows, dead_letters, positions = inputs
        encoded = rows | "Rows" >> beam.Flatten() | "Encoded" >> beam.Values()
        parts = {"rows": encoded, "dead_letters": dead_letters, "positions": positions}
        writes = (
            {name: _in_windows(name, part) for name, part in parts.items()}
            | "OnOneWorker" >> beam.CoGroupByKey()
            | "Write" >> beam.ParDo(self._fn).with_output_types(int)
            | "Unwindow" >> beam.WindowInto(GlobalWindows())
        )
        # The global window's group fires only after the watermark has reached its end.
        end = rows[0].pipeline | "End" >> beam.Create([0], reshuffle=False)
        return (
            (writes, end)
            | "AwaitEnd" >> beam.Flatten()
            | "AtTheEnd"
            >> beam.WindowInto(
                GlobalWindows(),
                trigger=AfterWatermark(),
                accumulation_mode=AccumulationMode.DISCARDING,
            )
            | "KeyEnd" >> beam.WithKeys(0)
            | "GroupEnd" >> beam.GroupByKey()
            | "Ended" >> beam.ParDo(self._end_fn).with_output_types(int)
        )


def _in_windows(name: str, part: beam.PCollection[object]) -> beam.PCollection[tuple[int, object]]:
    return (
        part
        | f"Window {name}" >> beam.WindowInto(FixedWindows(WINDOW))
        | f"Key {name}" >> beam.WithKeys(0)
    )


class _WriteFn(beam.DoFn):
    def __init__(self, opened: Callable[[], AbstractContextManager[WindowWriter]]) -> None:
        self._opened = opened

    def setup(self) -> None:
        tune_beam()
        self._resources = ExitStack()
        self._writer = self._resources.enter_context(self._opened())

    def teardown(self) -> None:
        self._resources.close()

    def start_bundle(self) -> None:
        self._window = Window()

    def process(self, element: tuple[int, Mapping[str, Iterable[object]]]) -> None:
        self._window.extend(element[1])

    def finish_bundle(self) -> None:
        self._writer.write(self._window)


class StreamEndedError(SvodError):
    """Nothing is wrong: the engine removes a job only when it fails."""


class _EndFn(beam.DoFn):
    def __init__(self, stream: Stream, fails: bool) -> None:
        self._stream, self._fails = stream, fails

    def process(self, _: tuple[int, Iterable[int]]) -> Iterator[int]:
        with closing(open_ledger(self._stream.ledger.value())) as ledger:
            streams.mark_stream_ended(ledger, self._stream.number)
        if self._fails:
            raise StreamEndedError("the stream has done all that it held: no failure")
        yield self._stream.number
