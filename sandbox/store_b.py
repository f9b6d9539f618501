"""Store B's JSON export files, written from a world."""

import codecs
import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, Literal

import msgspec

from sandbox.world.world import World

Encoding = Literal["utf-8", "windows-1251"]

_HEADER = (
    b'{"header": {"system": "SAPCRM", "client": "100", "exported_at": "2024-11-30T21:00:00Z"}, '
    b'"partners": [\n'
)


def _as_json(error: UnicodeError) -> tuple[bytes, int]:
    """Escapes characters outside Windows-1251 as JSON does; keeps byte 0x98."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be")
    codes = (units[place : place + 2] for place in range(0, len(units), 2))
    escaped = (b"\x98" if code == b"\0\x98" else b"\\u" + code.hex().encode() for code in codes)
    return b"".join(escaped), error.end


codecs.register_error("store_b", _as_json)


def _as_windows(line: bytes) -> bytes:
    return line.decode().encode("cp1251", "store_b")


def write_store_b(
    world: World, folder: Path, files: int = 3, encoding: Encoding = "utf-8", packed: bool = False
) -> list[Path]:
    """Writes ``partners-1.json`` … (``.json.gz`` when packed) and returns their paths."""
    encode = msgspec.json.Encoder().encode
    partners = world.b.partners()
    share = -(-len(world.b) // files)
    paths = []
    for number in range(1, files + 1):
        path = folder / f"partners-{number}.json{'.gz' if packed else ''}"
        lines: Iterator[bytes] = map(encode, islice(partners, share))
        if encoding == "windows-1251":
            lines = map(_as_windows, lines)
        _write(path, lines, packed)
        paths.append(path)
    return paths


def _write(path: Path, lines: Iterator[bytes], packed: bool) -> None:
    with ExitStack() as stack:
        file: IO[bytes] | gzip.GzipFile = stack.enter_context(path.open("wb"))
        if packed:
            # Without name and time in the header: the same world makes the same bytes.
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        file.write(_HEADER)
        file.write(next(lines, b""))
        file.writelines(b",\n" + line for line in lines)
        file.write(b"\n]}\n")
