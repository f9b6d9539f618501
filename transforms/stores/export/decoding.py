"""An export file as a moving window of text: unpacked, decoded, never whole in memory."""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from transforms.fields import time

ENCODINGS = {"utf-8": "utf-8-sig", "cp1251": "cp1251"}

_GZIP = b"\x1f\x8b"
_EXPORTED_AT = re.compile(rb'"exported_at"\s*:\s*"([^"\\]{1,40})"')
_BLANKS = re.compile(r"[ \t\r\n]*")
# Half of a character outside the BMP, as JSON escapes it: it may stand alone and be no character.
SURROGATE = re.compile(r"\\u[dD]")


# So many bytes that make no sense are no damage: the file is in another encoding.
_MANY = 100
_ASCII = bytes(range(128))


class ExportText:
    """The window ``text`` on a file; ``pos`` is how far its reader has come.

    Text from ``mark`` on stays in the window, when there is a mark: its reader may go back there.

    ``replaced`` counts the characters so far that could not be decoded and became U+FFFD.
    ``damage`` says why the packed file ended early: ``file_cut``, ``broken_gzip`` or nothing.
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
        self._chunks = unpacked(stream, chunk)
        self._bytes_read = 0

    def more(self, wanted: int = 1) -> bool:
        """Forget what is behind and add ``wanted`` characters or more; false at the end."""
        start = self.pos if self.mark is None else self.mark
        parts = [self.text[start:]]
        missing = wanted
        while missing > 0 and not self.ended:
            parts.append(self._next())
            missing -= len(parts[-1])
        self.text = "".join(parts)
        self.pos -= start
        self.mark = None if self.mark is None else 0
        self.has_surrogates = bool(SURROGATE.search(self.text))
        return missing < wanted

    def peek(self) -> str:
        """The next character that is not blank, at ``pos`` then; empty at the end."""
        while True:
            # The pattern matches everywhere, if only nothing.
            self.pos = _BLANKS.match(self.text, self.pos).end()  # type: ignore[union-attr]
            if self.pos < len(self.text):
                return self.text[self.pos]
            if not self.more():
                return ""

    def offset(self) -> int:
        """Where ``pos`` is, in bytes from the start of the unpacked file.

        Exact as long as each undecodable character still in the window was one byte.
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


def is_misread(stream: BinaryIO, encoding: str, chunk: int = 1 << 18) -> bool:
    """Whether a file's beginning is plainly in the other encoding: it would load gibberish."""
    try:
        head = next(unpacked(stream, chunk), b"")
    except (EOFError, zlib.error):
        return False
    foreign = len(head.translate(None, delete=_ASCII))
    no_utf8 = len(head) - len(head.decode("utf-8", "ignore").encode())
    if codecs.lookup(encoding).name == "utf-8":
        return no_utf8 > max(_MANY, foreign // 2)
    # No more than the character that the end of the piece cuts through.
    return foreign > _MANY and no_utf8 < 4


def exported_at(stream: BinaryIO, chunk: int = 1 << 18) -> int:
    """When a file was made, as its header in front of the partners says; 0 when it does not.

    Microseconds since the epoch.
    """
    try:
        head = next(unpacked(stream, chunk), b"").partition(b'"partners"')[0]
    except (EOFError, zlib.error):
        return 0
    found = _EXPORTED_AT.search(head)
    return time.parse(found[1].decode(errors="replace"))[0] if found else 0


def unpacked(stream: BinaryIO, chunk: int) -> Iterator[bytes]:
    """The bytes of ``stream``, gunzipped when they begin as gzip does, in pieces of some ``chunk``.

    Raises:
        EOFError: after the last byte of a gzip file that was cut.
        zlib.error: after the last good byte of a gzip file that is damaged.
    """
    data = stream.read(chunk)
    # A stream may hand out less than asked for.
    while data and len(data) < len(_GZIP) and (further := stream.read(chunk)):
        data += further
    if data.startswith(_GZIP):
        yield from _members(stream, data, chunk)
        return
    while data:
        yield data
        data = stream.read(chunk)


def _members(stream: BinaryIO, packed: bytes, chunk: int) -> Iterator[bytes]:
    # A gzip file is one or several members, and may be padded with zeros behind them.
    while packed:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if not packed and not (packed := stream.read(chunk)):
                if data := member.flush():
                    yield data
                raise EOFError
            before = member.copy()
            try:
                data = member.decompress(packed, chunk)
            except zlib.error:
                if data := _before_damage(before, packed):
                    yield data
                raise
            if data:
                yield data
            packed = member.unconsumed_tail
        packed = member.unused_data.lstrip(b"\0") or stream.read(chunk).lstrip(b"\0")


def _before_damage(member: "zlib._Decompress", packed: bytes) -> bytes:
    # zlib drops what it had unpacked in the call that fails, so go there byte by byte.
    good = bytearray()
    try:
        for at in range(len(packed)):
            good += member.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(good)
