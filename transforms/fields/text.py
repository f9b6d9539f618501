r"""Free text: one Unicode form, no invisible characters, single blanks, one alphabet in a word.

Source: contracts, "Text". Like every cleaner of this package it takes any JSON value and never
raises: what cannot be used comes back as a ``Note``.

>>> clean(" ООО\t  Ромашка\u200b\u00a0 ")
'ООО Ромашка'
>>> clean("Pомашка из Mосквы, Romashka, ЭлектроTech")   # the P and the M were Latin
'Ромашка из Москвы, Romashka, ЭлектроTech'
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import cast

import msgspec

from transforms.core.records import Note

Notes = tuple[Note, ...]

SHOWN = 200
LIMIT = 1000
MANY = 100
_CACHED = 120
_TEXTS = frozenset({str})

LOOKALIKES = str.maketrans("ABCEHKMOPTXYËaceopxykë", "АВСЕНКМОРТХУЁасеорхукё")
_LATIN = re.compile("[A-Za-zËë]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_WORD = re.compile("[A-Za-zËë\u0400-\u04ff]+")


def clean(value: str) -> str:
    r"""The text in NFC, printable, with single blanks inside and none around, look-alikes folded.

    >>> clean("Иванoв\ufeff"), clean("И\u0306од"), clean("а\ud800б\ufffdв\x00г")
    ('Иванов', 'Йод', 'абвг')
    """
    if not value.isprintable() or "\ufffd" in value:
        value = "".join(map(_printable, value))
    if "  " in value or value[:1] == " " or value[-1:] == " ":
        value = " ".join(value.split())
    if value.isascii():
        return value
    if not unicodedata.is_normalized("NFC", value):
        value = unicodedata.normalize("NFC", value)
    return fold(value) if _LATIN.search(value) else value


def _printable(char: str) -> str:
    # Tabs, line ends and the many Unicode blanks are blanks; what else cannot be printed goes.
    if char.isprintable() and char != "\ufffd":
        return char
    return " " if char.isspace() else ""


def fold(value: str) -> str:
    """Latin look-alikes made Cyrillic in words that hold Cyrillic letters as well.

    A word with another Latin letter in it is a mixed brand and stays as it is; so does Latin alone.

    >>> fold("Cезон"), fold("ДжинSы"), fold("OOO")
    ('Сезон', 'ДжинSы', 'OOO')
    """
    folded = _WORD.sub(_fold_word, value)
    return folded if folded == value else unicodedata.normalize("NFC", folded)


def _fold_word(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii():
        return word
    folded = word.translate(LOOKALIKES)
    return word if _LATIN.search(folded) else folded


def has_cyrillic(value: str) -> bool:
    """Whether any Cyrillic letter stands in the text."""
    return _CYRILLIC.search(value) is not None


def parse(value: object, field: str, limit: int = LIMIT) -> tuple[str, Notes]:
    """Clean text out of any JSON value, at most ``limit`` characters; longer text is left out.

    >>> parse(" г.  Москва ", "city"), parse(198096, "postal_code"), parse(None, "site")
    (('г. Москва', ()), ('198096', ()), ('', ()))
    >>> parse(["Москва"], "city")
    ('', (Note(field='city', problem='wrong_type', value='["Москва"]'),))
    """
    if value is None:
        return "", ()
    if not isinstance(value, str):
        number = integer(value)
        if number is None:
            return "", (Note(field, "wrong_type", shown(value)),)
        return str(number), ()
    if len(value) <= limit:
        return clean(value), ()
    # Many blanks around a short value are no reason to lose it.
    short = " ".join(value.split())
    if len(short) <= limit:
        return clean(short), ()
    return "", (Note(field, "too_long", shown(value)),)


def shown(value: object) -> str:
    r"""Any value as at most 200 characters that can be stored and printed, for a note.

    >>> shown("да\ud800"), shown({"a": 1}), len(shown("x" * 10_000_000))
    ('да', '{"a":1}', 200)
    """
    if not isinstance(value, str):
        try:
            value = msgspec.json.encode(value, enc_hook=str).decode()
        except (ValueError, TypeError, OverflowError, RecursionError):
            value = f"a value of type {type(value).__name__}"
    if len(value) > SHOWN:
        value = value[: SHOWN - 1] + "…"
    return value if value.isprintable() else value.encode(errors="ignore").decode()


def integer(value: object) -> int | None:
    """A JSON number without a fraction, or None; JSON writes 7805746764 and 7805746764.0 alike.

    >>> integer(7.0), integer(7.5), integer(True), integer(float("nan")), integer(Decimal("1E+999"))
    (7, None, None, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**24 else None
    if isinstance(value, float):
        # From 2**53 on a float has lost its last digits.
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 24:
        # 4.07E+19 does not tell its last digits either.
        told = cast("int", value.as_tuple().exponent) <= 0 and value == int(value)
        return int(value) if told else None
    return None


def leaves(value: object, field: str) -> tuple[list[object], Notes]:
    """The single values in a JSON list or object, in order; more than 100 are left out and noted.

    >>> leaves(["a", None, {"n": ["b"]}], "phone")
    (['a', 'b'], ())
    >>> leaves("a", "phone")
    (['a'], ())
    """
    if isinstance(value, list) and len(value) <= MANY and _TEXTS.issuperset(map(type, value)):
        return value[:], ()
    found: list[object] = []
    for leaf in _walk(value):
        if len(found) == MANY:
            return found, (Note(field, "too_many", shown(leaf)),)
        found.append(leaf)
    return found, ()


def _walk(value: object) -> Iterator[object]:
    # A stack, not recursion: broken JSON may be nested deeper than Python's stack.
    waiting = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, dict):
            top = list(top.values())
        if isinstance(top, list | tuple):
            waiting.extend(reversed(top))
        elif top is not None:
            yield top


@lru_cache(maxsize=32768)
def _parse_short(value: str, field: str) -> tuple[str, Notes]:
    return parse(value, field)


def parse_common(value: object, field: str) -> tuple[str, Notes]:
    """``parse`` for fields whose values come again and again: positions, cities, banks."""
    if type(value) is str and len(value) <= _CACHED:
        return _parse_short(value, field)
    return parse(value, field)
