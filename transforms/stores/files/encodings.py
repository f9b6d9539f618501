"""The encodings of files: which one a name means, and whether a file is plainly in another."""

import codecs
from collections.abc import Callable

_ASCII = bytes(range(128))
# The marks that tell UTF-8, UTF-16 and UTF-32 at the beginning of a file; the longer ones first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A file of so few bytes beyond ASCII may be in any encoding.
_FEWEST_TELLING_BYTES = 8
# The end of a piece may cut a character of UTF-8.
_LONGEST_CUT = 3


def canonical_name(name: str) -> str:
    """The encoding's canonical name; empty when there is no text encoding of this name.

    >>> canonical_name("Windows-1251"), canonical_name("UTF8"), canonical_name("base64")
    ('cp1251', 'utf-8', '')
    """
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return ""
    return codec.name if codec._is_text_encoding else ""


def marked_encoding(head: bytes) -> str:
    """The encoding that the byte order mark of a file tells; empty where there is none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def text_decoder(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder that makes U+FFFD of what is not in the encoding; a leading mark may remain."""
    return codecs.getincrementaldecoder(encoding)("replace")


def byte_counter(encoding: str) -> Callable[[str], int]:
    """Counts the bytes that a text takes in a file; each U+FFFD stands for one byte."""
    # Without a byte order: with one, each text would begin with a mark.
    codec = f"{encoding}-le" if encoding in ("utf-16", "utf-32") else encoding
    encode = codecs.getencoder(codec)
    return lambda text: len(encode(text.replace("\ufffd", "?"), "replace")[0])


def other_encoding(head: bytes, encoding: str) -> str:
    """Why a file that begins like this is plainly not in ``encoding``; empty where it may be.

    >>> other_encoding("Общество «Ромашка»".encode("cp1251"), "utf-8")
    'it is not in utf-8'
    >>> other_encoding("Общество «Ромашка»".encode(), "cp1251"), other_encoding(b"OOO", "cp1251")
    ('it is in utf-8', '')
    """
    marked = marked_encoding(head)
    if marked and not encoding.startswith(marked):
        return f"it is in {marked}"
    if encoding.startswith(("utf-16", "utf-32")):
        return "" if marked or b"\0" in head else f"it is not in {encoding}"
    if head.count(0) > len(head) // 5:
        return "it is in utf-16"
    return _misread(head, encoding)


def _misread(head: bytes, encoding: str) -> str:
    telling = len(head.translate(None, delete=_ASCII))
    invalid = len(head) - len(head.decode("utf-8", "ignore").encode())
    if telling < _FEWEST_TELLING_BYTES:
        return ""
    if encoding == "utf-8":
        return "it is not in utf-8" if invalid > max(_FEWEST_TELLING_BYTES, telling // 2) else ""
    return "it is in utf-8" if invalid <= _LONGEST_CUT else ""
