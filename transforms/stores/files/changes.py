"""Which files of a store are new, have grown, or are others than those that were read.

A file is remembered by its size, its time of change, and a digest of its beginning and its end: as
a cursor of the ledger, which moves on when the run that read it is settled. One that has grown, and
whose beginning and former end are as they were, is read from there on; any other change, and it is
read whole. A file of another name that is otherwise the same was renamed, and holds nothing new.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import BinaryIO, NamedTuple

import msgspec

from transforms.stores.files.encodings import byte_counter
from transforms.stores.files.packing import GZIP, ZIP
from transforms.stores.files.parts import FilePart
from transforms.stores.files.plan import open_columns

_SAMPLE = 1 << 16
_DIGEST_SIZE = 8
_NAME_SIZE = 10
# Files that consist of lines: what is added to them stands at their end.
_GROWING_KINDS = ("csv", "jsonl")


class FileState(NamedTuple):
    """What is remembered of a file. Times are seconds since the epoch."""

    size: int
    modified: int
    digest: str

    def __str__(self) -> str:
        return f"{self.size:x}:{self.modified:x}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "FileState | None":
        """Returns the state that a cursor holds; None for another cursor.

        >>> state = FileState(5_000_000_000, 1_800_000_000, "abcdefghijk")
        >>> FileState.parse(str(state)) == state, len(str(state)) <= 32
        (True, True)
        """
        parts = text.split(":")
        try:
            return cls(int(parts[0], 16), int(parts[1], 16), parts[2])
        except (ValueError, IndexError):
            return None


class Stat(NamedTuple):
    """A file's size in bytes, and its time of change in seconds since the epoch."""

    size: int
    modified: int


def cursor_name(key: str, path: str) -> str:
    """The name of the cursor that remembers a file of a store."""
    return f"{key}.file:{blake2b(path.encode(), digest_size=_NAME_SIZE).hexdigest()}"


def digest(stream: BinaryIO, size: int) -> str:
    """The digest of the beginning and the end of a file's first ``size`` bytes."""
    stream.seek(0)
    head = stream.read(min(_SAMPLE, size))
    stream.seek(max(size - _SAMPLE, 0))
    tail = stream.read(min(_SAMPLE, size))
    value = blake2b(head + tail, digest_size=_DIGEST_SIZE).digest()
    return urlsafe_b64encode(value).decode().rstrip("=")


class Changes:
    """Finds the parts of a store's files that are not read yet; ``cursors`` are the ledger's."""

    def __init__(
        self,
        key: str,
        cursors: Mapping[str, str],
        stat: Callable[[str], Stat],
        open_file: Callable[[str], BinaryIO],
    ) -> None:
        prefix = cursor_name(key, "").partition(":")[0]
        self._key, self._stat, self._open = key, stat, open_file
        self._states = {
            name: state
            for name, position in cursors.items()
            if name.startswith(prefix) and (state := FileState.parse(position))
        }
        self.read_up_to: dict[str, str] = {}
        """The cursors after the run."""

    def note(self, parts: Iterable[FilePart]) -> None:
        """Remember the files of these parts, when the run is settled."""
        for path in {part.path for part in parts}:
            self.read_up_to[cursor_name(self._key, path)] = str(self._state(path))

    def unread(self, parts: Iterable[FilePart]) -> list[FilePart]:
        """Returns what is to be read, and notes it."""
        unread = []
        for part in parts:
            state = self._state(part.path)
            name = cursor_name(self._key, part.path)
            self.read_up_to[name] = str(state)
            if state in self._states.values() and self._states.get(name, state) == state:
                continue
            former = self._states.get(name)
            unread.append(self._rest(part, former, state) if former else part)
        return unread

    def _state(self, path: str) -> FileState:
        stat = self._stat(path)
        with self._open(path) as stream:
            return FileState(stat.size, stat.modified, digest(stream, stat.size))

    def _rest(self, part: FilePart, former: FileState, state: FileState) -> FilePart:
        """Returns what was added to a file; all of it where anything else may have changed."""
        if part.kind not in _GROWING_KINDS or not 0 < former.size < state.size:
            return part
        with self._open(part.path) as stream:
            head = stream.read(len(ZIP))
            if head.startswith((GZIP, ZIP)) or not _ends_a_line(stream, former.size, part):
                return part
            if digest(stream, former.size) != former.digest:
                return part
            stream.seek(0)
            reader = open_columns(stream, part) if part.kind == "csv" else None
        return msgspec.structs.replace(
            part,
            start=former.size,
            columns=tuple(reader.columns) if reader else (),
            delimiter=reader.delimiter if reader else "",
        )


def _ends_a_line(stream: BinaryIO, size: int, part: FilePart) -> bool:
    # In encodings of several bytes a line's end is not a byte.
    if byte_counter(part.encoding)("\n") != 1:
        return False
    stream.seek(size - 1)
    return stream.read(1) == b"\n"
