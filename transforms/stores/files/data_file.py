"""One file of a store: its records, many at a time, and what in it cannot be read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter
from transforms.stores.files.json_array import JsonArrayReader
from transforms.stores.files.parts import (
    BrokenStretch,
    FilePart,
    ParsedRecords,
    Record,
    RecordBatch,
    RecordReader,
)
from transforms.stores.files.sheet_reader import SheetReader
from transforms.stores.files.text_lines import MAX_RAW
from transforms.stores.files.text_readers import CsvFileReader, JsonLinesReader

R = TypeVar("R")

Convert = Callable[[list[Record]], tuple[R, list[tuple[int, str]]]]
"""Makes a result of records; returns also which of them cannot be used, with reasons."""

READERS: Mapping[str, Callable[[FilePart], RecordReader]] = {
    "csv": CsvFileReader,
    "json": JsonArrayReader,
    "jsonl": JsonLinesReader,
    "xlsx": SheetReader,
}
"""The reader of each kind of file."""


class _Converted(NamedTuple):
    """The result for a batch's records, and its positions that hold none, with reasons."""

    result: Any
    broken: list[tuple[int, str]]


class DataFile(Generic[R]):
    """The results of ``convert`` for the records of one file, and the file's dead letters.

    Iterate once. ``convert`` is called with many records at a time, in other processes when
    ``processes`` has any; it returns its result, and which records cannot be used, with reasons.
    """

    def __init__(
        self,
        open_file: Callable[[], BinaryIO],
        part: FilePart,
        convert: Convert[R],
        processes: ProcessPool,
    ) -> None:
        self._open, self._part, self._processes = open_file, part, processes
        self._reader = READERS[part.kind](part)
        self._convert = partial(_convert, self._reader.parse, convert)
        self.replaced = 0
        """Number of characters that could not be decoded and became U+FFFD."""

    def __iter__(self) -> Iterator[R | DeadLetter]:
        with self._open() as stream:
            yield from self._elements(self._reader.batches(stream))
            self.replaced = self._reader.replaced

    def _elements(self, batches: Iterator[RecordBatch | BrokenStretch]) -> Iterator[R | DeadLetter]:
        broken: list[BrokenStretch] = []
        tasks = ((batch.origin, batch.content) for batch in _without_broken(batches, broken))
        for origin, converted in self._processes.map_with_keys(self._convert, tasks):
            yield converted.result
            yield from map(self._dead_letter, self._reader.locate(origin, converted.broken))
            yield from map(self._dead_letter, broken)
            broken.clear()
        yield from map(self._dead_letter, broken)

    def _dead_letter(self, stretch: BrokenStretch) -> DeadLetter:
        text = stretch.text[:MAX_RAW].rstrip("\r\n")
        head = f"{stretch.unit} {stretch.place.number}"
        raw = (f"{head}: {text}" if text else head).encode(errors="replace")[:MAX_RAW]
        return DeadLetter(f"file:{self._part.name}", -1, stretch.place.offset, stretch.reason, raw)


def _without_broken(
    batches: Iterable[RecordBatch | BrokenStretch], broken: list[BrokenStretch]
) -> Iterator[RecordBatch]:
    """Yields the batches; adds what is broken between them to ``broken``."""
    for batch in batches:
        if isinstance(batch, BrokenStretch):
            broken.append(batch)
        else:
            yield batch


def _convert(
    parse: Callable[[Any], ParsedRecords],
    convert: Convert[R],
    content: Any,
) -> _Converted:
    """Converts the records of a batch; an empty one holds nothing, and is passed over."""
    parsed = parse(content)
    positions = [
        position
        for record, position in zip(parsed.records, parsed.positions, strict=True)
        if record
    ]
    result, unusable = convert([record for record in parsed.records if record])
    broken = [(positions[index], reason) for index, reason in unusable]
    return _Converted(result, sorted(parsed.broken + broken))
