"""A JSON file as a moving window of text: values are decoded, or passed over, as they come."""

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from transforms.core.errors import SvodError
from transforms.stores.export.json_values import scan
from transforms.stores.files.encodings import byte_counter, text_decoder
from transforms.stores.files.text_lines import Damage

MOST_CHARACTERS = 1 << 24
"""The most characters of a value: this bounds the memory that damage can take."""

_BLANKS = re.compile(r"[ \t\r\n]*")
# What matters in a value that is passed over: brackets, and texts, which may hold brackets.
_TOKEN = re.compile(r'[\[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_WHOLE_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL).fullmatch
_STRUCTURE = re.compile(r'[][{}:,"]')
_SURROGATE = re.compile(r"\\u[dD]")
_BYTE_ORDER_MARK = "\ufeff"


class JsonDamageError(SvodError):
    """No value can be read here; ``is_cut``: because the file ends."""

    def __init__(self, is_cut: bool = False) -> None:
        super().__init__("no value can be read")
        self.is_cut = is_cut


class JsonText:
    """The window ``text`` on a file; ``position`` is where its reader stands."""

    def __init__(self, chunks: Iterator[bytes], encoding: str) -> None:
        self.text = ""
        self.position = 0
        self.ended = False
        self.replaced = 0
        self.damage: Damage = ""
        self._chunks = chunks
        self._decoder = text_decoder(encoding)
        self._count_bytes = byte_counter(encoding)
        # The bytes of the file in front of a place in the window.
        self._passed_bytes, self._measured = 0, 0
        self._is_beginning = True

    def more(self, count: int = 1) -> bool:
        """Drop the text before the position and add ``count`` characters; false at the end."""
        self.offset()
        parts = [self.text[self.position :]]
        missing = count
        while missing > 0 and not self.ended:
            parts.append(self._next())
            missing -= len(parts[-1])
        self.text, self.position, self._measured = "".join(parts), 0, 0
        return missing < count

    def peek(self) -> str:
        """Move to the next character that is not blank and return it; empty at the end."""
        while True:
            blanks = _BLANKS.match(self.text, self.position)
            self.position = blanks.end() if blanks else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.more():
                return ""

    def expect(self, characters: str) -> str:
        """Step over the next character that is not blank and return it.

        Raises:
            JsonDamageError: it is none of ``characters``.
        """
        character = self.peek()
        if not character or character not in characters:
            raise JsonDamageError(not character)
        self.position += 1
        return character

    def read_value(self) -> Any:
        """Step over the next value and return it.

        Raises:
            JsonDamageError: no value begins here, or it is too long.
        """
        if not self.peek():
            raise JsonDamageError(True)
        while True:
            try:
                value, end = self.decode()
            except _UnfinishedError:
                # Double the text: growing by chunks would decode a long value too often.
                self._double()
            else:
                self.position = end
                return value

    def peek_value(self) -> Any:
        """The value that begins at the position, which stays.

        Raises:
            JsonDamageError: no value begins here, or it is too long.
        """
        while True:
            try:
                return self.decode()[0]
            except _UnfinishedError:
                self._double()

    def decode(self) -> tuple[Any, int]:
        """Decode the value at the position; returns also where it ends.

        Raises:
            JsonDamageError: no value begins here, or it is too long.
        """
        text, start = self.text, self.position
        try:
            value, end = scan(text, start)
        except (ValueError, StopIteration, RecursionError) as error:
            is_unfinished = _is_unfinished(text, error)
        else:
            if self.ended or end < len(text) or text[end - 1] in '}]"':
                return _without_surrogates(value, text[start:end]), end
            is_unfinished = True
        if is_unfinished and not self.ended and len(text) - start < MOST_CHARACTERS:
            raise _UnfinishedError
        raise JsonDamageError(is_unfinished and self.ended)

    def skip_value(self) -> None:
        """Step over the next value, of any length.

        Raises:
            JsonDamageError: it ends too early, or no value begins here.
        """
        try:
            self.read_value()
        except JsonDamageError:
            # What is broken stays in the window: there may be records in it.
            if len(self.text) - self.position < MOST_CHARACTERS or self.peek() not in ("{", "["):
                raise
            self._skip_brackets()

    def _skip_brackets(self) -> None:
        depth = 0
        while True:
            for token in _TOKEN.finditer(self.text, self.position):
                if token[0][0] == '"' and not _WHOLE_TEXT(token[0]):
                    # The window cuts the text.
                    self.position = token.start()
                    break
                self.position = token.end()
                depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
                if depth == 0:
                    return
            else:
                self.position = len(self.text)
            if len(self.text) - self.position > MOST_CHARACTERS or not self._double():
                raise JsonDamageError(self.ended)

    def _double(self) -> bool:
        """Double the text behind the position; false at the file's end."""
        return self.more(max(len(self.text) - self.position, 1))

    def offset(self) -> int:
        """Returns the position in bytes from the start of the unpacked file."""
        if self.position > self._measured:
            self._passed_bytes += self._count_bytes(self.text[self._measured : self.position])
            self._measured = self.position
        return self._passed_bytes

    def _next(self) -> str:
        try:
            data = next(self._chunks, b"")
        except EOFError:
            data, self.damage = b"", "file_cut"
        except zlib.error:
            data, self.damage = b"", "broken_gzip"
        self.ended = not data
        text = self._decoder.decode(data, self.ended)
        self.replaced += text.count("\ufffd")
        if text and self._is_beginning:
            self._is_beginning = False
            if text.startswith(_BYTE_ORDER_MARK):
                self._passed_bytes += self._count_bytes(_BYTE_ORDER_MARK)
                return text[1:]
        return text


class _UnfinishedError(Exception):
    """The window ends before the value does."""


def _is_unfinished(text: str, error: Exception) -> bool:
    """Whether decoding failed at the end of ``text``, where a value may be cut."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg.startswith("Unterminated") or not _STRUCTURE.search(text, error.pos)
    return isinstance(error, StopIteration) and not _STRUCTURE.search(text, error.value)


def _without_surrogates(value: Any, text: str) -> Any:
    """Replaces lone halves of surrogate pairs, which could not be encoded again."""
    if not _SURROGATE.search(text):
        return value
    plain = json.dumps(value, ensure_ascii=False)
    return json.loads(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
