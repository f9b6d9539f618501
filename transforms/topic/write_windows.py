"""What a stream brings, window after window, into the ledger and the CRM: one writer for all."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cache

import apache_beam as beam
import msgspec
from apache_beam.transforms.trigger import AccumulationMode, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows
from sqlalchemy.engine import Connection

from transforms.clean import Sharded
from transforms.consolidation.register_questions import (
    RegisterAccess,
    ask,
    keeping_register,
    unknown,
)
from transforms.consolidation.stages import rebuild, take_up
from transforms.core.errors import SvodError
from transforms.core.identity import Run
from transforms.core.process_pool import IN_PLACE, ProcessPool, shared_pool
from transforms.core.records import Broken
from transforms.core.secrets import mask
from transforms.crm.access import CrmAccess, load_crm
from transforms.ledger import streams
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import wait_for_exclusive
from transforms.ledger.rows.dead_letters import record_dead_letters
from transforms.ledger.runs import settle_run
from transforms.remember import portions
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.messages import Position
from transforms.stores.topic.offset_commits import Commits
from transforms.topic.stream_watch import Stream

WINDOW = 2.0
"""Seconds of the topic that are done at once, when nothing is in arrears."""

_SHORTEST, _LONGEST = 1.0, 60.0

Conduct = Callable[[Ledger, Callable[[Run], None]], object]
"""Enters a run into the ledger, does the work in it, and enters how it ended."""

_log = logging.getLogger(__name__)


class WriteWindows(beam.PTransform):
    """Rows, input that is none, and how far the topic was read, by the window they came in.

    Each window is a run; when the writer is in arrears, all that have come meanwhile are one. Then
    the offsets are committed: they say that everything before them is in the ledger, and in the CRM
    or there noted as what it is.

    Trouble is tried again until it is over, or until another stream has begun: nothing is left out.

    Matching works in up to so many ``processes`` beside the writer's; 1: in its own; 0: as many as
    it can use.

    ``fails_at_end``: Flink keeps a job whose sources have ended, and its place with it, for ever.
    """

    def __init__(
        self,
        stream: Stream,
        topic: TopicAccess,
        register: RegisterAccess,
        crm: CrmAccess | None,
        conduct: Conduct,
        *,
        processes: int = 0,
        fails_at_end: bool = False,
    ) -> None:
        super().__init__()
        self._end_fn = _EndFn(stream, fails_at_end)
        self._fn = _WriteFn(stream, topic, register, crm, conduct, processes)

    def expand(
        self,
        inputs: tuple[
            Sequence[beam.PCollection[Sharded]],
            beam.PCollection[Broken],
            beam.PCollection[Position],
        ],
    ) -> beam.PCollection[int]:
        """Gives one element, when the stream has ended and everything is done."""
        rows, broken, positions = inputs
        encoded = rows | "Rows" >> beam.Flatten() | "Encoded" >> beam.Values()
        parts = {"rows": encoded, "broken": broken, "positions": positions}
        written = (
            {name: _in_windows(name, part) for name, part in parts.items()}
            | "OnOneWorker" >> beam.CoGroupByKey()
            | "Write" >> beam.ParDo(self._fn).with_output_types(int)
            | "Unwindow" >> beam.WindowInto(GlobalWindows())
        )
        # A group of the global window comes when nothing can come any more.
        end = rows[0].pipeline | "End" >> beam.Create([0], reshuffle=False)
        return (
            (written, end)
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


class _Held(msgspec.Struct, eq=False):
    """What a bundle has brought."""

    rows: list[bytes] = []
    broken: list[Broken] = []
    positions: list[Position] = []


def _together(held: Iterable[_Held]) -> _Held:
    whole = _Held()
    for one in held:
        whole.rows += one.rows
        whole.broken += one.broken
        whole.positions += one.positions
    return whole


@cache
def _brought(stream: Stream) -> list[_Held]:
    """What all bundles of the stream in this process have brought and is not written yet."""
    return []


class _WriteFn(beam.DoFn):
    # An engine may have several of us in one process; the ledger's lock is the processes'.
    _one = threading.Lock()

    def __init__(
        self,
        stream: Stream,
        topic: TopicAccess,
        register: RegisterAccess,
        crm: CrmAccess | None,
        conduct: Conduct,
        processes: int,
    ) -> None:
        self._stream, self._topic, self._conduct = stream, topic, conduct
        self._register, self._crm, self._number = register, crm, processes

    def setup(self) -> None:
        self._processes = shared_pool(self._number)
        self._brought = _brought(self._stream)
        with ExitStack() as stack:
            self._ledger = stack.enter_context(closing(open_ledger(self._stream.ledger.value())))
            stack.enter_context(keeping_register(self._register))
            commits = Commits(self._ledger, self._stream.number, self._topic, self._goes_on)
            self._commits = stack.enter_context(closing(commits))
            self._opened = stack.pop_all()

    def teardown(self) -> None:
        self._opened.close()

    def start_bundle(self) -> None:
        self._held = _Held()

    def process(self, element: tuple[int, Mapping[str, Iterable[object]]]) -> None:
        for name, values in element[1].items():
            getattr(self._held, name).extend(values)

    def finish_bundle(self) -> None:
        if not self._held.positions:
            return
        self._brought.append(self._held)
        pause = _SHORTEST
        while True:
            try:
                with self._one, wait_for_exclusive(self._ledger):
                    if self._held in self._brought:
                        self._write_all()
                return
            except Exception as error:  # noqa: BLE001 - whatever it was, it may be over soon
                _log.warning("a window failed: %s; it is tried again", mask(type(error).__name__))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def _write_all(self) -> None:
        # An engine may end several bundles side by side: those that wait here have nothing to do
        # any more when it is their turn.
        ready = list(self._brought)
        self._write(_together(ready))
        for one in ready:
            self._brought.remove(one)

    def _write(self, held: _Held) -> None:
        with self._ledger.read() as connection:
            goes_on = self._goes_on(connection)
        # Another stream has begun since, and reads what was not committed.
        if goes_on:
            self._conduct(self._ledger, lambda run: self._bring(run, held))
            self._commits.done(held.positions)

    def _goes_on(self, connection: Connection) -> bool:
        return streams.current(connection).number == self._stream.number

    def _bring(self, run: Run, held: _Held) -> None:
        bring(self._ledger, run, self._register, self._crm, held.rows, held.broken, self._processes)


class StreamEndedError(SvodError):
    """Nothing is wrong, but an engine may let go of a job only when it fails."""


class _EndFn(beam.DoFn):
    def __init__(self, stream: Stream, fails: bool) -> None:
        self._stream, self._fails = stream, fails

    def process(self, _: tuple[int, Iterable[int]]) -> Iterator[int]:
        with closing(open_ledger(self._stream.ledger.value())) as ledger:
            streams.stream_ended(ledger, self._stream.number)
        if self._fails:
            raise StreamEndedError("the stream has done all that it held: no failure")
        yield self._stream.number


def bring(
    ledger: Ledger,
    run: Run,
    register: RegisterAccess,
    crm: CrmAccess | None,
    rows: Iterable[bytes] = (),
    broken: Iterable[Broken] = (),
    processes: ProcessPool = IN_PLACE,
) -> None:
    """Encoded rows, and what earlier runs have left, into the ledger and the CRM."""
    ledger.transact(lambda connection: record_dead_letters(connection, run, list(broken)))
    touched = take_up(ledger, run, portions(rows), processes)
    ask(ledger, run, register, unknown(ledger, sorted(touched.tins)))
    rebuild(ledger, run, touched, processes)
    settle_run(ledger, run, {})
    if crm:
        load_crm(ledger, run, crm)
