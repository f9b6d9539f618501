"""A sound export file, read by ijson: the usual case, in which nothing has to be mended.

ijson's C parser cannot be trusted with everything: an integer of some thousand digits makes it
crash, deep nesting takes all memory, and after an error it does not say where it stands. So each
piece is looked at before it gets there, and whatever is unusual is left to ``json_stream``.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson
import ijson.common

from transforms.core.errors import SvodError
from transforms.stores.clean_b import unusable
from transforms.stores.export.decoding import unpacked
from transforms.stores.export.json_values import holds_partners

CHUNK = 1 << 19

_BACKEND = "yajl2_c"
_BOM = codecs.BOM_UTF8
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEPEST = 500
_LONGEST = 1 << 16
# A run of digits longer than both together is met by one look of so many bytes every so many.
_LOOK, _STRIDE = 300, 1024
# Bytes of one element, and between two of them.
_LONGEST_ELEMENT, _LONGEST_GAP = 1 << 24, 1000
# How JSON may escape a letter of a to z; the usual escape is that of a blank, \u00a0.
_ESCAPED_LETTER = re.compile(rb"\\u00[67]").search
# What JSON takes for blanks.
_BLANK = b" \t\r\n"
_HEAD = re.compile(rb'"partners"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_BEGIN = re.compile(rb'\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:')
_END = re.compile(rb"\][ \t\r\n]*\}[ \t\r\n]*\Z")


class UnsoundError(Exception):
    """Something in the file is unusual: read it by ``json_stream``, from its beginning."""


def sound_chunks(stream: BinaryIO, encoding: str, size: int = CHUNK) -> Iterator[bytes]:
    """A file in which everything is as it should be, as JSON arrays of some ``size`` bytes.

    Where an element ends is guessed. ``chunk_partners`` finds out: the guesses were right if it can
    read each of the arrays, and only then do they hold all of the file's elements.

    Raises:
        UnsoundError: at the first thing that is unusual, or when there is no element.
    """
    # Why reading each array proves the guesses: a parser of the whole file expects an element after
    # what is in front of the first chunk. If a chunk can be read as an array that is not empty, the
    # parser reads it as well, and stands behind an element; the comma that was cut out takes it to
    # where it expects the next one. So it does for all chunks in turn; after the last one follow
    # the ends of the array, of the object, and of the file.
    pieces = _Pieces(stream, encoding, size)
    try:
        text = _first_element(pieces)
        # Elements begin alike; objects within them may do so too, but then no array can be read.
        begin = _BEGIN.match(text)
        if not begin:
            raise UnsoundError
        while piece := pieces.read():
            text += piece
            if len(text) >= size and (cut := _last_cut(text, begin[0])):
                end, start = cut
                yield b"[%b]" % text[:end]
                text = text[start:]
            elif len(text) > _LONGEST_ELEMENT:
                raise UnsoundError
    except (EOFError, zlib.error):
        raise UnsoundError from None
    if not (end_of_array := _END.search(text)):
        raise UnsoundError
    yield b"[%b]" % text[: end_of_array.start()]


def _first_element(pieces: "_Pieces") -> bytes:
    """What is read so far from the first element on, when that is in the array of partners."""
    text = b""
    while not (head := _HEAD.search(text)) or head.end() == len(text):
        piece = pieces.read()
        if not piece or len(text) > _LONGEST_ELEMENT:
            raise UnsoundError
        text += piece
    # Closed here, it must be an object whose last field is the array.
    [document] = _read(text[: head.end()] + b"]}", "")
    if type(document) is not dict or [*document.items()][-1:] != [("partners", [])]:
        raise UnsoundError
    # What follows may be cut within the field's name that all elements begin with.
    return text[head.end() :] + pieces.read()


def _last_cut(text: bytes, begin: bytes) -> tuple[int, int] | None:
    """Where the last but one element ends, by all appearance, and where the last one starts."""
    start = len(text)
    while (start := text.rfind(begin, 1, start)) > 0:
        before = text[max(start - _LONGEST_GAP, 0) : start].rstrip(_BLANK)
        if before.endswith(b",") and before[:-1].rstrip(_BLANK).endswith(b"}"):
            return max(start - _LONGEST_GAP, 0) + len(before) - 1, start
    return None


def chunk_partners(chunk: bytes) -> list[dict[str, Any]]:
    """The partners in one of the ``sound_chunks``.

    Raises:
        UnsoundError: when it cannot be read, or holds anything else.
    """
    partners = _read(chunk, "item")
    # The name stands once in each partner, when no other is in it: in a way that can be counted.
    alone = chunk.count(b'"partner"') == len(partners) and not _ESCAPED_LETTER(chunk)
    for partner in partners:
        if type(partner) is not dict or unusable(partner):
            raise UnsoundError
        if not alone and holds_partners(partner):
            raise UnsoundError
    if not partners:
        raise UnsoundError
    return partners


def _read(text: bytes, prefix: str) -> list[Any]:
    try:
        return list(ijson.items(text, prefix))
    except (ijson.common.JSONError, ValueError, OverflowError):
        raise UnsoundError from None


class _Pieces:
    """UTF-8 in pieces that ijson can be trusted with."""

    def __init__(self, stream: BinaryIO, encoding: str, chunk: int) -> None:
        self._pieces = unpacked(stream, chunk)
        self._decoder = None
        if codecs.lookup(encoding).name != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._first = True
        self._depth = 0

    def read(self) -> bytes:
        """The next piece, whatever its size; nothing at the end."""
        piece = next(self._pieces, b"")
        if self._decoder:
            piece = self._decoder.decode(piece, final=not piece).encode()
        if self._first:
            piece, self._first = piece.removeprefix(_BOM), False
        self._check(piece)
        return piece

    def _check(self, piece: bytes) -> None:
        # A text that goes through several pieces is read from its beginning with each of them.
        if len(piece) > _LONGEST and b'"' not in piece:
            raise UnsoundError
        open_ones = piece.translate(None, _NOT_BRACKETS)
        levels = 0
        while open_ones != (outer := open_ones.replace(b"[]", b"").replace(b"{}", b"")):
            open_ones, levels = outer, levels + 1
            if levels > _DEEPEST:
                raise UnsoundError
        opened = open_ones.count(b"[") + open_ones.count(b"{")
        if self._depth + levels + opened > _DEEPEST:
            raise UnsoundError
        self._depth += 2 * opened - len(open_ones)
        if any(piece[at : at + _LOOK].isdigit() for at in range(0, len(piece), _STRIDE)):
            raise UnsoundError


def require_c_backend() -> None:
    """Check that ijson parses in C: without it, reading takes ten times as long.

    Raises:
        SvodError: when ijson was installed without its C extension.
    """
    if ijson.backend != _BACKEND:
        raise SvodError(
            f"ijson works with its backend {ijson.backend}, not {_BACKEND}: install its binary"
            " package for this Python"
        )
