"""Which files a store's tables are read from, and how; and what is wrong with them.

All that is wrong is found before anything is read. ``Files`` is the file system: Beam's, or a
test's.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, NamedTuple, Protocol

import msgspec

from transforms.configuration.structs import StoreTable
from transforms.stores.files.columns import column_problems, find_columns
from transforms.stores.files.csv_rows import MOST_CHARACTERS, CsvReader, NoHeaderError
from transforms.stores.files.encodings import (
    canonical_name,
    marked_encoding,
    other_encoding,
)
from transforms.stores.files.packing import (
    CHUNK,
    PackingError,
    is_zip,
    unpacked,
    unpacked_head,
    zip_members,
)
from transforms.stores.files.parts import FilePart
from transforms.stores.files.sheet_reader import next_header, open_workbook, sheet_columns
from transforms.stores.files.sheet_xml import SheetError
from transforms.stores.files.sources import (
    Source,
    TableName,
    column_paths,
    sources,
    table_of,
)
from transforms.stores.files.text_lines import Lines
from transforms.stores.files.workbook import CONTENT_TYPES, Workbook

DEFAULT_ENCODING = "utf-8"


class Files(Protocol):
    """A file system."""

    def match(self, pattern: str) -> list[str]:
        """The paths of the files that a pattern names, none when there is none.

        Raises:
            OSError: the place cannot be looked at.
        """

    def open(self, path: str) -> BinaryIO:
        """A file as it is, packed or not.

        Raises:
            OSError: it cannot be read.
        """


class Problem(NamedTuple):
    """What is wrong: the key of the configuration file, and a text for people."""

    key: str
    text: str


class TableFiles(msgspec.Struct, frozen=True):
    """The parts of files from which some tables of a store are read together."""

    tables: tuple[TableName, ...]
    parts: tuple[FilePart, ...]


def plan_files(
    key: str, store: StoreTable, files: Files, *, may_lack: bool = False
) -> tuple[list[TableFiles], list[Problem]]:
    """The files of a store by the tables that are read from them, and all that is wrong with them.

    A pattern ``may_lack`` a file where changes are read.
    """
    plans: list[TableFiles] = []
    problems: list[Problem] = []
    for source, tables in sources(key, store, of_changes=may_lack).items():
        names = [
            (f"store.{key}.{table}.{name}", path)
            for table in tables
            for name, path in column_paths(table_of(store, table))
        ]
        check = _SourceCheck(files, source, names, may_lack)
        plans.append(TableFiles(tables, tuple(check.parts())))
        problems += check.problems
    return plans, list(dict.fromkeys(problems))


class _SourceCheck:
    """Finds the parts of a source's files, and what is wrong with them."""

    def __init__(
        self, files: Files, source: Source, names: Sequence[tuple[str, str]], may_lack: bool
    ) -> None:
        self._files, self._source, self._names, self._may_lack = files, source, names, may_lack
        self.problems: list[Problem] = []

    def parts(self) -> Iterator[FilePart]:
        """Yields each part of each file that can be read."""
        if self._source.encoding and not canonical_name(self._source.encoding):
            text = f"{self._source.encoding!r} is no encoding that is known: utf-8, windows-1251 …"
            self.problems.append(Problem(self._key("encoding"), text))
            return
        for path in self._paths():
            try:
                yield from self._parts_of(path)
            except OSError as error:
                self._add(f"cannot read {path}: {error.strerror or 'no access'}")
            except PackingError as error:
                self._add(f"cannot read {path}: {error}")

    def _paths(self) -> list[str]:
        paths: dict[str, None] = {}
        for pattern in self._source.patterns:
            try:
                matches = self._files.match(pattern)
            except OSError:
                self._add(f"cannot look for {pattern}")
                continue
            if not matches and not self._may_lack:
                self._add(f"no file matches {pattern}")
            paths.update(dict.fromkeys(matches))
        return sorted(paths)

    def _parts_of(self, path: str) -> Iterator[FilePart]:
        with self._files.open(path) as stream:
            members = zip_members(stream) if is_zip(stream) else [""]
        if CONTENT_TYPES in members:
            members = [""]
        for member in members:
            part = FilePart(
                path=path,
                member=member,
                kind=self._source.kind,
                encoding=canonical_name(self._source.encoding or DEFAULT_ENCODING),
                delimiter=self._source.delimiter,
                header=self._source.header,
                place=self._source.place,
                names=tuple(dict.fromkeys(name for _, name in self._names)),
                id_names=tuple(name for key, name in self._names if key.endswith(".id")),
            )
            if checked := self._checked(part):
                yield checked

    def _checked(self, part: FilePart) -> FilePart | None:
        """Returns the part in the encoding it is in; None when something is wrong with it."""
        with self._files.open(part.path) as stream:
            head = unpacked_head(stream, part.member)
        if binary := _binary_kind(head, part.kind):
            self._add(f"{part.name} is {binary}")
            return None
        if part.kind == "xlsx":
            return part if self._has_columns(part) else None
        if not self._source.encoding:
            part = msgspec.structs.replace(part, encoding=marked_encoding(head) or part.encoding)
        if reason := other_encoding(head, part.encoding):
            text = f"{part.name}: {reason}: give the encoding it is in"
            self.problems.append(Problem(self._key("encoding"), text))
            return None
        return part if part.kind != "csv" or self._has_columns(part) else None

    def _has_columns(self, part: FilePart) -> bool:
        with self._files.open(part.path) as stream:
            if part.kind == "csv":
                reader = open_columns(stream, part)
                columns = reader.columns if reader else None
            else:
                with closing(open_workbook(stream, part.member)) as book:
                    columns = self._columns_of_sheet(book, part)
        if columns is None:
            # An empty file is no mistake of the configuration: reading it says so.
            return True
        problems = list(self._column_problems(part, columns))
        self.problems += problems
        return not problems

    def _columns_of_sheet(self, book: Workbook, part: FilePart) -> list[str] | None:
        sheet = book.find_sheet(part.place)
        if sheet is None:
            titles = ", ".join(f'"{sheet.title}"' for sheet in book.sheets)
            self._add(f'{part.name}: there is no sheet "{part.place}": it has {titles}', "from")
            return None
        try:
            header = next_header(book.rows(sheet), part.header)
        except SheetError as error:
            self._add(f"cannot read {part.name}: {error}")
            return None
        return sheet_columns(header) if header else None

    def _column_problems(self, part: FilePart, columns: Sequence[str]) -> Iterator[Problem]:
        if not any(find_columns(columns, name) for _, name in self._names):
            row = f"row {part.header}" if part.header else "the first row"
            yield Problem(
                self._key("header"),
                f"{part.name}: {row} has none of the columns that the mapping names: header = N"
                " says which row names the columns; a file without such a row needs one",
            )
            return
        for key, text in column_problems(columns, self._names):
            yield Problem(key, f"{part.name}: {text}")

    def _key(self, name: str) -> str:
        return f"{self._source.owner}.{name}"

    def _add(self, text: str, name: str = "files") -> None:
        self.problems.append(Problem(self._key(name), text))


_WORKBOOK = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BINARY = (
    (_WORKBOOK, "an archive or a workbook (.xlsx)"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "a database"),
)


def _binary_kind(head: bytes, kind: str) -> str:
    """What a file is whose kind is not the one that the configuration says; empty if it may be."""
    if head.startswith(_OLD_WORKBOOK):
        if _ENCRYPTED in head:
            return "a workbook with a password (save it without one)"
        return "a workbook of the old form, .xls (save it as .xlsx)"
    if kind == "xlsx":
        return "" if head.startswith(_WORKBOOK) else "no workbook"
    return next((f"{name}, not {kind}" for mark, name in _BINARY if head.startswith(mark)), "")


def open_columns(stream: BinaryIO, part: FilePart) -> CsvReader | None:
    """A reader behind the row that names a CSV file's columns; None when it has no such row."""
    lines = Lines(unpacked(stream, part.member, CHUNK), part.encoding, most=MOST_CHARACTERS)
    reader = CsvReader(lines, delimiter=part.delimiter, header=part.header)
    try:
        reader.open(part.names)
    except NoHeaderError:
        return None
    return reader
