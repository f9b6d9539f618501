"""The shared strings of a workbook, on disk: a million rows may have millions of them."""

import struct
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from os import pread

from transforms.stores.files.sheet_xml import TextElements

_OFFSET = struct.Struct("<Q")
_SPAN = struct.Struct("<QQ")
_CACHED = 1 << 12


class SharedStrings:
    """A workbook's shared strings by their numbers. Close it after use.

    Their texts are in one temporary file, the offsets of their ends in another.
    """

    def __init__(self) -> None:
        self._texts = tempfile.TemporaryFile()  # noqa: SIM115 - ``close`` closes it
        self._ends = tempfile.TemporaryFile()  # noqa: SIM115
        self._size = 0
        self._ends.write(_OFFSET.pack(0))
        self.text = lru_cache(_CACHED)(self._read)
        """Returns the string of a number; an empty text where there is none."""

    def close(self) -> None:
        """Delete the files."""
        self._texts.close()
        self._ends.close()

    def load(self, chunks: Iterable[bytes]) -> None:
        """Add the strings of ``sharedStrings.xml``.

        Raises:
            SheetError: it is damaged.
        """
        elements = TextElements("si")
        for chunk in chunks:
            self._add(elements.feed(chunk))
        self._texts.flush()
        self._ends.flush()

    def _add(self, texts: Iterable[str]) -> None:
        for text in texts:
            data = text.encode(errors="replace")
            self._texts.write(data)
            self._size += len(data)
            self._ends.write(_OFFSET.pack(self._size))

    def _read(self, number: int) -> str:
        span = pread(self._ends.fileno(), _SPAN.size, max(number, 0) * _OFFSET.size)
        if number < 0 or len(span) < _SPAN.size:
            return ""
        start, end = _SPAN.unpack(span)
        return pread(self._texts.fileno(), end - start, start).decode()
