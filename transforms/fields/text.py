r"""Free text: one Unicode form, no invisible characters, single blanks, one alphabet in a word.

Source: contracts/fields, "Text". Like every field of this package it takes any JSON value and never
raises: a value that cannot be used is returned as a ``Note``.

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

EXCERPT_LENGTH = 200
MOST_CHARACTERS = 1000
MOST_VALUES = 100
_LONGEST_CACHED = 120
_TEXTS = frozenset({str})

LOOKALIKES = str.maketrans("ABCEHKMOPTXYËaceopxykë", "АВСЕНКМОРТХУЁасеорхукё")
_LATIN = re.compile("[A-Za-zËë]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_WORD = re.compile("[A-Za-zËë\u0400-\u04ff]+")


def clean(value: str) -> str:
    r"""Returns the text in NFC, printable, with single blanks inside and look-alikes folded.

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
    # Tabs, line ends and all Unicode blanks become a blank; other unprintable characters go.
    if char.isprintable() and char != "\ufffd":
        return char
    return " " if char.isspace() else ""


def fold(value: str) -> str:
    """Replaces Latin look-alikes by Cyrillic letters in words that contain Cyrillic letters too.

    A word with any other Latin letter is a mixed brand name and stays unchanged; so does a Latin
    word.

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
    """Whether the text contains a Cyrillic letter."""
    return _CYRILLIC.search(value) is not None


def parse(value: object, field: str, limit: int = MOST_CHARACTERS) -> tuple[str, Notes]:
    """Returns clean text of any JSON value; a text above ``limit`` characters is left out.

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
            return "", (Note(field, "wrong_type", excerpt(value)),)
        return str(number), ()
    if len(value) <= limit:
        return clean(value), ()
    # A short value with many blanks around it is not too long.
    short = " ".join(value.split())
    if len(short) <= limit:
        return clean(short), ()
    return "", (Note(field, "too_long", excerpt(value)),)


def excerpt(value: object) -> str:
    r"""Returns at most 200 characters of any value, which every database can hold, for a note.

    >>> excerpt("да\ud800\0"), excerpt({"a": 1}), len(excerpt("x" * 10_000_000))
    ('да', '{"a":1}', 200)
    """
    if not isinstance(value, str):
        try:
            value = msgspec.json.encode(value, enc_hook=str).decode()
        except (ValueError, TypeError, OverflowError, RecursionError):
            value = f"a value of type {type(value).__name__}"
    if len(value) > EXCERPT_LENGTH:
        value = value[: EXCERPT_LENGTH - 1] + "…"
    if value.isprintable():
        return value
    return value.encode(errors="ignore").decode().replace("\0", "")


def integer(value: object) -> int | None:
    """Returns a JSON number without a fraction, or None; in JSON, 7 and 7.0 are equal.

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
    return _decimal_integer(value) if isinstance(value, Decimal) else None


def _decimal_integer(value: Decimal) -> int | None:
    if not value.is_finite() or value.adjusted() >= 24:
        return None
    # 4.07E+19 has lost its last digits too.
    is_exact = cast("int", value.as_tuple().exponent) <= 0 and value == int(value)
    return int(value) if is_exact else None


def leaf_values(value: object, field: str) -> tuple[list[object], Notes]:
    """Returns the single values in a JSON value, in order; those above 100 are left out and noted.

    >>> leaf_values(["a", None, {"n": ["b"]}], "phone")
    (['a', 'b'], ())
    >>> leaf_values("a", "phone")
    (['a'], ())
    """
    if (
        isinstance(value, list)
        and len(value) <= MOST_VALUES
        and _TEXTS.issuperset(map(type, value))
    ):
        return value[:], ()
    leaves: list[object] = []
    for leaf in _walk(value):
        if len(leaves) == MOST_VALUES:
            return leaves, (Note(field, "too_many", excerpt(leaf)),)
        leaves.append(leaf)
    return leaves, ()


def _walk(value: object) -> Iterator[object]:
    # A stack, not recursion: broken JSON may be nested deeper than Python's stack.
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list | tuple):
            stack.extend(reversed(value))
        elif value is not None:
            yield value


@lru_cache(maxsize=32768)
def _parse_short(value: str, field: str) -> tuple[str, Notes]:
    return parse(value, field)


def parse_cached(value: object, field: str) -> tuple[str, Notes]:
    """Returns what ``parse`` does, cached: for frequent values such as positions, cities, banks."""
    if type(value) is str and len(value) <= _LONGEST_CACHED:
        return _parse_short(value, field)
    return parse(value, field)
