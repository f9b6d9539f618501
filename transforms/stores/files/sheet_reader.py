"""Workbooks: a reader of the rows of one sheet."""

import json
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import BinaryIO, cast

from transforms.stores.files.columns import record_names
from transforms.stores.files.packing import CHUNK, GZIP, PackingError, unpacked
from transforms.stores.files.parts import BrokenStretch, FilePart, ParsedRecords, RecordBatch
from transforms.stores.files.sheet_xml import SheetError
from transforms.stores.files.text_lines import LinePlace
from transforms.stores.files.workbook import MergedCells, SheetRow, Workbook

_BATCH_SIZE = 1000

Row = list[object]


class SheetReader:
    """Reads the sheet that ``part.place`` names; without a name the first that holds anything."""

    replaced = 0
    """A workbook is UTF-8, or damaged."""

    def __init__(self, part: FilePart) -> None:
        self._part = part
        self._number = 1
        self._is_damaged = False

    def batches(self, stream: BinaryIO) -> Iterator[RecordBatch | BrokenStretch]:
        """Yields the batches of a sheet, and where it is damaged."""
        try:
            with closing(open_workbook(stream, self._part.member)) as book:
                sheet = book.find_sheet(self._part.place)
                if sheet is None:
                    yield self._broken("no_sheet")
                    return
                yield from self._batches_of(book.rows(sheet), book.merged_cells(sheet))
        except (SheetError, PackingError):
            yield self._broken("broken_workbook")

    def _batches_of(
        self, rows: Iterator[SheetRow], merged: MergedCells
    ) -> Iterator[RecordBatch | BrokenStretch]:
        header = next_header(rows, self._part.header)
        if header is None:
            yield self._broken("empty_file")
            return
        keys = record_names(sheet_columns(header), self._part.names)
        # Rows that share a merged id are not several versions of one record.
        ids = {position for position, key in enumerate(keys) if key in self._part.id_names}
        # One iterator for all batches: an abandoned one would close the rows.
        sound_rows = self._until_damage(rows)
        while batch := self._take(sound_rows):
            for row in batch:
                merged.fill(row.number, row.values, ids)
            content = [_row(row, len(keys)) for row in batch]
            yield RecordBatch((keys, content), ([row.number for row in batch], content))
        if self._is_damaged:
            yield self._broken("broken_workbook")

    def _take(self, rows: Iterator[SheetRow]) -> list[SheetRow]:
        batch = list(islice(rows, _BATCH_SIZE))
        if batch:
            self._number = batch[-1].number + 1
        return batch

    def _until_damage(self, rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
        try:
            yield from rows
        except SheetError:
            self._is_damaged = True

    def _broken(self, reason: str) -> BrokenStretch:
        return BrokenStretch(reason, LinePlace(self._number, self._number), "", "row")

    @staticmethod
    def parse(content: tuple[list[str], list[Row]]) -> ParsedRecords:
        """Returns the records of rows; a row that holds nothing makes an empty one."""
        keys, rows = content
        records = [
            {key: value for key, value in zip(keys, row, strict=True) if key}
            if any(value is not None for value in row)
            else {}
            for row in rows
        ]
        return ParsedRecords(records, range(len(rows)), [])

    def locate(
        self, origin: tuple[list[int], list[Row]], broken: list[tuple[int, str]]
    ) -> Iterator[BrokenStretch]:
        """Yields the rows at the positions of a batch."""
        numbers, rows = origin
        for position, reason in broken:
            text = json.dumps(rows[position], ensure_ascii=False, default=str)
            number = numbers[position]
            yield BrokenStretch(reason, LinePlace(number, number), text, "row")


def _row(row: SheetRow, width: int) -> Row:
    return [row.values.get(column) for column in range(width)]


def next_header(rows: Iterator[SheetRow], number: int) -> SheetRow | None:
    """The row that names the columns; without a ``number`` the first that holds anything."""
    for row in rows:
        if row.number >= number:
            return row if row.number == number or not number else None
    return None


def sheet_columns(header: SheetRow) -> list[str]:
    """The names of the columns, in their order; empty for a column without a name."""
    last = max(header.values)
    return [_name(header.values.get(column)) for column in range(last + 1)]


def _name(value: object) -> str:
    return "" if value is None or isinstance(value, dict) else str(value).strip()


def open_workbook(stream: BinaryIO, member: str = "") -> Workbook:
    """Opens a workbook; of a packed one a copy is made on disk, for it is read out of order.

    Raises:
        PackingError: it is damaged, or is not a workbook.
    """
    head = stream.read(len(GZIP))
    stream.seek(0)
    if not member and not head.startswith(GZIP):
        return Workbook(stream)
    copy = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - open as the workbook is
    try:
        for chunk in unpacked(stream, member, CHUNK):
            copy.write(chunk)
        return Workbook(copy)
    except (EOFError, zlib.error):
        copy.close()
        raise PackingError("it is damaged or was cut off") from None
    except PackingError:
        copy.close()
        raise
