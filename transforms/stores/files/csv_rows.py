"""The rows of a CSV file, many at a time, whatever is broken in between.

A quote that is never closed would swallow the rest of the file. So a record has at most
``_MOST_LINES`` lines; one that does not come out right is given up with its first line only, and
reading goes on with the next line.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transforms.core.errors import SvodError
from transforms.stores.files.text_lines import LinePlace, Lines

DELIMITERS = (";", ",", "\t", "|")
"""What may stand between cells, where it is not given."""

MOST_CHARACTERS = 1 << 20
"""The most characters of a line of a CSV file."""

_MOST_LINES = 1000
# The lines that tell the delimiter.
_SAMPLE = 200
_LINE_ENDS = "\r\n"
# Excel's first line, which tells it the delimiter.
_DELIMITER_LINE = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE).fullmatch

csv.field_size_limit(MOST_CHARACTERS)

Cells = list[str]


class NoHeaderError(SvodError):
    """The file ends before the row that names the columns."""


class CsvRows(NamedTuple):
    """Rows of as many cells as there are columns, or of none; ``starts`` holds the line of each.

    ``lines`` are those that the rows were read from, ``place`` is where the first of them begins.
    """

    rows: list[Cells]
    starts: Sequence[int]
    lines: list[str]
    place: LinePlace


class BrokenLine(NamedTuple):
    """A line that is no row: ``wrong_cell_count``, ``unclosed_quote``, ``line_too_long``."""

    reason: str
    place: LinePlace
    text: str


class CsvReader:
    """The rows of one CSV file, and the lines between them that are none.

    ``delimiter`` is empty where it is to be found; ``header`` is the number of the row that names
    the columns, 0 for the first that is not blank. ``columns`` are the names, once ``open`` was
    called.
    """

    def __init__(self, lines: Lines, *, delimiter: str = "", header: int = 0) -> None:
        self._lines, self.delimiter, self._header = lines, delimiter, header
        self.columns: list[str] = []

    def open(self, names: Sequence[str] = ()) -> list[str]:
        """Read up to the row that names the columns, and return it; ``names`` are expected there.

        Raises:
            NoHeaderError: there is no such row.
        """
        if match := _DELIMITER_LINE(self._lines.ahead(0)):
            self._lines.step(1)
            self.delimiter = self.delimiter or match[1]
        self._skip_to_header()
        if not self._lines.ahead(0):
            raise NoHeaderError("the row that names the columns is missing")
        self.delimiter = self.delimiter or find_delimiter(self._lines.buffered(), names)
        cells, count = self._record()
        self._lines.step(count)
        self.columns = [cell.strip() for cell in cells]
        return self.columns

    def use_columns(self, columns: Sequence[str]) -> None:
        """Read a part of a file, behind the row that names its columns."""
        self.columns = list(columns)

    def __iter__(self) -> Iterator[CsvRows | BrokenLine]:
        while lines := self._lines.buffered():
            place = self._lines.place()
            rows = self._plain_rows(lines)
            if rows:
                self._lines.step(len(lines))
                yield CsvRows(rows, range(len(lines)), lines, place)
            else:
                yield from self._careful_rows(lines, place)

    def _skip_to_header(self) -> None:
        number = 1
        while line := self._lines.ahead(0):
            if number >= self._header and (self._header or line.strip()):
                return
            # The delimiter is not known here, and matters only for rows of several lines.
            self._lines.step(self._record()[1])
            number += 1

    def _plain_rows(self, lines: list[str]) -> list[Cells]:
        """The rows where no line is broken and no row has several, else an empty list.

        A blank line is an empty row. This is the hot path.
        """
        try:
            rows = list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return []
        is_sound = len(rows) == len(lines) and {0, len(self.columns)}.issuperset(map(len, rows))
        return rows if is_sound and not self._lines.is_cut(lines[-1]) else []

    def _careful_rows(self, lines: list[str], place: LinePlace) -> Iterator[CsvRows | BrokenLine]:
        """Reads record by record what stands in ``lines``; the last may end behind them."""
        rows: list[Cells] = []
        starts: list[int] = []
        passed: list[str] = []
        while len(passed) < len(lines) and (line := self._lines.ahead(0)):
            cells, count = self._record()
            reason = self._problem(line, cells, count)
            if reason:
                count = 1
                yield BrokenLine(reason, self._lines.place(), line)
            else:
                rows.append(cells)
                starts.append(len(passed))
            passed += [self._lines.ahead(index) for index in range(count)]
            self._lines.step(count)
        if rows:
            yield CsvRows(rows, starts, passed, place)

    def _record(self) -> tuple[Cells, int]:
        """The cells of the next record, and its number of lines; no cell where it is broken."""
        lookahead = _Lookahead(self._lines)
        try:
            cells = next(csv.reader(lookahead, delimiter=self.delimiter or ";", strict=True))
        except (csv.Error, StopIteration):
            return mend_cells(self._lines.ahead(0), self.delimiter or ";"), 1
        return cells, lookahead.count

    def _problem(self, line: str, cells: Cells, count: int) -> str:
        """Why a record is broken; empty where it is sound, or is a blank line."""
        if self._lines.is_cut(line):
            return "line_too_long"
        if not cells:
            return "unclosed_quote" if line.strip(_LINE_ENDS) else ""
        if count > 1 and (len(cells) != len(self.columns) or self._has_whole_lines(count)):
            return "unclosed_quote"
        return "" if len(cells) == len(self.columns) else "wrong_cell_count"

    def _has_whole_lines(self, count: int) -> bool:
        """Whether each of the lines has as many delimiters as a row: a quote holds them together.

        A text of several lines has few delimiters in any of them.
        """
        delimiters = len(self.columns) - 1
        return all(
            self._lines.ahead(index).count(self.delimiter) >= delimiters for index in range(count)
        )


class _Lookahead:
    """An iterator over the next lines, up to the most that a record may have."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.count = 0
        self._size = 0

    def __iter__(self) -> "_Lookahead":
        return self

    def __next__(self) -> str:
        line = self._lines.ahead(self.count)
        self._size += len(line)
        if not line or self.count == _MOST_LINES or self._size > MOST_CHARACTERS:
            raise StopIteration
        self.count += 1
        return line


