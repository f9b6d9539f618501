"""A workbook (.xlsx): its sheets, read row by row in constant memory.

``openpyxl`` reads the small parts: which sheets there are, which styles are dates. Its reader of
rows keeps all shared strings, and an object of each row, in memory: so rows are read here
(decision 32).
"""

import re
import warnings
import zipfile
import zlib
from collections.abc import Container, Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import ParseError

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.xml.constants import SHARED_STRINGS

from transforms.stores.files.cell_values import DateStyles, cell_value
from transforms.stores.files.packing import CHUNK, PackingError
from transforms.stores.files.shared_strings import SharedStrings
from transforms.stores.files.sheet_xml import SheetError, SheetRows, column_number

CONTENT_TYPES = "[Content_Types].xml"
"""The member of an archive that tells a workbook."""

# A sheet shrinks to a tenth or so; a thousandth is the most that zip can do.
_MOST_SHRINKAGE = 300
_LEAST_BOMB = 1 << 26
_MOST_BYTES = 1 << 35
# What openpyxl reads at once.
_LARGEST_PART = 1 << 26

_MERGED = re.compile(rb'mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_LONGEST_REFERENCE = 64
_MOST_MERGED = 1 << 17


class Sheet(NamedTuple):
    """A sheet of a workbook: its title, whether people see it, its part of the archive."""

    title: str
    is_visible: bool
    part: str


class SheetRow(NamedTuple):
    """The values of a row's cells by their columns, from 0 on; ``number`` counts from 1."""

    number: int
    values: dict[int, object]


class Workbook:
    """An open workbook. Close it after use, which closes its stream too.

    Raises:
        PackingError: it is damaged, is not a workbook, or would not end when it is unpacked.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        try:
            self._archive = zipfile.ZipFile(stream)
            self._check_sizes()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._read_parts(stream)
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, ParseError):
            raise PackingError("it is damaged, or is not a workbook (.xlsx)") from None
        self._strings = SharedStrings()
        self._has_strings = False

    def close(self) -> None:
        """Close its files."""
        self._strings.close()
        self._archive.close()
        self._stream.close()

    def find_sheet(self, title: str) -> Sheet | None:
        """The sheet of this title; without a title the first that people see and that holds
        anything, else the first of all.
        """
        if title:
            folded = title.strip().casefold()
            exact = [sheet for sheet in self.sheets if sheet.title == title]
            alike = [sheet for sheet in self.sheets if sheet.title.strip().casefold() == folded]
            return next(iter(exact or alike), None)
        visible = [sheet for sheet in self.sheets if sheet.is_visible]
        full = (sheet for sheet in visible if next(self.rows(sheet), None))
        return next(full, next(iter(self.sheets), None))

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """Yields the rows that hold anything.

        Raises:
            SheetError: behind the last row that could be read.
        """
        self._load_strings()
        reader = SheetRows()
        value_of = partial(cell_value, shared=self._strings.text, styles=self._styles)
        for chunk in chain(self._chunks(sheet.part), (b"", b"")):
            for row in reader.feed(chunk):
                values = {cell.column: value_of(cell) for cell in row.cells}
                values = {column: value for column, value in values.items() if value is not None}
                if values:
                    yield SheetRow(row.number, values)

    def merged_cells(self, sheet: Sheet) -> "MergedCells":
        """The cells that are merged over several rows; the sheet is read once for that.

        Raises:
            SheetError: it is damaged.
        """
        return MergedCells(self._chunks(sheet.part))

    def _read_parts(self, stream: BinaryIO) -> None:
        reader = ExcelReader(stream, read_only=True, data_only=True)
        reader.read_manifest()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        book = reader.wb
        self._styles = DateStyles(book._date_formats, book._timedelta_formats, book.epoch)
        self.sheets = [
            Sheet(sheet.name, sheet.state == "visible", relation.target)
            for sheet, relation in reader.parser.find_sheets()
            if "worksheet" in relation.Type and relation.target in self._archive.namelist()
        ]
        strings = reader.package.find(SHARED_STRINGS)
        self._strings_part = strings.PartName[1:] if strings is not None else ""

    def _load_strings(self) -> None:
        if not self._has_strings and self._strings_part in self._archive.namelist():
            self._strings.load(self._chunks(self._strings_part))
        self._has_strings = True

    def _check_sizes(self) -> None:
        for entry in self._archive.infolist():
            is_rows = "worksheets/" in entry.filename or "sharedStrings" in entry.filename
            if _is_bomb(entry.file_size, entry.compress_size) or (
                not is_rows and entry.file_size > _LARGEST_PART
            ):
                raise PackingError(
                    f"{entry.filename} in it would unpack to {entry.file_size:,} bytes: that is an"
                    " attack (a zip bomb), or damage"
                )

    def _chunks(self, part: str) -> Iterator[bytes]:
        """Yields the bytes of a part.

        Raises:
            SheetError: it is damaged.
        """
        try:
            with self._archive.open(part) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, OSError):
            raise SheetError("its archive is damaged") from None


def _is_bomb(size: int, packed: int) -> bool:
    return size > _MOST_BYTES or (size > _LEAST_BOMB and size > _MOST_SHRINKAGE * packed)


class MergedCells:
    """Cells that are merged over several rows: each of these rows has their value.

    Only in the leftmost of their columns: a heading over a whole row is no value of each column.
    The sheet says behind its rows which cells are merged.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._last_rows: dict[tuple[int, int], int] = {}
        for column, top, bottom in _merged_ranges(chunks):
            if bottom > top and len(self._last_rows) < _MOST_MERGED:
                self._last_rows[top, column] = bottom
        self._open: dict[int, tuple[int, object]] = {}

    def fill(self, number: int, values: dict[int, object], unfilled: Container[int]) -> None:
        """Put into a row what stands in cells above that reach down to it, but for some columns."""
        if not self._last_rows:
            return
        self._open = {
            column: (bottom, value)
            for column, (bottom, value) in self._open.items()
            if bottom >= number
        }
        for column, (_, value) in self._open.items():
            if column not in unfilled:
                values.setdefault(column, value)
        for column, value in values.items():
            if bottom := self._last_rows.get((number, column)):
                self._open[column] = (bottom, value)


def _merged_ranges(chunks: Iterator[bytes]) -> Iterator[tuple[int, int, int]]:
    """Yields the leftmost column, the first and the last row of each range of merged cells."""
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = 0
        for match in _MERGED.finditer(text):
            end = match.end()
            yield column_number(match[1].decode()), int(match[2]), int(match[4])
        rest = text[max(end, len(text) - _LONGEST_REFERENCE) :]
