"""CSV and JSON Lines: readers of files that consist of lines."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

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
from transforms.stores.files.parts import BrokenStretch, FilePart, ParsedRecords, RecordBatch
from transforms.stores.files.text_lines import LinePlace, Lines


class _Origin(NamedTuple):
    """The lines of a batch, and where the first of them begins."""

    lines: Sequence[str]
    place: LinePlace


class _TextReader:
    """What CSV and JSON Lines have in common."""

    most_characters: int

    def __init__(self, part: FilePart) -> None:
        self.part = part
        self.lines: Lines

    @property
    def replaced(self) -> int:
        """Number of characters so far that could not be decoded and became U+FFFD."""
        return self.lines.replaced

    def open(self, stream: BinaryIO) -> None:
        """Begin with the lines of a file, behind what is read already."""
        part = self.part
        if part.start:
            stream.seek(part.start)
        chunks = unpacked(stream, part.member, CHUNK)
        self.lines = Lines(chunks, part.encoding, most=self.most_characters, start=part.start)

    def damage(self) -> Iterator[BrokenStretch]:
        """Yields where and why a packed file ended too early, if it did."""
        if reason := self.lines.damage:
            if reason == "broken_gzip" and self.part.member:
                reason = "broken_zip"
            yield BrokenStretch(reason, self.lines.place(), self.lines.cut_line)

    def locate(self, origin: _Origin, broken: list[tuple[int, str]]) -> Iterator[BrokenStretch]:
        """Yields the lines at the positions of a batch, which come in their order."""
        number, offset = origin.place
        start = 0
        for position, reason in broken:
            offset += self.lines.count_bytes("".join(origin.lines[start:position]))
            start = position
            place = LinePlace(number + position, offset)
            yield BrokenStretch(reason, place, origin.lines[position])


def _csv_batch(keys: list[str], rows: CsvRows | BrokenLine) -> RecordBatch | BrokenStretch:
    if isinstance(rows, BrokenLine):
        return BrokenStretch(*rows)
    return RecordBatch((keys, rows.rows, rows.starts), _Origin(rows.lines, rows.place))


class CsvFileReader(_TextReader):
    """Reads a CSV file."""

    most_characters = MOST_CHARACTERS

    def batches(self, stream: BinaryIO) -> Iterator[RecordBatch | BrokenStretch]:
        """Yields the batches of a file, and what in it is broken."""
        self.open(stream)
        reader = CsvReader(self.lines, delimiter=self.part.delimiter, header=self.part.header)
        try:
            columns = self.part.columns or reader.open(self.part.names)
        except NoHeaderError:
            # Damage before the first row has a reason of its own.
            if not self.lines.damage:
                yield BrokenStretch("empty_file", self.lines.place(), "")
        else:
            reader.columns = list(columns)
            keys = record_names(columns, self.part.names)
            for rows in reader:
                yield _csv_batch(keys, rows)
        yield from self.damage()

    @staticmethod
    def parse(content: tuple[list[str], list[list[str]], Sequence[int]]) -> ParsedRecords:
        """Returns the records of rows."""
        keys, rows, starts = content
        return ParsedRecords(list(records_of(keys, rows)), starts, [])


class JsonLinesReader(_TextReader):
    """Reads a JSON Lines file."""

    most_characters = 1 << 24

    def batches(self, stream: BinaryIO) -> Iterator[RecordBatch | BrokenStretch]:
        """Yields the batches of a file, and what in it is broken."""
        self.open(stream)
        is_empty = self.part.start == 0
        for lines, place in line_batches(self.lines):
            is_empty = False
            yield RecordBatch(lines, _Origin(lines, place))
        if is_empty and not self.lines.damage:
            yield BrokenStretch("empty_file", self.lines.place(), "")
        yield from self.damage()

    @staticmethod
    def parse(content: list[str]) -> ParsedRecords:
        """Returns the records of lines."""
        records, starts, broken = decode_lines(content)
        return ParsedRecords(records, starts, [(line, "broken_record") for line in broken])
