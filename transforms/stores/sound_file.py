"""A sound export file, read by ijson: the usual case, in which nothing has to be mended.

ijson's C parser cannot be trusted with everything: an integer of some thousand digits makes it
crash, deep nesting takes all memory, and after an error it does not say where it stands. So each
piece is looked at before it gets there, and whatever is unusual is left to ``json_stream``.
"""

import codecs
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson
import ijson.common

from transforms.errors import SvodError
from transforms.stores.clean_b import unusable
from transforms.stores.export_file import unpacked
from transforms.stores.json_values import holds_partners

CHUNK = 1 << 18

_BACKEND = "yajl2_c"
_BOM = codecs.BOM_UTF8
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEEPEST = 500
_LONGEST = 1 << 16
# A run of digits longer than both together is met by one look of so many bytes every so many.
_LOOK, _STRIDE = 300, 1024


class UnsoundError(Exception):
    """Something in the file is unusual: read it by ``json_stream``, from its beginning."""


def sound_partners(stream: BinaryIO, encoding: str, chunk: int = CHUNK) -> Iterator[dict[str, Any]]:
    """The partners of a file in which everything is as it should be.

    Raises:
        UnsoundError: at the first thing that is not, or when there are none.
    """
    found = False
    try:
        items = ijson.items(_Pieces(stream, encoding, chunk), "partners.item")
        for partner in items:
            if type(partner) is not dict or unusable(partner) or holds_partners(partner):
                raise UnsoundError
            found = True
            yield partner
    except (ijson.common.JSONError, ValueError, OverflowError, EOFError, zlib.error):
        raise UnsoundError from None
    if not found:
        raise UnsoundError


class _Pieces:
    """What ijson reads from: UTF-8 in pieces that it can be trusted with."""

    def __init__(self, stream: BinaryIO, encoding: str, chunk: int) -> None:
        self._pieces = unpacked(stream, chunk)
        self._decoder = None
        if codecs.lookup(encoding).name != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._first = True
        self._depth = 0

    def read(self, size: int) -> bytes:
        """The next piece, whatever its size; ijson asks for nothing once, to see what it gets."""
        if not size:
            return b""
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
