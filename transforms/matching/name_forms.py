"""The forms in which Russian names are written: short, Latin, feminine; and what they tell.

Name parts are ``person.compare_key``s: small letters, ё as е; an initial is one letter.
"""

import re
from collections import defaultdict
from functools import lru_cache

from rapidfuzz.distance import OSA

from transforms.fields.given_names import GIVEN_NAMES, MEN, WOMEN
from transforms.matching import patronymics
from transforms.matching.short_names import FULL_NAMES
from transforms.matching.skeletons import in_latin, is_latin, skeleton

_SON = re.compile(r".*(?:[оеь]вич|[иь]ич|[тклвм]ич| (?:оглы|оглу|улы|уулу|углы))").fullmatch
_DAUGHTER = re.compile(r".*(?:[оеь]вна|[иь]нична|[^ао]ична| (?:кызы|гызы))").fullmatch
# A surname's ending and the masculine ending that stands for both genders.
_ENDINGS = (
    *(("ская", "ский"), ("цкая", "цкий"), ("ской", "ский"), ("цкой", "цкий")),
    *(("ова", "ов"), ("ева", "ев"), ("ина", "ин"), ("ына", "ын")),
    *(("ая", "ый"), ("ий", "ый"), ("ой", "ый")),
)
_WOMAN_LAST = re.compile(r".{2,}(?:ова|ева|ина|ына|ская|цкая|ая)").fullmatch
_MAN_LAST = re.compile(r".{2,}(?:ов|ев|ин|ын|ский|цкий|ской|цкой|ый)").fullmatch


def _names_by_skeleton() -> dict[str, list[str]]:
    names = defaultdict(list)
    for name in sorted(GIVEN_NAMES | FULL_NAMES.keys()):
        names[skeleton(name)].append(name)
    return dict(names)


_NAMES_BY_SKELETON = _names_by_skeleton()
_MIDDLE_SKELETONS = frozenset(map(skeleton, patronymics.OFFICIAL))


def is_given(word: str) -> bool:
    """Returns whether the word is in our lists of first names, in full or short."""
    return word in GIVEN_NAMES or word in FULL_NAMES


def is_established(word: str) -> bool:
    """Returns whether the word is an initial or in our lists of first and middle names.

    One established name is never a slip of the pen for another.
    """
    if is_given(word) or word in patronymics.OFFICIAL or len(word) == 1:
        return True
    return is_latin(word) and skeleton(word) in _MIDDLE_SKELETONS


def is_patronymic(word: str) -> bool:
    """Returns whether the word ends as a middle name does, in Cyrillic or Latin letters."""
    return bool(gender_of_middle(word)) or word.endswith(("vich", "vna", "ichna"))


@lru_cache(maxsize=65536)
def in_cyrillic(first: str) -> str:
    """Returns a listed first name in Cyrillic for its Latin form; any other name as it is.

    >>> in_cyrillic("aleksey"), in_cyrillic("sasha"), in_cyrillic("john"), in_cyrillic("a")
    ('алексей', 'саша', 'john', 'a')
    >>> in_cyrillic("anna"), in_cyrillic("yana")    # both have one skeleton
    ('анна', 'яна')
    """
    if not is_latin(first) or len(first) == 1:
        return first
    names = _NAMES_BY_SKELETON.get(skeleton(first), [first])
    return min(names, key=lambda name: (OSA.distance(in_latin(name), first), name in FULL_NAMES))


@lru_cache(maxsize=65536)
def full_names(first: str) -> frozenset[str]:
    """Returns the full names that a short one may stand for; of any other name itself."""
    full = FULL_NAMES.get(first)
    if full is None:
        return frozenset((first,))
    return full | {first} if first in GIVEN_NAMES else full


def are_forms_of_one(a: str, b: str) -> bool:
    """Returns whether the two may be forms of one first name, or spellings of one middle name."""
    if full_names(a) & full_names(b):
        return True
    return patronymics.official(a) == patronymics.official(b)


@lru_cache(maxsize=65536)
def stem(last: str) -> str:
    """Returns a surname without its gender: ``иванова`` and ``иванов`` are the same.

    >>> stem("иванова"), stem("дубровская"), stem("бережная") == stem("бережной")
    ('иванов', 'дубровский', True)
    """
    for ending, masculine in _ENDINGS:
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return last[: -len(ending)] + masculine
    return last


@lru_cache(maxsize=65536)
def gender_of_middle(middle: str) -> str:
    """Returns ``m``, ``f`` or "" for a middle name."""
    middle = patronymics.official(middle)
    if _SON(middle) or middle.endswith("vich"):
        return "m"
    return "f" if _DAUGHTER(middle) or middle.endswith(("vna", "ichna")) else ""


@lru_cache(maxsize=65536)
def gender_of_first(first: str) -> str:
    """Returns ``m``, ``f`` or "" for a first name; for a short one if all its full names agree."""
    full = full_names(first)
    man, woman = not full.isdisjoint(MEN), not full.isdisjoint(WOMEN)
    return "" if man == woman else "m" if man else "f"


@lru_cache(maxsize=65536)
def gender_of_last(last: str) -> str:
    """Returns ``m``, ``f`` or "" for a surname."""
    if _WOMAN_LAST(last):
        return "f"
    return "m" if _MAN_LAST(last) else ""
