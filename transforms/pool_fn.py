"""Elements on which several processes work beside each other."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import BoundedWindow, WindowedValue
from apache_beam.utils.timestamp import Timestamp

from transforms.core.process_pool import collect_less_often, shared_pool

# So many elements are worked on beside each other.
_HELD = 8


class _Held(NamedTuple):
    """An element that waits for its turn, and what goes with all that is made of it."""

    element: Any
    timestamp: Timestamp
    window: BoundedWindow


class BesideFn(beam.DoFn):
    """Does ``work`` to each element, in up to so many ``processes`` beside a worker's own.

    1: in the worker itself; 0: as many as it can use.
    """

    def __init__(self, work: Callable[[Any], Any], processes: int) -> None:
        self._work, self._number = work, processes

    def setup(self) -> None:
        """Once a worker."""
        collect_less_often()
        self._processes = shared_pool(self._number)

    def start_bundle(self) -> None:
        """Nothing is held yet."""
        self._held: list[_Held] = []

    def process(
        self,
        element: Any,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        window: BoundedWindow = beam.DoFn.WindowParam,
    ) -> Iterator[Any]:
        """Holds the element until there are enough."""
        self._held.append(_Held(element, timestamp, window))
        if len(self._held) == _HELD:
            yield from self.finish_bundle()

    def finish_bundle(self) -> Iterator[Any]:
        """What is made of the elements that are held, in their order."""
        held, self._held = self._held, []
        done = self._processes.map_with_keys(self._work, ((one, one.element) for one in held))
        for one, result in done:
            for output in self.outputs(one.element, result):
                yield _as_of(one, output)

    def outputs(self, element: Any, result: Any) -> Iterator[Any]:
        """What goes on of the ``result`` of an element."""
        raise NotImplementedError


def _as_of(held: _Held, output: Any) -> Any:
    if isinstance(output, TaggedOutput):
        return TaggedOutput(output.tag, _as_of(held, output.value))
    return WindowedValue(output, held.timestamp, [held.window])
