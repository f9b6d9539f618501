"""Reading partners from an export file that may be of any size, and broken anywhere."""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from transforms.core.records import Broken
from transforms.stores.export.decoding import ExportText
from transforms.stores.export.json_values import (
    DamageError,
    IncompleteError,
    Values,
    holds_partners,
    scan,
)

Partner = dict[str, Any]

CHUNK = 1 << 18
MAX_RAW = 1 << 16

_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
# No partner begins otherwise, and looking costs a hundredth of decoding. The window may cut it.
_OBJECT = re.compile(r'\{[ \t\r\n]*(?:"|\Z)')
# What stands before an object that is a field's value, or the first in a field's list.
_FIELD = re.compile(r'"(?!partners")[^"\\]*"\s*:\s*\[?\s*\Z')
_LOOK_BEHIND = 256


class PartnerReader:
    """The partners of one export file, in its order, and what is broken in between.

    Iterate once. The file is ``{"header": …, "partners": [ … ]}`` in UTF-8 (BOM or none) or
    Windows-1251, plain or gzip; keys come in any order, and several ``partners`` arrays or several
    such objects are read one after the other. Elements are the partners as decoded, and a
    ``Broken`` for each stretch that cannot be read; its reason is one of

    - ``broken_partner``: no JSON here, or no object; reading goes on with the next partner
    - ``broken_header``, ``trailing_garbage``: the same before or behind the array
    - ``file_cut``, ``broken_gzip``: the file ends here, too early
    - ``empty_file``, ``not_json``, ``no_partners``: nothing to read (when the whole file is an
      array, which is not the agreed form, the partners in it are read all the same)
    """

    def __init__(
        self, stream: BinaryIO, name: str, *, encoding: str = "utf-8", chunk: int = CHUNK
    ) -> None:
        self._window = ExportText(stream, encoding, chunk)
        self._values = Values(self._window)
        self._origin = f"file:{name}"
        # Where the reader is: "head", "array" or "tail".
        self._place = "head"

    @property
    def replaced(self) -> int:
        """How many characters could not be decoded, so far: they became U+FFFD."""
        return self._window.replaced

    def __iter__(self) -> Iterator[Partner | Broken]:
        window = self._window
        inside, told = False, ""
        if not window.peek():
            yield self._broken(window.damage or "empty_file", window.offset())
            return
        while inside or window.peek():
            try:
                yield from self._document(inside)
                inside = False
            except DamageError as damage:
                # What was taken for a key or a value may have been the beginning of a partner.
                window.pos = window.pos if window.mark is None else window.mark
                window.mark = None
                broken, inside = self._skip_damage(damage)
                told = broken.reason
                yield broken
        if window.damage and told != window.damage:
            yield self._broken(window.damage, window.offset())
        elif self._place == "head" and not told:
            yield self._broken("no_partners", 0)

    def _document(self, inside: bool) -> Iterator[Partner | Broken]:
        """An object around the array; ``inside`` when reading goes on within the array."""
        window, values = self._window, self._values
        window.mark = None
        if inside:
            yield from self._array()
            # Nothing is missing when all of the file was the array.
            if not window.peek():
                return
        elif self._opens() and window.peek() == "}":
            values.one_of("}")
            return
        while not inside or values.one_of(",}") == ",":
            begin = window.pos if inside or window.mark is None else window.mark
            ahead, window.mark = window.pos - begin, begin
            key = values.next()
            values.one_of(":")
            # A partner behind an array that ended too early, or in front of one.
            if key == "partner" and not inside:
                raise DamageError
            window.mark, inside = window.mark + ahead, True
            if key == "partners" and window.peek() == "[":
                values.one_of("[")
                window.mark = None
                yield from self._array()
                continue
            value = values.next()
            # A partner in the array's place: its bracket is what is broken.
            if key == "partners" and isinstance(value, dict) and "partner" in value:
                raise DamageError

    def _opens(self) -> bool:
        """Step over the bracket of an object around an array, and mark it."""
        self._window.peek()
        self._window.mark = self._window.pos
        return bool(self._values.one_of("{"))

    def _array(self) -> Iterator[Partner | Broken]:
        """The elements up to the end of the array; this is the hot loop."""
        window, values = self._window, self._values
        self._place = "array"
        if window.peek() == "]":
            values.one_of("]")
            self._place = "tail"
            return
        while True:
            try:
                value, end = scan(window.text, window.pos)
            except (ValueError, StopIteration, RecursionError):
                yield self._element()
            else:
                if type(value) is not dict or window.has_surrogates or holds_partners(value):
                    yield self._element()
                else:
                    window.pos = end
                    yield value
            comma = _COMMA.match(window.text, window.pos)
            if comma and comma.end() < len(window.text):
                window.pos = comma.end()
            elif values.one_of(",]") == "]":
                self._place = "tail"
                return

    def _element(self) -> Partner:
        """The next element, which is unlike most: cut by the window, or odd in some way."""
        found = self._window.peek()
        if found != "{":
            raise DamageError(cut=not found)
        partner: Partner = self._values.next()
        return partner

    def _skip_damage(self, damage: DamageError) -> tuple[Broken, bool]:
        """The broken stretch that begins here, and whether a partner follows it."""
        window = self._window
        offset, first = window.offset(), window.text[window.pos : window.pos + 1]
        skipped, found = self._skip_to_partner()
        reason: str
        if not found and (damage.cut or window.damage):
            reason = window.damage or "file_cut"
        elif self._place != "head":
            reason = "broken_partner" if self._place == "array" else "trailing_garbage"
        elif first == "[":
            reason = "no_partners"
        else:
            reason = "broken_header" if found else "not_json"
        return self._broken(reason, offset, skipped), found

    def _skip_to_partner(self) -> tuple[str, bool]:
        """Move to the next partner, or the end: the first of what was skipped, and which of both.

        A partner is an object that decodes, has a number, and is no field of another one.
        """
        window = self._window
        skipped, ahead = "", 0
        while True:
            begins = _OBJECT.search(window.text, window.pos + ahead)
            at = begins.start() if begins else -1
            wanted = 1 if at < 0 else len(window.text) - at
            if at >= 0:
                try:
                    value, end = self._values.at(at)
                except DamageError:
                    ahead = at + 1 - window.pos
                    continue
                except IncompleteError:
                    pass
                else:
                    if self._is_partner(value, at):
                        skipped = _longer(skipped, window.text[window.pos : at])
                        window.pos = at
                        return skipped, True
                    # The partners are further inside when this is another file's beginning.
                    ahead = (at + 1 if "partners" in value else end) - window.pos
                    continue
            # What was searched is let go, but for what tells a field's value from a partner.
            searched = len(window.text) if at < 0 else at
            kept = max(window.pos, searched - _LOOK_BEHIND)
            skipped = _longer(skipped, window.text[window.pos : kept])
            window.pos, ahead = kept, searched - kept
            if not window.more(wanted) and at < 0:
                skipped = _longer(skipped, window.text)
                window.pos = len(window.text)
                return skipped, False

    def _is_partner(self, value: Partner, at: int) -> bool:
        if "partner" not in value or "category" in value:
            return "partner" in value
        before = self._window.text[max(self._window.pos, at - _LOOK_BEHIND) : at]
        return not _FIELD.search(before)

    def broken_value(self, reason: str, value: Partner) -> Broken:
        """The element that was given out last, as ``Broken``: it is JSON, but no partner."""
        text = json.dumps(value, ensure_ascii=False)
        # Its last byte is its own: what follows may be broken as well.
        return self._broken(reason, self._window.offset() - 1, text)

    def _broken(self, reason: str, offset: int, text: str = "") -> Broken:
        return Broken(self._origin, -1, offset, reason, text.encode()[:MAX_RAW])


def _longer(skipped: str, text: str) -> str:
    return skipped + text[: MAX_RAW - len(skipped)]
