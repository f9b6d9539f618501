"""An export file as a moving window of text: decompressed, decoded, never whole in memory."""

import codecs
import re
import zlib
from typing import BinaryIO, Literal

from transforms.fields import time
from transforms.stores.files.packing import decompressed

ENCODINGS = {"utf-8": "utf-8-sig", "cp1251": "cp1251"}

_EXPORTED_AT = re.compile(rb'"exported_at"\s*:\s*"([^"\\]{1,40})"')
_BLANKS = re.compile(r"[ \t\r\n]*")
# Half of an escaped character outside the BMP: it may stand alone, and then is not a character.
SURROGATE = re.compile(r"\\u[dD]")


# More undecodable bytes than these are not damage: the file is in another encoding.
_MOST_DAMAGED_BYTES = 100
_ASCII = bytes(range(128))


class TextWindow:
    """The window ``text`` on a file; ``pos`` is the position of its reader.

    Text from ``mark`` on stays in the window, so that its reader may return there; ``None`` for no
    mark. ``replaced`` counts the characters so far that could not be decoded and became U+FFFD.
    ``damage`` says why a compressed file ended early: ``file_cut``, ``broken_gzip`` or empty.
    """

    def __init__(self, stream: BinaryIO, encoding: str, chunk: int) -> None:
        self.text = ""
        self.pos = 0
        self.mark: int | None = None
        self.ended = False
        self.replaced = 0
        self.damage: Literal["", "file_cut", "broken_gzip"] = ""
        self.has_surrogates = False
        self._encoding = codecs.lookup(encoding).name
        self._decoder = codecs.getincrementaldecoder(ENCODINGS[self._encoding])("replace")
        self._chunks = decompressed(stream, chunk)
        self._bytes_read = 0

    def more(self, count: int = 1) -> bool:
        """Drops the text before ``pos`` and adds ``count`` characters or more; false at the end."""
        start = self.pos if self.mark is None else self.mark
        parts = [self.text[start:]]
        missing = count
        while missing > 0 and not self.ended:
            parts.append(self._next())
            missing -= len(parts[-1])
        self.text = "".join(parts)
        self.pos -= start
        self.mark = None if self.mark is None else 0
        self.has_surrogates = bool(SURROGATE.search(self.text))
        return missing < count

    def peek(self) -> str:
        """Moves to the next character that is not blank and returns it; empty at the end."""
        while True:
            # The pattern always matches, if only the empty text.
            self.pos = _BLANKS.match(self.text, self.pos).end()  # type: ignore[union-attr]
            if self.pos < len(self.text):
                return self.text[self.pos]
            if not self.more():
                return ""

    def offset(self) -> int:
        """Returns ``pos`` in bytes from the start of the decompressed file.

        Exact as long as each undecodable character in the window was one byte.
        """
        ahead = self.text[self.pos :].replace("\ufffd", "?")
        undecoded = len(self._decoder.getstate()[0])
        return self._bytes_read - undecoded - len(ahead.encode(self._encoding))

    def _next(self) -> str:
        try:
            data = next(self._chunks, b"")
        except EOFError:
            data, self.damage = b"", "file_cut"
        except zlib.error:
            data, self.damage = b"", "broken_gzip"
        self._bytes_read += len(data)
        self.ended = not data
        text = self._decoder.decode(data, final=self.ended)
        self.replaced += text.count("\ufffd")
        return text


def is_in_other_encoding(stream: BinaryIO, encoding: str, chunk: int = 1 << 18) -> bool:
    """Whether a file's beginning is plainly not in ``encoding``: it would load gibberish."""
    try:
        head = next(decompressed(stream, chunk), b"")
    except (EOFError, zlib.error):
        return False
    non_ascii = len(head.translate(None, delete=_ASCII))
    invalid_utf8 = len(head) - len(head.decode("utf-8", "ignore").encode())
    if codecs.lookup(encoding).name == "utf-8":
        return invalid_utf8 > max(_MOST_DAMAGED_BYTES, non_ascii // 2)
    # Fewer than 4 invalid bytes: the character that the end of the chunk cuts.
    return non_ascii > _MOST_DAMAGED_BYTES and invalid_utf8 < 4


def exported_at(stream: BinaryIO, chunk: int = 1 << 18) -> int:
    """Returns when a file was made, by its header in front of the partners; 0 when unknown.

    In microseconds since the epoch.
    """
    try:
        head = next(decompressed(stream, chunk), b"").partition(b'"partners"')[0]
    except (EOFError, zlib.error):
        return 0
    match = _EXPORTED_AT.search(head)
    return time.parse(match[1].decode(errors="replace"))[0] if match else 0
