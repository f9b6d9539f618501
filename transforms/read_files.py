"""Reading the files of any store: many records per element, several files at once."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.clean_batch import clock_bound
from transforms.core.metric_names import READ, REPLACED_CHARACTERS
from transforms.core.process_pool import ProcessCount, collect_less_often, shared_pool
from transforms.core.records import DeadLetter
from transforms.stores.export.decoding import exported_at
from transforms.stores.files.changes import Stat
from transforms.stores.files.data_file import DataFile
from transforms.stores.files.parts import FilePart

Convert = Callable[..., tuple[Any, list[tuple[int, str]]]]
"""Makes an element of raw records, ``(records, clock_bound=...)``: see ``clean_records``."""


class FileRecords(NamedTuple):
    """The converted records, and a dead letter for each stretch that cannot be read.

    ``remarks`` are for people: how many bytes of which file are not text.
    """

    batches: beam.PCollection
    dead_letters: beam.PCollection[DeadLetter]
    remarks: beam.PCollection[str]


class ReadFiles(beam.PTransform):
    """Reads parts of files, and converts many records at once."""

    def __init__(
        self,
        parts: Sequence[FilePart],
        convert: Convert,
        *,
        processes: ProcessCount = 1,
    ) -> None:
        super().__init__()
        self._parts = parts
        self._fn = _ReadFileFn(convert, processes)

    def expand(self, root: beam.pvalue.PBegin) -> FileRecords:
        """One file is read by one worker: what is broken in it shows only from its beginning."""
        outputs = (
            root
            | "NameFiles" >> beam.Create(self._parts, reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadFile"
            >> beam.ParDo(self._fn).with_outputs("dead_letters", "remarks", main="batches")
        )
        return FileRecords(outputs.batches, outputs.dead_letters, outputs.remarks)


class _ReadFileFn(beam.DoFn):
    def __init__(self, convert: Convert, processes: ProcessCount) -> None:
        self._convert, self._processes = convert, processes
        self._replaced = Metrics.counter(READ, REPLACED_CHARACTERS)

    def setup(self) -> None:
        """Get the processes of this worker."""
        collect_less_often()
        self._pool = shared_pool(self._processes)

    # Without its tag in the type Beam would take an output for one more kind of batch.
    def process(
        self, part: FilePart
    ) -> Iterator[
        Any
        | TaggedOutput[Literal["dead_letters"], DeadLetter]
        | TaggedOutput[Literal["remarks"], str]
    ]:
        convert = partial(self._convert, clock_bound=clock_bound(_exported_at(part)))
        file: DataFile[Any] = DataFile(partial(open_file, part.path), part, convert, self._pool)
        for element in file:
            is_dead = isinstance(element, DeadLetter)
            yield TaggedOutput("dead_letters", element) if is_dead else element
        if file.replaced:
            self._replaced.inc(file.replaced)
            yield TaggedOutput("remarks", _lost_text(part, file.replaced))


def _exported_at(part: FilePart) -> int:
    """When a JSON file was made, as SAP's say in front of their records; 0 when unknown."""
    if part.kind != "json" or part.member:
        return 0
    with open_file(part.path) as stream:
        return exported_at(stream)


def _lost_text(part: FilePart, count: int) -> str:
    return (
        f"{count:,} characters of {part.name} are not in {part.encoding} and were left out; the"
        " notes of their records name the fields (unreadable_characters)"
    )


def open_file(path: str) -> BinaryIO:
    """A file as it is: the readers unpack, for they keep what comes before damage."""
    stream: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream


class BeamFiles:
    """The files that Beam can read: local ones, and those of the clouds."""

    def match(self, pattern: str) -> list[str]:
        """The paths of the files that a pattern names, none when there is none.

        Raises:
            OSError: the place cannot be looked at.
        """
        # Beam finds nothing by a pattern without a folder, and a worker may stand in another one.
        place = pattern if "://" in pattern else str(Path(pattern).absolute())
        try:
            [matched] = FileSystems.match([place])
        except (BeamIOError, ValueError):
            raise OSError(None, None) from None
        return [file.path for file in matched.metadata_list]

    def stat(self, path: str) -> Stat:
        """A file's size and time of change.

        Raises:
            OSError: there is no such file.
        """
        try:
            [matched] = FileSystems.match([path])
            [file] = matched.metadata_list
        except (BeamIOError, ValueError):
            raise OSError(None, None) from None
        return Stat(file.size_in_bytes, int(file.last_updated_in_seconds))

    def open(self, path: str) -> BinaryIO:
        """A file as it is, packed or not.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return open_file(path)
        except BeamIOError:
            raise OSError(None, None) from None
