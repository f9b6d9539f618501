"""One file of a store: its records, many at a time, and what in it cannot be read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import msgspec

from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter
from transforms.stores.files.columns import record_names, records_of
from transforms.stores.files.csv_rows import (
    MOST_CHARACTERS,
    BrokenLine,
    CsvReader,
    CsvRows,
    NoHeaderError,
)
from transforms.stores.files.json_lines import decode_lines, line_batches
from transforms.stores.files.packing import CHUNK, unpacked
from transforms.stores.files.text_lines import MAX_RAW, LinePlace, Lines

R = TypeVar("R")
Record = dict[str, Any]


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a ``member`` of an archive, and how it is read.

    ``place`` is where the records stand in it (an array's path, a sheet), ``names`` are the columns
    that the mapping names. ``start`` bytes of it are read already, and ``columns`` known from them.
    """

    path: str
    kind: str
    member: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    header: int = 0
    place: str = ""
    names: tuple[str, ...] = ()
    start: int = 0
    columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path, and the member behind it: ``in/all.zip/customers.csv``."""
        return f"{self.path}/{self.member}" if self.member else self.path


class _Batch(NamedTuple):
    """What a process is to convert, with what is needed to say where a record of it stands."""

    content: Any
    lines: Sequence[str]
    place: LinePlace


class Converted(NamedTuple):
    """The result for a batch's records, and its lines that hold none, with the reason of each."""

    result: Any
    unusable: list[tuple[int, str]]


class DataFile(Generic[R]):
    """The results of ``convert`` for the records of one file, and the file's dead letters.

    Iterate once. ``convert`` is called with many records at a time, in other processes when
    ``processes`` has any; ``problem`` returns why a record cannot be used, else an empty text.
    """

    def __init__(
        self,
        open_file: Callable[[], BinaryIO],
        part: FilePart,
        convert: Callable[[Iterable[Record]], R],
        processes: ProcessPool,
        problem: Callable[[Record], str],
    ) -> None:
        self._open, self._part, self._processes = open_file, part, processes
        self._convert = partial(_READERS[part.kind].convert, convert, problem)
        self._lines: Lines
        self.replaced = 0
        """Number of characters that could not be decoded and became U+FFFD."""

    def __iter__(self) -> Iterator[R | DeadLetter]:
        with self._open() as stream:
            if self._part.start:
                stream.seek(self._part.start)
            chunks = unpacked(stream, self._part.member, CHUNK)
            reader = _READERS[self._part.kind]
            self._lines = Lines(
                chunks, self._part.encoding, most=reader.most, start=self._part.start
            )
            yield from self._elements(reader.batches(self._lines, self._part))
        self.replaced = self._lines.replaced

    def _elements(self, batches: Iterator[_Batch | BrokenLine]) -> Iterator[R | DeadLetter]:
        broken: list[BrokenLine] = []
        tasks = ((batch, batch.content) for batch in _without_broken(batches, broken))
        for batch, converted in self._processes.map_with_keys(self._convert, tasks):
            yield converted.result
            yield from self._unusable(batch, converted.unusable)
            yield from map(self._dead_letter, broken)
            broken.clear()
        yield from map(self._dead_letter, broken)
        if self._lines.damage:
            yield self._dead_letter(self._damage())

    def _damage(self) -> BrokenLine:
        reason = self._lines.damage
        if reason == "broken_gzip" and self._part.member:
            reason = "broken_zip"
        return BrokenLine(reason, self._lines.place(), self._lines.cut_line)

    def _unusable(self, batch: _Batch, unusable: list[tuple[int, str]]) -> Iterator[DeadLetter]:
        number, offset = batch.place
        position = 0
        for line, reason in unusable:
            offset += self._lines.count_bytes("".join(batch.lines[position:line]))
            position = line
            place = LinePlace(number + line, offset)
            yield self._dead_letter(BrokenLine(reason, place, batch.lines[line]))

    def _dead_letter(self, line: BrokenLine) -> DeadLetter:
        text = line.text[:MAX_RAW].rstrip("\r\n")
        head = f"line {line.place.number}"
        raw = (f"{head}: {text}" if text else head).encode(errors="replace")[:MAX_RAW]
        return DeadLetter(f"file:{self._part.name}", -1, line.place.offset, line.reason, raw)


def _without_broken(
    batches: Iterable[_Batch | BrokenLine], broken: list[BrokenLine]
) -> Iterator[_Batch]:
    """Yields the batches; adds the broken lines between them to ``broken``."""
    for batch in batches:
        if isinstance(batch, BrokenLine):
            broken.append(batch)
        else:
            yield batch


def _csv_batches(lines: Lines, part: FilePart) -> Iterator[_Batch | BrokenLine]:
    reader = CsvReader(lines, delimiter=part.delimiter, header=part.header)
    try:
        columns = part.columns or reader.open(part.names)
    except NoHeaderError:
        yield BrokenLine("empty_file", lines.place(), "")
        return
    reader.columns = list(columns)
    keys = record_names(columns, part.names)
    for rows in reader:
        if isinstance(rows, CsvRows):
            yield _Batch((keys, rows.rows, rows.starts), rows.lines, rows.place)
        else:
            yield rows


def _json_batches(lines: Lines, part: FilePart) -> Iterator[_Batch | BrokenLine]:
    is_empty = True
    for batch in line_batches(lines):
        is_empty = False
        yield _Batch(batch.lines, *batch)
    if is_empty and not part.start and not lines.damage:
        yield BrokenLine("empty_file", lines.place(), "")


def _convert_rows(
    convert: Callable[[Iterable[Record]], R],
    problem: Callable[[Record], str],
    batch: tuple[list[str], list[list[str]], Sequence[int]],
) -> Converted:
    keys, rows, starts = batch
    return _usable(convert, problem, list(records_of(keys, rows)), starts)


def _convert_lines(
    convert: Callable[[Iterable[Record]], R], problem: Callable[[Record], str], lines: list[str]
) -> Converted:
    records, starts, broken = decode_lines(lines)
    result, unusable = _usable(convert, problem, records, starts)
    unusable += ((line, "broken_record") for line in broken)
    return Converted(result, sorted(unusable))


def _usable(
    convert: Callable[[Iterable[Record]], R],
    problem: Callable[[Record], str],
    records: list[Record],
    starts: Sequence[int],
) -> Converted:
    """Converts the records that can be used; an empty one holds nothing, and is passed over."""
    unusable = []
    usable = []
    for record, line in zip(records, starts, strict=True):
        if not record:
            continue
        if reason := problem(record):
            unusable.append((line, reason))
        else:
            usable.append(record)
    return Converted(convert(usable), unusable)


class _Reader(NamedTuple):
    """How files of a kind are read: into batches, in this process; these into results, in any."""

    batches: Callable[[Lines, FilePart], Iterator[_Batch | BrokenLine]]
    convert: Callable[..., Converted]
    most: int


_READERS = {
    "csv": _Reader(_csv_batches, _convert_rows, MOST_CHARACTERS),
    "jsonl": _Reader(_json_batches, _convert_lines, 1 << 24),
}
