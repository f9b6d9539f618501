"""Reads the partners of an export file that may have any size and be broken anywhere."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

from transforms.core.records import DeadLetter
from transforms.stores.export.decoding import TextWindow
from transforms.stores.export.json_values import (
    DamageError,
    IncompleteError,
    ValueReader,
    scan,
    swallows_partners,
)

Partner = dict[str, Any]

CHUNK = 1 << 18
MAX_RAW = 1 << 16

_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
# How a partner begins, which the window may cut. Searching costs a hundredth of decoding.
_OBJECT = re.compile(r'\{[ \t\r\n]*(?:"|\Z)')
# The text before an object that is a field's value, or the first in a field's list.
_FIELD = re.compile(r'"(?!partners")[^"\\]*"\s*:\s*\[?\s*\Z')
_LOOK_BEHIND = 256


class MendingReader:
    """The partners of one export file in their order, and the dead letters between them.

    Iterate once. The file is ``{"header": …, "partners": [ … ]}`` in UTF-8 (BOM or none) or
    Windows-1251, plain or gzip; keys come in any order, and several ``partners`` arrays or several
    such objects are read one after the other. Elements are the decoded partners, and a
    ``DeadLetter`` for each stretch that cannot be read; its reason is one of

    - ``broken_partner``: not JSON, or not an object; reading goes on with the next partner
    - ``broken_header``, ``trailing_garbage``: the same before or behind the array
    - ``file_cut``, ``broken_gzip``: the file ends here, too early
    - ``empty_file``, ``not_json``, ``no_partners``: nothing to read (when the whole file is an
      array, which is not the agreed form, the partners in it are read all the same)
    """

    def __init__(
        self, stream: BinaryIO, name: str, *, encoding: str = "utf-8", chunk: int = CHUNK
    ) -> None:
        self._window = TextWindow(stream, encoding, chunk)
        self._values = ValueReader(self._window)
        self._origin = f"file:{name}"
        # Where the reader is: in front of the array, in it, or behind it.
        self._place: Literal["head", "array", "tail"] = "head"

    @property
    def replaced(self) -> int:
        """Number of characters so far that could not be decoded and became U+FFFD."""
        return self._window.replaced

    def __iter__(self) -> Iterator[Partner | DeadLetter]:
        window = self._window
        if not window.peek():
            yield self._dead_letter(window.damage or "empty_file", window.offset())
            return
        in_array, reason = False, ""
        while in_array or window.peek():
            try:
                yield from self._document(in_array)
                in_array = False
            except DamageError as damage:
                dead_letter, in_array = self._skip_damage(damage)
                reason = dead_letter.reason
                yield dead_letter
        if window.damage and reason != window.damage:
            yield self._dead_letter(window.damage, window.offset())
        elif self._place == "head" and not reason:
            yield self._dead_letter("no_partners", 0)

    def _document(self, in_array: bool) -> Iterator[Partner | DeadLetter]:
        """Reads an object around the array; ``in_array`` when reading goes on within the array."""
        window, values = self._window, self._values
        window.mark = None
        if in_array:
            yield from self._array()
            # Nothing is missing when all of the file was the array.
            if not window.peek():
                return
        elif self._opens() and window.peek() == "}":
            values.expect("}")
            return
        is_first = not in_array
        while is_first or values.expect(",}") == ",":
            if self._begins_array(is_first):
                yield from self._array()
            is_first = False

    def _opens(self) -> bool:
        """Steps over the bracket of an object around an array, and marks it."""
        self._window.peek()
        self._window.mark = self._window.pos
        return bool(self._values.expect("{"))

    def _begins_array(self, is_first: bool) -> bool:
        """Steps over a field, or into the array of partners; returns whether it is the array."""
        window, values = self._window, self._values
        begin = window.mark if is_first and window.mark is not None else window.pos
        ahead, window.mark = window.pos - begin, begin
        key = values.read_value()
        values.expect(":")
        # A partner behind an array that ended too early, or in front of one.
        if key == "partner" and is_first:
            raise DamageError
        window.mark += ahead
        if key == "partners" and window.peek() == "[":
            values.expect("[")
            window.mark = None
            return True
        value = values.read_value()
        # A partner in the array's place: its bracket is broken.
        if key == "partners" and isinstance(value, dict) and "partner" in value:
            raise DamageError
        return False

    def _array(self) -> Iterator[Partner | DeadLetter]:
        """Reads the elements up to the end of the array; this is the hot loop."""
        window, values = self._window, self._values
        self._place = "array"
        if window.peek() == "]":
            values.expect("]")
            self._place = "tail"
            return
        while True:
            try:
                value, end = scan(window.text, window.pos)
            except (ValueError, StopIteration, RecursionError):
                yield self._element()
            else:
                if type(value) is not dict or window.has_surrogates or swallows_partners(value):
                    yield self._element()
                else:
                    window.pos = end
                    yield value
            comma = _COMMA.match(window.text, window.pos)
            if comma and comma.end() < len(window.text):
                window.pos = comma.end()
            elif values.expect(",]") == "]":
                self._place = "tail"
                return

    def _element(self) -> Partner:
        """Reads an element that needs care: cut by the window, or unusual in some way."""
        character = self._window.peek()
        if character != "{":
            raise DamageError(cut=not character)
        partner: Partner = self._values.read_value()
        return partner

    def _skip_damage(self, damage: DamageError) -> tuple[DeadLetter, bool]:
        """Skips the broken stretch; returns its dead letter, and whether a partner follows it."""
        window = self._window
        # The damage may have been read as a key or a value when it was the start of a partner.
        window.pos = window.pos if window.mark is None else window.mark
        window.mark = None
        offset, first = window.offset(), window.text[window.pos : window.pos + 1]
        skipped, has_next = self._skip_to_partner()
        reason: str
        if not has_next and (damage.cut or window.damage):
            reason = window.damage or "file_cut"
        elif self._place != "head":
            reason = "broken_partner" if self._place == "array" else "trailing_garbage"
        elif first == "[":
            reason = "no_partners"
        else:
            reason = "broken_header" if has_next else "not_json"
        return self._dead_letter(reason, offset, skipped), has_next

    def _skip_to_partner(self) -> tuple[str, bool]:
        """Moves to the next partner, or to the end of the file.

        Returns the beginning of the skipped text, and whether there is a partner.
        """
        window = self._window
        skipped, start = "", window.pos
        while True:
            position, is_partner = self._find_partner(start)
            if is_partner:
                skipped = _extend(skipped, window.text[window.pos : position])
                window.pos = position
                return skipped, True
            # Drop the searched text, except for what tells a field's value from a partner.
            keep_from = max(window.pos, position - _LOOK_BEHIND)
            skipped = _extend(skipped, window.text[window.pos : keep_from])
            ahead, rest = position - keep_from, len(window.text) - position
            window.pos = keep_from
            if not window.more(max(1, rest)) and not rest:
                skipped = _extend(skipped, window.text)
                window.pos = len(window.text)
                return skipped, False
            start = window.pos + ahead

    def _find_partner(self, start: int) -> tuple[int, bool]:
        """Searches the window's text for a partner.

        A partner is an object that can be decoded, has a number, and is not a field of another.
        Returns where it begins and true, or where to go on with more text and false.
        """
        text = self._window.text
        while match := _OBJECT.search(text, start):
            begin = match.start()
            try:
                value, end = self._values.decode_at(begin)
            except DamageError:
                start = begin + 1
            except IncompleteError:
                return begin, False
            else:
                if self._is_partner(value, begin):
                    return begin, True
                # The partners are further inside when this is another file's beginning.
                start = begin + 1 if "partners" in value else end
        return len(text), False

    def _is_partner(self, value: Partner, begin: int) -> bool:
        if "partner" not in value or "category" in value:
            return "partner" in value
        before = self._window.text[max(self._window.pos, begin - _LOOK_BEHIND) : begin]
        return not _FIELD.search(before)

    def dead_letter(self, reason: str, value: Partner) -> DeadLetter:
        """Returns the dead letter of the element yielded last, which is JSON but not a partner."""
        text = json.dumps(value, ensure_ascii=False)
        # The offset of its last byte: the text behind it may be broken too.
        return self._dead_letter(reason, self._window.offset() - 1, text)

    def _dead_letter(self, reason: str, offset: int, text: str = "") -> DeadLetter:
        return DeadLetter(self._origin, -1, offset, reason, text.encode()[:MAX_RAW])


def _extend(skipped: str, text: str) -> str:
    return skipped + text[: MAX_RAW - len(skipped)]
