"""Parts of files, and what the readers of each kind of file have in common."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

import msgspec

from transforms.stores.files.text_lines import LinePlace

Record = dict[str, Any]


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a ``member`` of an archive, and how it is read.

    ``place`` is where the records stand in it (an array's path, a sheet), ``names`` are the columns
    that the mapping names, ``id_names`` those of them that are ids. ``start`` bytes of it are read
    already, and ``columns`` known from them.
    """

    path: str
    kind: str
    member: str = ""
    encoding: str = "utf-8"
    delimiter: str = ""
    header: int = 0
    place: str = ""
    names: tuple[str, ...] = ()
    id_names: tuple[str, ...] = ()
    start: int = 0
    columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path, and the member behind it: ``in/all.zip/customers.csv``."""
        return f"{self.path}/{self.member}" if self.member else self.path


class BrokenStretch(NamedTuple):
    """What cannot be read, and why: a line or a row, or what is left of a damaged file."""

    reason: str
    place: LinePlace
    text: str
    unit: str = "line"


class RecordBatch(NamedTuple):
    """What a process makes records of: ``content`` is all that it needs.

    ``origin`` stays in this process, and says where a record stands.
    """

    content: Any
    origin: Any


class ParsedRecords(NamedTuple):
    """Records, each with its position in the batch; ``broken`` has positions without, and why."""

    records: list[Record]
    positions: Sequence[int]
    broken: list[tuple[int, str]]


class RecordReader(Protocol):
    """Reads the files of one kind."""

    @property
    def replaced(self) -> int:
        """Number of characters so far that could not be decoded and became U+FFFD."""

    def batches(self, stream: BinaryIO) -> Iterator[RecordBatch | BrokenStretch]:
        """Yields the batches of a file, and what in it is broken."""

    @staticmethod
    def parse(content: Any) -> ParsedRecords:
        """Returns the records of a batch's content; called in any process."""

    def locate(self, origin: Any, broken: list[tuple[int, str]]) -> Iterator[BrokenStretch]:
        """Yields what stands at the positions of a batch, which come in their order."""
