"""The lines of a file, some thousand at a time: unpacked, decoded, never whole in memory."""

import zlib
from collections.abc import Iterator
from io import StringIO
from typing import Literal, NamedTuple

from transforms.stores.files.encodings import byte_counter, text_decoder

MOST_CHARACTERS = 1 << 24
"""The most characters of a line: this bounds the memory that damage can take."""

MAX_RAW = 1 << 16
"""The most bytes of a broken stretch that are kept."""

_BYTE_ORDER_MARK = "\ufeff"

Damage = Literal["", "file_cut", "broken_gzip", "broken_zip"]


class LinePlace(NamedTuple):
    """Where a line begins: its number, from 1 on, and its offset in bytes in the unpacked file."""

    number: int
    offset: int


class Lines:
    """A window on a file's lines; ``ahead`` looks at them, ``step`` passes them.

    A line ends with LF, CR LF or CR, which stay at its end, and may be mixed. Of a line above
    ``most`` characters only the beginning is there: so many characters without a line's end.
    The file's first ``start`` bytes are passed already.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        encoding: str,
        *,
        most: int = MOST_CHARACTERS,
        start: int = 0,
    ) -> None:
        self.damage: Damage = ""
        self.replaced = 0
        """Number of characters that could not be decoded and became U+FFFD."""
        self.cut_line = ""
        """The beginning of the line in which a packed file ends too early."""
        self._chunks, self._most = chunks, most
        self._decoder = text_decoder(encoding)
        self.count_bytes = byte_counter(encoding)
        self._lines: list[str] = []
        self._position = 0
        self._rest = ""
        self._ended = False
        # The bytes behind a line's beginning that were dropped, by the line's number.
        self._dropped: dict[int, int] = {}
        self._is_dropping = False
        self._place = LinePlace(1, start)
        self._is_beginning = start == 0

    def place(self) -> LinePlace:
        """Where the next line begins."""
        self._forget()
        return self._place

    def buffered(self) -> list[str]:
        """The lines that are in memory; some thousand of them, none at the file's end."""
        while self._position == len(self._lines) and self._fill():
            pass
        self._forget()
        return self._lines[:]

    def ahead(self, index: int) -> str:
        """The line ``index`` lines ahead; empty behind the file's end."""
        while self._position + index >= len(self._lines) and self._fill():
            pass
        position = self._position + index
        return self._lines[position] if position < len(self._lines) else ""

    def step(self, count: int) -> None:
        """Pass this many lines."""
        self._position += count

    def is_cut(self, line: str) -> bool:
        """Whether the line is only the beginning of one that is too long."""
        return len(line) >= self._most

    def _forget(self) -> None:
        """Drop the lines that are passed, and move the place on."""
        if not self._position:
            return
        number, offset = self._place
        offset += self.count_bytes("".join(self._lines[: self._position]))
        if self._dropped:
            passed = range(number, number + self._position)
            offset += sum(self._dropped.pop(line, 0) for line in passed)
        self._place = LinePlace(number + self._position, offset)
        del self._lines[: self._position]
        self._position = 0

    def _fill(self) -> bool:
        """Add lines; false at the file's end."""
        if self._ended:
            return False
        text = self._rest + self._next_text()
        # What ends with CR may go on with LF.
        cut = len(text) if self._ended or not text.endswith("\r") else len(text) - 1
        lines = StringIO(text[:cut], newline="").readlines()
        self._rest = text[cut:]
        if lines and not self._ended and not lines[-1].endswith(("\n", "\r")):
            self._rest = lines.pop() + self._rest
        if lines and self.damage and not lines[-1].endswith(("\n", "\r")):
            self.cut_line = lines.pop()
        if lines and self._is_dropping:
            self._drop(lines.pop(0))
            self._is_dropping = False
        self._lines += lines
        if len(self._rest) >= self._most or self._is_dropping:
            self._cut_rest()
        return True

    def _cut_rest(self) -> None:
        """Add the beginning of a line that is too long, or drop more of it."""
        if not self._is_dropping:
            self._lines.append(self._rest[: self._most])
            self._rest = self._rest[self._most :]
        self._is_dropping = not self._ended
        self._drop(self._rest)
        self._rest = ""

    def _drop(self, text: str) -> None:
        last = self._place.number + len(self._lines) - 1
        self._dropped[last] = self._dropped.get(last, 0) + self.count_bytes(text)

    def _next_text(self) -> str:
        data = self._next_bytes()
        self._ended = not data
        text = self._decoder.decode(data, self._ended)
        if "\ufffd" in text:
            self.replaced += text.count("\ufffd")
        if text and self._is_beginning:
            self._is_beginning = False
            return self._without_mark(text)
        return text

    def _without_mark(self, text: str) -> str:
        """The file's first text without its byte order mark, which takes bytes all the same."""
        if not text.startswith(_BYTE_ORDER_MARK):
            return text
        number, offset = self._place
        self._place = LinePlace(number, offset + self.count_bytes(_BYTE_ORDER_MARK))
        return text[1:]

    def _next_bytes(self) -> bytes:
        try:
            data = next(self._chunks, b"")
        except EOFError:
            self.damage, data = "file_cut", b""
        except zlib.error:
            self.damage, data = "broken_gzip", b""
        return data
