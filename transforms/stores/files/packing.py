"""Plain, gzip and zip files, told apart by their content, as the bytes that are packed in them."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 1 << 18

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
# What a Mac puts beside the members of an archive.
_NOT_DATA = ("__MACOSX/", ".DS_Store")
_ENCRYPTED = 1


class PackingError(Exception):
    """A packed file cannot be opened; the text says why, in a clause for people."""


def is_zip(stream: BinaryIO) -> bool:
    """Whether the stream, which stands at its beginning, is a zip archive; goes back there."""
    head = stream.read(len(ZIP))
    stream.seek(0)
    return head in (ZIP, _EMPTY_ZIP)


def zip_members(stream: BinaryIO) -> list[str]:
    """The names of the files in a zip archive, in their order.

    Raises:
        PackingError: the archive is damaged, is empty, or has a password.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [entry for entry in archive.infolist() if _is_data(entry)]
    except (zipfile.BadZipFile, OSError, ValueError, EOFError):
        raise PackingError("the zip archive is damaged or was cut off") from None
    for entry in members:
        if entry.flag_bits & _ENCRYPTED:
            raise PackingError(f"{entry.filename} in it has a password: pack it without one")
    if not members:
        raise PackingError("the zip archive has no file in it")
    return [entry.filename for entry in members]


def _is_data(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    return not (entry.is_dir() or name.startswith(_NOT_DATA) or name.endswith(_NOT_DATA))


def unpacked(stream: BinaryIO, member: str = "", chunk: int = CHUNK) -> Iterator[bytes]:
    """Yields the bytes of ``stream``, or of a ``member`` of it, in pieces of about ``chunk``.

    A member may be gzip; an archive in an archive is not opened.

    Raises:
        EOFError: after the last byte of a packed file that was cut.
        zlib.error: after the last good byte of a packed file that is damaged.
    """
    if not member:
        yield from decompressed(stream, chunk)
        return
    try:
        with zipfile.ZipFile(stream) as archive, archive.open(member) as packed:
            yield from decompressed(packed, chunk)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
        raise zlib.error(str(error)) from None


def decompressed(stream: BinaryIO, chunk: int) -> Iterator[bytes]:
    """Yields the bytes of ``stream`` in pieces of about ``chunk``, decompressed if they are gzip.

    Raises:
        EOFError: after the last byte of a gzip file that was cut.
        zlib.error: after the last good byte of a gzip file that is damaged.
    """
    data = stream.read(chunk)
    # A stream may return less than it is asked for.
    while data and len(data) < len(GZIP) and (further := stream.read(chunk)):
        data += further
    if data.startswith(GZIP):
        yield from _members(stream, data, chunk)
        return
    while data:
        yield data
        data = stream.read(chunk)


def _members(stream: BinaryIO, packed: bytes, chunk: int) -> Iterator[bytes]:
    # A gzip file is one or several members, and may be padded with zeros behind them.
    while packed:
        member = zlib.decompressobj(wbits=31)
        yield from filter(None, _member(member, stream, packed, chunk))
        packed = member.unused_data.lstrip(b"\0") or stream.read(chunk).lstrip(b"\0")


def _member(
    member: "zlib._Decompress", stream: BinaryIO, packed: bytes, chunk: int
) -> Iterator[bytes]:
    while not member.eof:
        if not packed and not (packed := stream.read(chunk)):
            yield member.flush()
            raise EOFError
        before = member.copy()
        try:
            data = member.decompress(packed, chunk)
        except zlib.error:
            yield _before_damage(before, packed)
            raise
        yield data
        packed = member.unconsumed_tail


def _before_damage(member: "zlib._Decompress", packed: bytes) -> bytes:
    # The call that fails drops the bytes it has decompressed, so repeat it byte by byte.
    intact = bytearray()
    try:
        for start in range(len(packed)):
            intact += member.decompress(packed[start : start + 1])
    except zlib.error:
        pass
    return bytes(intact)


def unpacked_head(stream: BinaryIO, member: str = "", chunk: int = CHUNK) -> bytes:
    """The first bytes of a file, unpacked; as far as they can be."""
    try:
        return next(unpacked(stream, member, chunk), b"")
    except (EOFError, zlib.error):
        return b""
