"""Names across alphabets: one skeleton for the Cyrillic word and for its Latin transliterations."""

import re
from functools import lru_cache

_CYRILLIC = dict(
    zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "abvgdeejziiklmnoprstufhc4ww i eua", strict=True)
) | {"ъ": "", "ь": ""}
_ROMAN = {
    **dict(zip("абвгдеёзийклмнопрстуфыэ", "abvgdeeziyklmnoprstufye", strict=True)),
    **dict(zip("жхцчшщюя", ("zh", "kh", "ts", "ch", "sh", "shch", "yu", "ya"), strict=True)),
    **dict.fromkeys("ъь", ""),
}
_LATIN = {
    **dict.fromkeys(("shch", "sch", "shh", "sh"), "w"),
    **dict.fromkeys(("zh",), "j"),
    **dict.fromkeys(("kh",), "h"),
    **dict.fromkeys(("ts", "tz"), "c"),
    **dict.fromkeys(("yu", "iu", "ju"), "u"),
    **dict.fromkeys(("ya", "ia", "ja"), "a"),
    **dict.fromkeys(("yo", "jo", "ye", "je"), "e"),
    **dict.fromkeys(("ck", "c", "q"), "k"),
    **dict.fromkeys(("y", "j"), "i"),
    **dict.fromkeys(("'", "`"), ""),
    "ch": "4",
    "ph": "f",
    "x": "ks",
    "w": "v",
}
# Longest first: "shch" is matched before "sh".
_LATIN_LETTERS = re.compile("|".join(sorted(_LATIN, key=len, reverse=True)))
_SOFT = re.compile(r"i(?=[aeou])")
_DOUBLED = re.compile(r"(.)\1+")


def is_latin(word: str) -> bool:
    """Returns whether the word is written in Latin letters."""
    return word[:1].isascii() and word[:1].isalpha()


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """Returns what a small-letter word and all of its transliterations share.

    >>> skeleton("щукин") == skeleton("shchukin") == skeleton("schukin")
    True
    >>> skeleton("юлия") == skeleton("yuliya") == skeleton("iuliia") == skeleton("julia")
    True
    """
    if is_latin(word):
        plain = _LATIN_LETTERS.sub(lambda match: _LATIN[match[0]], word)
    else:
        plain = "".join(_CYRILLIC.get(letter, letter) for letter in word)
    return _DOUBLED.sub(r"\1", _SOFT.sub("", plain))


def in_latin(word: str) -> str:
    """Returns a small-letter Cyrillic word in its most usual transliteration.

    >>> in_latin("щукин"), in_latin("юлия")
    ('shchukin', 'yuliya')
    """
    return "".join(_ROMAN.get(letter, letter) for letter in word)
