"""Reads an export file with ijson: the usual case, in which nothing has to be mended.

ijson's C parser is not safe for every input: an integer of some thousand digits crashes it, deep
nesting takes all memory, and after an error it does not report its position. So each piece is
checked before it is parsed, and a file with anything unusual is left to ``mending_reader``.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson
import ijson.common

from transforms.core.errors import SvodError
from transforms.stores.export.json_values import swallows_partners
from transforms.stores.files.packing import decompressed
from transforms.stores.two_stores import partner_problem

CHUNK = 1 << 19

_BACKEND = "yajl2_c"
_BOM = codecs.BOM_UTF8
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEPEST = 500
_LONGEST_TEXT = 1 << 16
# Samples of 300 bytes every 1,024 notice any run of more than 1,324 digits inside a piece.
_SAMPLE, _STRIDE = 300, 1024
# Bytes of one element, and between two elements.
_LONGEST_ELEMENT, _LONGEST_GAP = 1 << 24, 1000
# How JSON escapes a letter from a to z; the usual escape in files is a blank, \u00a0.
_ESCAPED_LETTER = re.compile(rb"\\u00[67]").search
# The blanks of JSON.
_BLANKS = b" \t\r\n"
_HEAD = re.compile(rb'"partners"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_BEGIN = re.compile(rb'\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:')
_END = re.compile(rb"\][ \t\r\n]*\}[ \t\r\n]*\Z")


class UnusualFileError(Exception):
    """Something in the file is unusual: read it with ``mending_reader``, from its beginning."""


def partner_chunks(stream: BinaryIO, encoding: str, size: int = CHUNK) -> Iterator[bytes]:
    """Cuts a file into JSON arrays of partners, of about ``size`` bytes each.

    The places to cut are guessed. ``read_chunk`` verifies them: only if it can read every array do
    they contain all of the file's elements.

    Raises:
        UnusualFileError: at the first unusual thing, or when there is no element.
    """
    # Why reading every array proves the guesses: a parser of the whole file expects an element
    # after the text in front of the first chunk. If the chunk can be read as an array that is not
    # empty, that parser can read it too, and is then behind an element; the comma that was cut out
    # brings it to where it expects the next element. So it goes for all chunks in turn; behind the
    # last one are the ends of the array, of the object, and of the file.
    pieces = _SafePieces(stream, encoding, size)
    try:
        text = _first_element(pieces)
        # Elements begin alike. Objects inside them may do so too, but then no array can be read.
        begin = _BEGIN.match(text)
        if not begin:
            raise UnusualFileError
        while piece := pieces.read():
            text += piece
            if len(text) >= size and (cut := _last_cut(text, begin[0])):
                end, start = cut
                yield b"[%b]" % text[:end]
                text = text[start:]
            elif len(text) > _LONGEST_ELEMENT:
                raise UnusualFileError
    except (EOFError, zlib.error):
        raise UnusualFileError from None
    if not (end_of_array := _END.search(text)):
        raise UnusualFileError
    yield b"[%b]" % text[: end_of_array.start()]


def _first_element(pieces: "_SafePieces") -> bytes:
    """Returns the text read so far, from the first element of the array of partners on."""
    text = b""
    while not (head := _HEAD.search(text)) or head.end() == len(text):
        piece = pieces.read()
        if not piece or len(text) > _LONGEST_ELEMENT:
            raise UnusualFileError
        text += piece
    # Closed here, the text must be an object whose last field is the array.
    [document] = _read(text[: head.end()] + b"]}", "")
    if type(document) is not dict or [*document.items()][-1:] != [("partners", [])]:
        raise UnusualFileError
    # The text so far may end within the field name that all elements begin with.
    return text[head.end() :] + pieces.read()


def _last_cut(text: bytes, begin: bytes) -> tuple[int, int] | None:
    """Returns where, by appearance, the last but one element ends and the last one starts."""
    start = len(text)
    while (start := text.rfind(begin, 1, start)) > 0:
        before = text[max(start - _LONGEST_GAP, 0) : start].rstrip(_BLANKS)
        if before.endswith(b",") and before[:-1].rstrip(_BLANKS).endswith(b"}"):
            return max(start - _LONGEST_GAP, 0) + len(before) - 1, start
    return None


def read_chunk(chunk: bytes) -> list[dict[str, Any]]:
    """Returns the partners in one of the ``partner_chunks``.

    Raises:
        UnusualFileError: when it cannot be read, or contains anything but partners.
    """
    partners = _read(chunk, "item")
    # Counting the field names is enough when none of them is escaped: one for each partner.
    are_separate = chunk.count(b'"partner"') == len(partners) and not _ESCAPED_LETTER(chunk)
    for partner in partners:
        if type(partner) is not dict or partner_problem(partner):
            raise UnusualFileError
        if not are_separate and swallows_partners(partner):
            raise UnusualFileError
    if not partners:
        raise UnusualFileError
    return partners


def _read(text: bytes, prefix: str) -> list[Any]:
    try:
        return list(ijson.items(text, prefix))
    except (ijson.common.JSONError, ValueError, OverflowError):
        raise UnusualFileError from None


class _SafePieces:
    """The file as UTF-8, in pieces that ijson can parse safely."""

    def __init__(self, stream: BinaryIO, encoding: str, chunk: int) -> None:
        self._pieces = decompressed(stream, chunk)
        self._decoder = None
        if codecs.lookup(encoding).name != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._first = True
        self._depth = 0

    def read(self) -> bytes:
        """Returns the next piece, of any size; empty at the end."""
        piece = next(self._pieces, b"")
        if self._decoder:
            piece = self._decoder.decode(piece, final=not piece).encode()
        if self._first:
            piece, self._first = piece.removeprefix(_BOM), False
        self._check(piece)
        return piece

    def _check(self, piece: bytes) -> None:
        # ijson would read a text that spans several pieces from its beginning for each of them.
        if len(piece) > _LONGEST_TEXT and b'"' not in piece:
            raise UnusualFileError
        self._check_depth(piece.translate(None, _NOT_BRACKETS))
        # The rest at the end of a piece, a few digits of a number perhaps, is no sample.
        starts = range(0, max(1, len(piece) - _SAMPLE + 1), _STRIDE)
        if any(piece[start : start + _SAMPLE].isdigit() for start in starts):
            raise UnusualFileError

    def _check_depth(self, brackets: bytes) -> None:
        levels = 0
        while brackets != (outer := brackets.replace(b"[]", b"").replace(b"{}", b"")):
            brackets, levels = outer, levels + 1
            if levels > _DEEPEST:
                raise UnusualFileError
        opened = brackets.count(b"[") + brackets.count(b"{")
        if self._depth + levels + opened > _DEEPEST:
            raise UnusualFileError
        self._depth += 2 * opened - len(brackets)


def require_c_backend() -> None:
    """Checks that ijson parses in C: without C, reading takes ten times as long.

    Raises:
        SvodError: when ijson was installed without its C extension.
    """
    if ijson.backend != _BACKEND:
        raise SvodError(
            f"ijson works with its backend {ijson.backend}, not {_BACKEND}: install its binary"
            " package for this Python"
        )
