"""Elements on which several processes of one worker work at once."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import BoundedWindow, WindowedValue
from apache_beam.utils.timestamp import Timestamp

from transforms.core.process_pool import ProcessCount, collect_less_often, shared_pool

_BUFFER_SIZE = 8


class _Buffered(NamedTuple):
    """An element that waits for its turn, and what its outputs inherit."""

    element: Any
    timestamp: Timestamp
    window: BoundedWindow


class PoolFn(beam.DoFn):
    """Does ``work`` on each element in one of up to ``processes`` processes.

    A subclass says in ``outputs`` what a result becomes. Outputs keep the order of the elements,
    and have their time and window.
    """

    def __init__(self, work: Callable[[Any], Any], processes: ProcessCount) -> None:
        self._work, self._processes = work, processes

    def setup(self) -> None:
        """Get the processes of this worker."""
        collect_less_often()
        self._pool = shared_pool(self._processes)

    def start_bundle(self) -> None:
        """Begin with an empty buffer."""
        self._buffer: list[_Buffered] = []

    def process(
        self,
        element: Any,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        window: BoundedWindow = beam.DoFn.WindowParam,
    ) -> Iterator[Any]:
        """Buffer the element; a full buffer is worked on."""
        self._buffer.append(_Buffered(element, timestamp, window))
        if len(self._buffer) == _BUFFER_SIZE:
            yield from self.finish_bundle()

    def finish_bundle(self) -> Iterator[Any]:
        """Work on the buffered elements; yields their outputs."""
        buffer, self._buffer = self._buffer, []
        tasks = ((buffered, buffered.element) for buffered in buffer)
        for buffered, result in self._pool.map_with_keys(self._work, tasks):
            for output in self.outputs(buffered.element, result):
                yield _windowed(buffered, output)

    def outputs(self, element: Any, result: Any) -> Iterator[Any]:
        """Yields the outputs for an element, of whose work ``result`` is the result."""
        raise NotImplementedError


def _windowed(buffered: _Buffered, output: Any) -> Any:
    if isinstance(output, TaggedOutput):
        return TaggedOutput(output.tag, _windowed(buffered, output.value))
    return WindowedValue(output, buffered.timestamp, [buffered.window])
