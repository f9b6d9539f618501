"""Reading bulk files of the register as a stream: zip archives of XML, or a bare XML file.

The XML is cut where documents begin, and each is parsed separately between the file's head and its
end. So a broken document affects no other document, and one is in memory at a time. A file with a
document type declaration is refused, because XML bombs need one.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLParser

import msgspec

from transforms.register.answer import Answer
from transforms.register.documents import UnusableDocument, read_documents

_BLOCK = 1 << 20
_LARGEST = 1 << 26  # bytes of one document, or before the first; the largest are some 10 MB
_UNPACKING = (
    zipfile.BadZipFile,  # also: a check sum does not agree
    zlib.error,
    EOFError,
    NotImplementedError,  # an unusual compression
    RuntimeError,  # a password
)


def _starts(*tags: str) -> re.Pattern[bytes]:
    # Both encodings at once: neither form of a tag means anything in the other.
    forms = (tag.encode(encoding) for tag in tags for encoding in ("cp1251", "utf-8"))
    return re.compile(b"<(?:" + b"|".join(forms) + rb")[\s/>]")


_WRAPPED = _starts("Документ")
_BARE = _starts("СвЮЛ", "СвИП")
_ANY = _starts("Документ", "СвЮЛ", "СвИП")
_ROOT = re.compile(rb"<([^\s?!/>]+)")


class Position(NamedTuple):
    """A document's position: number of the XML in the archive, number of the document in it."""

    member: int = 0
    document: int = 0


class BrokenDocument(msgspec.Struct, frozen=True, array_like=True):
    """A document, a member of an archive or a whole file without an answer, and why."""

    file: str
    member: str
    reason: str


BEGINNING = Position()


def read_bulk(
    path: Path, start: Position = BEGINNING
) -> Iterator[tuple[Position, Answer | BrokenDocument]]:
    """Each document's position, and its answer or its defect.

    ``start`` is the position of the last item that was kept when an earlier reading was cut short;
    that item is read once more.

    Raises:
        OSError: when the file cannot be opened.
    """
    for position, member, item in _read_file(path, start):
        if isinstance(item, str):
            yield position, BrokenDocument(path.name, member, item)
        else:
            yield position, item


def _read_file(path: Path, start: Position) -> Iterator[tuple[Position, str, Answer | str]]:
    with path.open("rb") as file:
        if file.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            written_at = int(path.stat().st_mtime) * 1_000_000
            items = _read_xml(file, written_at, start.document)
            for document, item in _up_to_failure(items, start.document):
                yield Position(0, document), "", item
        else:
            yield from _read_archive(file, start)


def _read_archive(file: IO[bytes], start: Position) -> Iterator[tuple[Position, str, Answer | str]]:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        yield start, "", "is neither XML nor a whole zip archive"
        return
    members = [info for info in archive.infolist() if info.filename.lower().endswith(".xml")]
    if not members:
        yield start, "", "holds no XML"
    for number, member in enumerate(members[start.member :], start.member):
        skip = start.document if number == start.member else 0
        for document, item in _up_to_failure(_read_member(archive, member, skip), skip):
            yield Position(number, document), member.filename, item


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, skip: int
) -> Iterator[tuple[int, Answer | str]]:
    with archive.open(member) as stream:
        yield from _read_xml(stream, _packed_at(member), skip)


def _up_to_failure(
    items: Iterator[tuple[int, Answer | str]], skip: int
) -> Iterator[tuple[int, Answer | str]]:
    """The items of one XML file; a failure that ends it early is the last of them."""
    document = skip
    try:
        for document, item in items:
            yield document, item
    except _UNPACKING:
        yield document, "cannot be unpacked to its end"
    except UnusableDocument as error:
        yield document, str(error)


def _packed_at(member: zipfile.ZipInfo) -> int:
    try:
        packed = datetime(*member.date_time, tzinfo=UTC)
    except ValueError:  # some packers leave the date empty
        return 0
    return int(packed.timestamp()) * 1_000_000


def _read_xml(stream: IO[bytes], written_at: int, skip: int) -> Iterator[tuple[int, Answer | str]]:
    """Number and answer of each document after the first ``skip``, or why it has no answer.

    Raises:
        UnusableDocument: when nothing more of the file can be read.
    """
    pieces = _cut(stream)
    head, is_all = next(pieces)
    if b"<!DOCTYPE" in head:
        raise UnusableDocument("has a document type declaration, which is not accepted")
    if is_all:
        raise UnusableDocument("holds no document")
    root = _ROOT.search(head)
    end = b"</%b>" % (root[1] if root else b"EGRUL")
    head += b"" if root else b"<EGRUL>"
    if _parse(head + end) is None:
        raise UnusableDocument("is broken before its first document")
    for number, (piece, is_last) in enumerate(pieces):
        if number >= skip:
            # The last one brings the root's end along: without it the file was cut short.
            xml = head + piece + (b"" if is_last and root else end)
            for item in _answers(xml, written_at):
                yield number, item


def _cut(stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The text before the first document, then each document with the text after it.

    Each piece comes with whether it is the last one.
    """
    starts = _ANY
    rest = b""
    while block := stream.read(_BLOCK):
        rest += block
        positions = [match.start() for match in starts.finditer(rest)]
        if positions and starts is _ANY:
            yield rest[: positions[0]], False
            starts = _WRAPPED if _WRAPPED.match(rest, positions[0]) else _BARE
            positions = [match.start() for match in starts.finditer(rest)]
        for begin, end in pairwise(positions):
            yield rest[begin:end], False
        rest = rest[positions[-1] :] if positions else rest
        if len(rest) > _LARGEST:
            raise UnusableDocument("holds a document that is too large; the rest was not read")
    yield rest, True


def _answers(xml: bytes, written_at: int) -> Iterator[Answer | str]:
    root = _parse(xml)
    if root is None:
        yield "is broken XML"
        return
    try:
        yield from read_documents(root, written_at)
    except UnusableDocument as error:
        yield str(error)


def _parse(xml: bytes) -> Element | None:
    parser = XMLParser()  # noqa: S314 - without a DTD there are no entities to expand
    try:
        parser.feed(xml)
        return parser.close()
    except (ParseError, ValueError, LookupError):  # the latter two: an unknown encoding
        return None