def mend_cells(line: str, delimiter: str) -> Cells:
    """The cells of one line whose quotes are not doubled; none where a quote is not closed.

    >>> mend_cells('1;"ООО "Ромашка"";7805746764', ";")
    ['1', 'ООО "Ромашка"', '7805746764']
    >>> mend_cells('1;"Ромашка" ООО;7805746764', ";"), mend_cells('1;"ООО;7805746764', ";")
    (['1', '"Ромашка" ООО', '7805746764'], [])
    """
    text = line.rstrip(_LINE_ENDS) + delimiter
    cells: Cells = []
    start = 0
    while start < len(text):
        end = text.find(f'"{delimiter}', start + 1) if text[start] == '"' else -1
        if end > 0:
            cells.append(text[start + 1 : end].replace('""', '"'))
            start = end + 2
            continue
        end = text.index(delimiter, start)
        cell = text[start:end]
        if cell[:1] == '"' and cell.count('"') % 2:
            return []
        cells.append(cell)
        start = end + 1
    return cells


def find_delimiter(lines: Sequence[str], names: Sequence[str] = ()) -> str:
    """The delimiter of a file that begins with the row of its columns' names.

    It is the one that finds most of the expected ``names``; of equal ones, that which makes most
    rows as long as the first; of these, that which makes most columns.

    >>> find_delimiter(["id,title;tin", "1,a;2"], ["tin"]), find_delimiter(["id", "1"])
    (';', ';')
    """
    expected = {name.casefold() for name in names}

    def fitness(delimiter: str) -> tuple[int, bool, int, int]:
        rows = list(csv.reader(lines[:_SAMPLE], delimiter=delimiter))
        width = len(rows[0]) if rows else 0
        matches = len(expected & {cell.strip().casefold() for cell in rows[0]}) if rows else 0
        alike = sum(len(row) == width for row in rows)
        return matches, width > 1, alike, width

    return max(DELIMITERS, key=fitness)
