"""The records of an array in a JSON file, of any size and broken anywhere.

The array's place is a path of names (``data.customers``), or is found: the whole file, or the only
array of objects in it. An element that cannot be read is lost alone: reading goes on with the next
object that looks like a record, by the names of its fields.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from transforms.stores.files.json_text import JsonDamageError, JsonText
from transforms.stores.files.packing import CHUNK, unpacked
from transforms.stores.files.parts import (
    BrokenStretch,
    FilePart,
    ParsedRecords,
    Record,
    RecordBatch,
)
from transforms.stores.files.text_lines import MAX_RAW, LinePlace

_BATCH_SIZE = 1000
_MOST_DEPTH = 50
# The records whose fields tell what a record is like.
_LEARNED = 100
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*").fullmatch
# The characters that a JSON value begins with, in Python's reading of it.
_BEGINNINGS = '{["-0123456789tfnNI'
_OBJECT = re.compile(r'\{[ \t\r\n]*(?:"|\Z)')


class _Element(NamedTuple):
    """An element that is a record, and where it stands."""

    record: Record
    offset: int


class JsonArrayReader:
    """Reads the array of a JSON file."""

    def __init__(self, part: FilePart) -> None:
        self._part = part
        self._path = tuple(part.place.split(".")) if part.place else ()
        self._text: JsonText
        self._shape: set[str] = set()
        self._learned = self._fewest = 0
        self._names = set(filter(_PLAIN_NAME, part.names))
        self._ids = [name for name in part.id_names if _PLAIN_NAME(name)]
        self._count = 0

    @property
    def replaced(self) -> int:
        """Number of characters so far that could not be decoded and became U+FFFD."""
        return self._text.replaced

    def batches(self, stream: BinaryIO) -> Iterator[RecordBatch | BrokenStretch]:
        """Yields the batches of a file, and what in it is broken."""
        self._text = JsonText(unpacked(stream, self._part.member, CHUNK), self._part.encoding)
        batch: list[_Element] = []
        for element in self._document():
            if isinstance(element, BrokenStretch):
                yield element
                continue
            batch.append(element)
            if len(batch) == _BATCH_SIZE:
                yield _batch(batch)
                batch = []
        if batch:
            yield _batch(batch)

    @staticmethod
    def parse(content: list[Record]) -> ParsedRecords:
        """Returns the records of a batch."""
        return ParsedRecords(content, range(len(content)), [])

    def locate(
        self, origin: list[_Element], broken: list[tuple[int, str]]
    ) -> Iterator[BrokenStretch]:
        """Yields the elements at the positions of a batch."""
        for position, reason in broken:
            element = origin[position]
            yield self._broken(reason, element.offset, repr(element.record))

    def _document(self) -> Iterator[_Element | BrokenStretch]:
        """Reads all values of the file; a broken one is passed over up to the next record."""
        text = self._text
        if not text.peek():
            yield self._stretch(text.damage or "empty_file")
            return
        is_inside, reason = False, ""
        while is_inside or text.peek():
            try:
                if not is_inside:
                    yield from self._value(self._path)
                    continue
                yield from self._elements()
                # Behind damage it is not sure that this was the array's end.
                offset = text.offset()
                skipped, is_inside = self._skip_to_record()
                if is_inside:
                    yield self._broken("broken_record", offset, skipped)
            except JsonDamageError as damage:
                stretch, is_inside = self._skip_damage(damage)
                reason = stretch.reason
                yield stretch
        if text.damage and reason not in ("file_cut", text.damage):
            yield self._stretch(text.damage)
        elif not self._count and not reason:
            yield self._broken("no_records", 0, "")

    def _value(self, path: tuple[str, ...], depth: int = 0) -> Iterator[_Element | BrokenStretch]:
        """Reads a value: the array itself, an object around it, or anything else."""
        character = self._text.peek()
        if character not in _BEGINNINGS:
            raise JsonDamageError
        if character == "{" and (path or not self._path) and depth < _MOST_DEPTH:
            yield from self._object(path, depth)
        elif character != "[" or path:
            self._text.skip_value()
        elif self._is_array_of_records(depth):
            self._count += 1
            yield from self._elements()

    def _object(self, path: tuple[str, ...], depth: int) -> Iterator[_Element | BrokenStretch]:
        text = self._text
        text.expect("{")
        if text.peek() == "}":
            text.expect("}")
            return
        while True:
            if text.peek() != '"':
                raise JsonDamageError(not text.peek())
            name = text.read_value()
            text.expect(":")
            if not path or name == path[0]:
                yield from self._value(path[1:], depth + 1)
            else:
                text.skip_value()
            if text.expect(",}") == "}":
                return

    def _is_array_of_records(self, depth: int) -> bool:
        """Steps into the array; into no other than one of objects, where no place is given."""
        text = self._text
        text.expect("[")
        if text.peek() == "]":
            self._count += bool(self._path) or depth == 0
            text.expect("]")
            return False
        if self._path or depth == 0 or text.peek() == "{":
            return True
        while True:
            text.skip_value()
            if text.expect(",]") == "]":
                return False

    def _elements(self) -> Iterator[_Element | BrokenStretch]:
        """Reads elements up to the end of the array; this is the hot loop."""
        text = self._text
        while True:
            text.peek()
            offset, start = text.offset(), text.position
            value = text.read_value()
            # The window moves when it is read on: then the element begins it.
            end = text.position
            raw = text.text[start if start < end else 0 : end][:MAX_RAW]
            yield from self._checked(value, offset, raw)
            if text.expect(",]") == "]":
                return

    def _checked(self, value: Any, offset: int, raw: str) -> Iterator[_Element | BrokenStretch]:
        """Yields an element that is a record; of one that lost its end, those that are in it."""
        if type(value) is not dict:
            yield self._broken("broken_record", offset, raw)
            return
        if not self._text.peek() and (records := list(self._swallowed(value))):
            yield self._broken("broken_record", offset, raw)
            yield from (_Element(record, offset) for record in records)
            return
        if self._learned < _LEARNED:
            self._shape.update(value)
            self._fewest = min(self._fewest, len(value)) if self._learned else len(value)
            self._learned += 1
        yield _Element(value, offset)

    def _swallowed(self, value: Record) -> Iterator[Record]:
        """Yields the records at the end of an element that goes on up to the file's end."""
        for field in value.values():
            if isinstance(field, list) and field and self._is_record(field[-1]):
                for record in field:
                    if self._is_record(record):
                        yield record
                        yield from self._swallowed(record)

    def _is_record(self, value: Any) -> bool:
        """Whether a value has the fields of the records so far, and an id."""
        if not isinstance(value, dict) or not value:
            return False
        if any(name not in value for name in self._ids):
            return False
        if not self._learned:
            return len(self._names & value.keys()) >= min(len(self._names), 2)
        alike = len(self._shape & value.keys())
        return 3 * alike >= 2 * max(self._fewest, len(value))

    def _skip_damage(self, damage: JsonDamageError) -> tuple[BrokenStretch, bool]:
        """Passes over what is broken; returns it, and whether a record follows."""
        text = self._text
        offset, is_head = text.offset(), not self._count
        skipped, has_record = self._skip_to_record()
        reason: str
        if not has_record and (damage.is_cut or text.damage):
            reason = text.damage or "file_cut"
        elif is_head:
            reason = "broken_header" if has_record else "not_json"
        else:
            reason = "broken_record" if has_record else "trailing_garbage"
        self._count += has_record
        return self._broken(reason, offset, skipped), has_record

    def _skip_to_record(self) -> tuple[str, bool]:
        """Moves to the next record, or to the end; returns the beginning of what it passes over."""
        text = self._text
        skipped = ""
        while True:
            match = _OBJECT.search(text.text, text.position)
            place = match.start() if match else len(text.text)
            skipped += text.text[text.position : place][: MAX_RAW - len(skipped)]
            text.position = place
            if place == len(text.text):
                if not text.more():
                    return skipped, False
                continue
            try:
                value = text.peek_value()
            except JsonDamageError:
                value = None
            if self._is_record(value):
                return skipped, True
            skipped += text.text[text.position : text.position + 1]
            text.position += 1

    def _stretch(self, reason: str) -> BrokenStretch:
        return self._broken(reason, self._text.offset(), "")

    def _broken(self, reason: str, offset: int, raw: str) -> BrokenStretch:
        return BrokenStretch(reason, LinePlace(offset, offset), raw, "byte")


def _batch(elements: list[_Element]) -> RecordBatch:
    return RecordBatch([element.record for element in elements], elements)
