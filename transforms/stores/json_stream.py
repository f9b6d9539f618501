"""Reading partners from an export file that may be of any size, and broken anywhere.

The decoder is the standard library's: its C scanner is faster than ijson's C backend, tells where
a value ended (which is what finding the way back after damage needs), and survives numbers of
thousands of digits and deep nesting, which crash that backend.
"""

import json
import re
from collections.abc import Iterator
from json import scanner
from typing import Any, BinaryIO

from transforms.errors import SvodError
from transforms.records import Broken
from transforms.stores.export_file import ExportText

Partner = dict[str, Any]

CHUNK = 1 << 18
# What is longer, in characters, is no partner: this bounds the memory that damage can take.
MAX_PARTNER = 1 << 24
MAX_RAW = 1 << 16

# Lenient where nothing is lost by it: raw control characters in texts pass, NaN becomes null.
_scan = json.JSONDecoder(strict=False, parse_constant=lambda _: None).scan_once
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_STRUCTURE = re.compile(r'[][{}:,"]')
# What stands before an object that is a field's value, or the first in a field's list.
_FIELD = re.compile(r'"(?!partners")[^"\\]*"\s*:\s*\[?\s*\Z')
_LOOK_BEHIND = 256


class PartnerReader:
    """The partners of one export file, in its order, and what is broken in between.

    Iterate once. The file is ``{"header": …, "partners": [ … ]}`` in UTF-8 (BOM or none) or
    Windows-1251, plain or gzip; keys come in any order, and several ``partners`` arrays or several
    such objects are read one after the other. Elements are the partners as decoded, and a
    ``Broken`` for each stretch that cannot be read; its reason is one of

    - ``broken_partner``: no JSON here; reading goes on with the next partner after it
    - ``broken_header``, ``trailing_garbage``: the same before or behind the array
    - ``not_a_partner``: an element of the array that is no object
    - ``file_cut``, ``broken_gzip``: the file ends here, too early
    - ``empty_file``, ``not_json``, ``no_partners``: nothing to read (when the whole file is an
      array, which is not the agreed form, the partners in it are read all the same)
    """

    def __init__(
        self, stream: BinaryIO, name: str, *, encoding: str = "utf-8", chunk: int = CHUNK
    ) -> None:
        self._window = ExportText(stream, encoding, chunk)
        self._origin = f"file:{name}"
        # Where the reader is: "head", "array" or "tail".
        self._place = "head"

    @property
    def replaced(self) -> int:
        """How many characters could not be decoded, so far: they became U+FFFD."""
        return self._window.replaced

    def __iter__(self) -> Iterator[Partner | Broken]:
        window = self._window
        inside, whole = False, True
        if not window.peek():
            yield self._broken(window.damage or "empty_file", window.offset())
            return
        while inside or window.peek():
            try:
                yield from self._document(inside)
                inside = False
            except _DamageError as damage:
                broken, inside = self._skip_damage(damage)
                whole = False
                yield broken
        if whole and window.damage:
            yield self._broken(window.damage, window.offset())
        elif whole and self._place == "head":
            yield self._broken("no_partners", 0)

    def _document(self, inside: bool) -> Iterator[Partner | Broken]:
        """An object around the array; ``inside`` when reading goes on within the array."""
        if inside:
            yield from self._array()
            # Nothing is missing when all of the file was the array.
            if not self._window.peek():
                return
        elif self._one_of("{") and self._window.peek() == "}":
            self._one_of("}")
            return
        while not inside or self._one_of(",}") == ",":
            inside = True
            key = self._value()
            self._one_of(":")
            if key == "partners" and self._window.peek() == "[":
                self._one_of("[")
                if self._window.peek() == "]":
                    self._one_of("]")
                    self._place = "tail"
                else:
                    yield from self._array()
            else:
                self._value()

    def _array(self) -> Iterator[Partner | Broken]:
        """The elements up to the end of the array; this is the hot loop."""
        window = self._window
        self._place = "array"
        while True:
            text, pos = window.text, window.pos
            try:
                value, end = _scan(text, pos)
            except (ValueError, StopIteration, RecursionError):
                value = self._value()
            else:
                if type(value) is dict and not (window.has_surrogates or _holds_partners(value)):
                    window.pos = end
                else:
                    value = self._value()
            if type(value) is dict:
                yield value
            else:
                yield self._broken("not_a_partner", window.offset(), json.dumps(value))
            comma = _COMMA.match(window.text, window.pos)
            if comma and comma.end() < len(window.text):
                window.pos = comma.end()
            elif self._one_of(",]") == "]":
                self._place = "tail"
                return
            else:
                window.peek()

    def _one_of(self, characters: str) -> str:
        found = self._window.peek()
        if not found or found not in characters:
            raise _DamageError(cut=not found)
        self._window.pos += 1
        return found

    def _value(self) -> Any:
        window = self._window
        window.peek()
        while True:
            try:
                value, window.pos = self._decode(window.pos)
            except _IncompleteError:
                # As much again: growing by chunks would decode a long value too often.
                window.more(len(window.text) - window.pos)
            else:
                return value

    def _decode(self, at: int) -> tuple[Any, int]:
        """The value at ``at`` and where it ends."""
        text, ended = self._window.text, self._window.ended
        try:
            value, end = _scan(text, at)
            if isinstance(value, dict) and _holds_partners(value):
                raise ValueError("a partner inside another one")
            if self._window.has_surrogates:
                value = _with_whole_characters(value)
        except json.JSONDecodeError as error:
            unfinished = error.msg.startswith("Unterminated") or not _STRUCTURE.search(
                text, error.pos
            )
        except StopIteration as error:
            unfinished = not _STRUCTURE.search(text, error.value)
        except (ValueError, RecursionError):
            raise _DamageError from None
        else:
            if end < len(text) or ended or text[end - 1] in '}]"':
                return value, end
            unfinished = True
        if unfinished and not ended and len(text) - at < MAX_PARTNER:
            raise _IncompleteError
        raise _DamageError(cut=unfinished and ended)

    def _skip_damage(self, damage: "_DamageError") -> tuple[Broken, bool]:
        """The broken stretch that begins here, and whether a partner follows it."""
        window = self._window
        offset, first = window.offset(), window.text[window.pos : window.pos + 1]
        skipped, found = self._skip_to_partner()
        if damage.cut and not found:
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

        A partner is an object that decodes, has a number, and is not inside another partner.
        """
        window = self._window
        skipped, ahead = "", 0
        while True:
            at = window.text.find("{", window.pos + ahead)
            if at < 0:
                passed = max(window.pos, len(window.text) - _LOOK_BEHIND)
                skipped = _longer(skipped, window.text[window.pos : passed])
                window.pos, ahead = passed, len(window.text) - passed
                if not window.more():
                    skipped = _longer(skipped, window.text[window.pos :])
                    window.pos = len(window.text)
                    return skipped, False
                continue
            ahead = at - window.pos
            try:
                value, end = self._decode(at)
            except _IncompleteError:
                window.more(len(window.text) - at)
            except _DamageError:
                ahead += 1
            else:
                before = window.text[max(window.pos, at - _LOOK_BEHIND) : at]
                if "partner" in value and ("category" in value or not _FIELD.search(before)):
                    skipped = _longer(skipped, window.text[window.pos : at])
                    window.pos = at
                    return skipped, True
                # The partners may be further inside, when this is another file's beginning.
                ahead = at + 1 - window.pos if "partners" in value else end - window.pos

    def _broken(self, reason: str, offset: int, text: str = "") -> Broken:
        return Broken(self._origin, -1, offset, reason, text.encode()[:MAX_RAW])


def require_c_backend() -> None:
    """Check that JSON is decoded by C code: without it, reading takes ten times as long.

    Raises:
        SvodError: when this Python was built without the C scanner.
    """
    if scanner.c_make_scanner is None:
        raise SvodError("this Python has no C scanner for JSON (module _json): use CPython")


class _IncompleteError(Exception):
    """The value may be whole with more text."""


class _DamageError(Exception):
    """No value at the window's position; ``cut`` when the file just ends."""

    def __init__(self, cut: bool = False) -> None:
        super().__init__()
        self.cut = cut


def _holds_partners(value: Partner) -> bool:
    """Whether a partner swallowed others: one that lost its end goes on with those after it.

    They are then in its last list. A person may well refer to its organisations by objects.
    """
    for name, field in value.items():
        if (
            type(field) is list
            and field
            and type(field[-1]) is dict
            and "partner" in field[-1]
            and name not in ("partners", "contact_of")
        ):
            return True
    return False


def _with_whole_characters(value: Any) -> Any:
    """``value`` with lone halves of characters replaced: they could not be encoded again."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value


def _longer(skipped: str, text: str) -> str:
    return skipped + text[: MAX_RAW - len(skipped)]
