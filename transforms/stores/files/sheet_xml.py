"""The XML of a workbook's parts, read as it comes: no tree of it is ever in memory."""

from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

from transforms.core.errors import SvodError

_MOST_CHARACTERS = 1 << 20
_MOST_COLUMNS = 1 << 14
_A = ord("A") - 1


class SheetError(SvodError):
    """A workbook's part cannot be read further; the text says why, in a clause for people."""


class RawCell(NamedTuple):
    """A cell as it stands in the sheet: where, of which type and style, its value and formula.

    ``value`` is None where the cell has none. ``column`` counts from 0.
    """

    column: int
    kind: str
    style: int
    value: str | None
    formula: str | None


class RawRow(NamedTuple):
    """A row of a sheet: its number, from 1 on, and the cells that there are."""

    number: int
    cells: list[RawCell]


class _XmlReader:
    """Feeds a parser; a subclass has ``start`` and ``end`` for elements without their prefix."""

    def __init__(self) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        # What could name other files, or grow without end, has no place in a workbook.
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        self._parser = parser
        self._text: list[str] = []
        self._size = 0

    def parse(self, chunk: bytes) -> None:
        """Read on; an empty chunk is the end.

        Raises:
            SheetError: the XML is damaged, or ends too early.
        """
        try:
            self._parser.Parse(chunk, not chunk)
        except expat.ExpatError:
            raise SheetError("its XML is damaged or ends too early") from None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def take_text(self) -> str:
        """The text since the last call."""
        text = "".join(self._text)
        self._text.clear()
        self._size = 0
        return text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.start(name.rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self.end(name.rpartition(":")[2])

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size > _MOST_CHARACTERS:
            raise SheetError("a cell of it has more than a million characters")
        self._text.append(text)


def _refuse(*_: object) -> None:
    raise SheetError("its XML declares entities, as an attack does")


class TextElements(_XmlReader):
    """The texts of elements of one name, such as the shared strings."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._parts: list[str] = []
        self._is_phonetic = False
        self._elements: list[str] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Returns the texts of the elements that have ended."""
        self.parse(chunk)
        texts, self._elements = self._elements, []
        return texts

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A text begins, or how it is pronounced."""
        self.take_text()
        if name == "rPh":
            self._is_phonetic = True
        elif name == self._name:
            self._parts.clear()

    def end(self, name: str) -> None:
        """A part of a text ends, or all of it."""
        if name == "t" and not self._is_phonetic:
            self._parts.append(self.take_text())
        elif name == "rPh":
            self._is_phonetic = False
        elif name == self._name:
            self._elements.append("".join(self._parts))


class SheetRows(_XmlReader):
    """The rows of a sheet, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[RawRow] = []
        self._error: SheetError | None = None
        self._cells: list[RawCell] = []
        self._number = 0
        self._column = -1
        self._kind, self._style = "n", 0
        self._value: str | None = None
        self._formula: str | None = None
        self._inline: list[str] = []
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "row": self._start_row,
            "c": self._start_cell,
        }
        self._ends: dict[str, Callable[[], None]] = {
            "row": self._end_row,
            "c": self._end_cell,
            "v": self._end_value,
            "f": self._end_formula,
            "t": self._end_inline,
        }

    def feed(self, chunk: bytes) -> list[RawRow]:
        """Returns the rows that have ended; an empty chunk is the end.

        Raises:
            SheetError: the chunk before was damaged.
        """
        if self._error:
            raise self._error
        try:
            self.parse(chunk)
        except SheetError as error:
            # The rows before the damage come first.
            self._error = error
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A row or a cell begins."""
        self.take_text()
        if handler := self._starts.get(name):
            handler(attributes)

    def end(self, name: str) -> None:
        """A row, a cell, or a part of a cell ends."""
        if handler := self._ends.get(name):
            handler()

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "")
        self._number = int(number) if number.isdecimal() else self._number + 1
        self._cells = []
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        self._column = column_number(reference) if reference else self._column + 1
        self._kind = attributes.get("t", "n")
        style = attributes.get("s", "0")
        self._style = int(style) if style.isdecimal() else 0
        self._value = self._formula = None
        self._inline.clear()

    def _end_value(self) -> None:
        self._value = self.take_text()

    def _end_formula(self) -> None:
        self._formula = self.take_text()

    def _end_inline(self) -> None:
        self._inline.append(self.take_text())

    def _end_cell(self) -> None:
        value = "".join(self._inline) if self._kind == "inlineStr" else self._value
        if 0 <= self._column < _MOST_COLUMNS and (value is not None or self._formula is not None):
            self._cells.append(RawCell(self._column, self._kind, self._style, value, self._formula))

    def _end_row(self) -> None:
        self._rows.append(RawRow(self._number, self._cells))


def column_number(reference: str) -> int:
    """The number of a cell's column, from 0 on.

    >>> column_number("A1"), column_number("AB12")
    (0, 27)
    """
    number = 0
    for letter in reference:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter) - _A
    return number - 1
