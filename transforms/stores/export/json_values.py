"""JSON values out of a window on a file, and what is wrong where there is none.

The decoder is the standard library's: its C scanner is faster than ijson's C backend, tells where
a value ended (which is what finding the way back after damage needs), and survives numbers of
thousands of digits and deep nesting, which crash that backend.
"""

import json
import re
from typing import Any

from transforms.stores.export.decoding import SURROGATE, ExportText

# What is longer, in characters, is no partner: this bounds the memory that damage can take.
MAX_VALUE = 1 << 24

# Lenient where nothing is lost by it: raw control characters in texts pass, NaN becomes null.
_decoder = json.JSONDecoder(strict=False, parse_constant=lambda _: None)
scan = _decoder.scan_once  # type: ignore[attr-defined]
_STRUCTURE = re.compile(r'[][{}:,"]')


def decode(text: str) -> Any:
    """The one JSON value that ``text`` is, read as a file's values are.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested too deeply.
    """
    value = _decoder.decode(text)
    return _with_whole_characters(value) if SURROGATE.search(text) else value


class IncompleteError(Exception):
    """The value may become whole with more text."""


class DamageError(Exception):
    """There is no value; ``cut`` when that is because the file ends."""

    def __init__(self, cut: bool = False) -> None:
        super().__init__()
        self.cut = cut


class Values:
    """The values that a window on a file holds, one after the other."""

    def __init__(self, window: ExportText) -> None:
        self._window = window

    def one_of(self, characters: str) -> str:
        """Step over the next character that is not blank, if it is one of these.

        Raises:
            DamageError: when it is another one.
        """
        found = self._window.peek()
        if not found or found not in characters:
            raise DamageError(cut=not found)
        self._window.pos += 1
        return found

    def next(self) -> Any:
        """Step over the next value.

        Raises:
            DamageError: when none begins here.
        """
        window = self._window
        window.peek()
        while True:
            try:
                value, window.pos = self.at(window.pos)
            except IncompleteError:
                # As much again: growing by chunks would decode a long value too often.
                window.more(len(window.text) - window.pos)
            else:
                return value

    def at(self, start: int) -> tuple[Any, int]:
        """The value that begins at ``start`` of the window's text, and where it ends.

        Raises:
            IncompleteError: when the window ends before the value does.
            DamageError: when there is none.
        """
        text, ended = self._window.text, self._window.ended
        try:
            value, end = scan(text, start)
            if isinstance(value, dict) and holds_partners(value):
                raise DamageError
            if self._window.has_surrogates:
                value = _with_whole_characters(value)
        except json.JSONDecodeError as error:
            unfinished = error.msg.startswith("Unterminated") or _is_end(text, error.pos)
        except StopIteration as error:
            unfinished = _is_end(text, error.value)
        except (ValueError, RecursionError):
            raise DamageError from None
        else:
            if end < len(text) or ended or text[end - 1] in '}]"':
                return value, end
            unfinished = True
        if unfinished and not ended and len(text) - start < MAX_VALUE:
            raise IncompleteError
        raise DamageError(cut=unfinished and ended)


def holds_partners(value: dict[str, Any]) -> bool:
    """Whether a partner swallowed others: one that lost its end goes on with those after it.

    They are then in its last list.
    """
    for name, field in value.items():
        if type(field) is list and field and type(field[-1]) is dict and "partner" in field[-1]:
            # A person may refer to its organisations by objects.
            refers = name == "contact_of" and "category" not in field[-1]
            if name != "partners" and not refers:
                return True
    return False


def _is_end(text: str, at: int) -> bool:
    """Whether the decoder gave up at the last thing in ``text``, which may be half a thing."""
    return not _STRUCTURE.search(text, at)


def _with_whole_characters(value: Any) -> Any:
    """``value`` with lone halves of characters replaced: they could not be encoded again."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value
