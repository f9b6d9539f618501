"""Decodes the JSON values in a window on a file, and detects damage.

The decoder is the standard library's: its C scanner is faster than ijson's C backend, says where a
value ends (recovery after damage needs that), and survives numbers of thousands of digits and deep
nesting, which crash that backend.
"""

import json
import re
from typing import Any

from transforms.stores.export.decoding import SURROGATE, TextWindow

# The most characters of a partner: this bounds the memory that damage can take.
MAX_VALUE = 1 << 24

# Lenient where it loses nothing: control characters in texts are accepted, NaN becomes null.
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)
scan = _decoder.scan_once  # type: ignore[attr-defined]
_STRUCTURE = re.compile(r'[][{}:,"]')


def decode(text: str) -> Any:
    """Decodes a text that is one JSON value, by the rules of this module.

    Raises:
        ValueError: when the text is not a JSON value.
        RecursionError: when the value is nested too deeply.
    """
    value = _decoder.decode(text)
    return _replace_lone_surrogates(value) if SURROGATE.search(text) else value


class IncompleteError(Exception):
    """The window ends before the value does."""


class DamageError(Exception):
    """No value can be decoded; ``cut`` says whether that is because the file ends."""

    def __init__(self, cut: bool = False) -> None:
        super().__init__()
        self.cut = cut


class ValueReader:
    """Reads the values in a window on a file, one after the other."""

    def __init__(self, window: TextWindow) -> None:
        self._window = window

    def expect(self, characters: str) -> str:
        """Steps over the next character that is not blank and returns it.

        Raises:
            DamageError: when it is none of ``characters``.
        """
        character = self._window.peek()
        if not character or character not in characters:
            raise DamageError(cut=not character)
        self._window.pos += 1
        return character

    def read_value(self) -> Any:
        """Steps over the next value and returns it.

        Raises:
            DamageError: when no value begins here.
        """
        window = self._window
        window.peek()
        while True:
            try:
                value, window.pos = self.decode_at(window.pos)
            except IncompleteError:
                # Double the text: growing by chunks would decode a long value too often.
                window.more(len(window.text) - window.pos)
            else:
                return value

    def decode_at(self, start: int) -> tuple[Any, int]:
        """Decodes the value that begins at ``start`` of the window's text; returns also its end.

        Raises:
            IncompleteError: when the window ends before the value does.
            DamageError: when no value begins there.
        """
        text, ended = self._window.text, self._window.ended
        try:
            value, end = scan(text, start)
        except (ValueError, StopIteration, RecursionError) as error:
            is_unfinished = _is_unfinished(text, error)
        else:
            if isinstance(value, dict) and swallows_partners(value):
                raise DamageError
            if ended or _is_whole(text, end):
                return self._mend_surrogates(value), end
            is_unfinished = True
        if is_unfinished and not ended and len(text) - start < MAX_VALUE:
            raise IncompleteError
        raise DamageError(cut=is_unfinished and ended)

    def _mend_surrogates(self, value: Any) -> Any:
        if not self._window.has_surrogates:
            return value
        try:
            return _replace_lone_surrogates(value)
        except (ValueError, RecursionError):
            raise DamageError from None


def swallows_partners(value: dict[str, Any]) -> bool:
    """Whether a partner contains others: one that lost its end goes on with those after it.

    They are then in its last list.
    """
    for name, field in value.items():
        if type(field) is list and field and type(field[-1]) is dict and "partner" in field[-1]:
            # A person may refer to its organisations by objects.
            is_reference = name == "contact_of" and "category" not in field[-1]
            if name != "partners" and not is_reference:
                return True
    return False


def _is_unfinished(text: str, error: Exception) -> bool:
    """Whether the decoder failed at the end of ``text``, where a value may be cut."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg.startswith("Unterminated") or _is_last_token(text, error.pos)
    return isinstance(error, StopIteration) and _is_last_token(text, error.value)


def _is_whole(text: str, end: int) -> bool:
    """Whether the value ends at ``end``: a number at the end of the text may go on behind it."""
    return end < len(text) or text[end - 1] in '}]"'


def _is_last_token(text: str, start: int) -> bool:
    return not _STRUCTURE.search(text, start)


def _replace_lone_surrogates(value: Any) -> Any:
    """Replaces lone halves of surrogate pairs, which could not be encoded again."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value
