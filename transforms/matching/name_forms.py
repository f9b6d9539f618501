"""How two spellings of a name part agree: the many forms in which Russian names are written.

Parts are ``person.compare_key``s: small letters, ё as е; an initial is one letter.
"""

import re
from functools import lru_cache
from itertools import product

from rapidfuzz.distance import OSA

from transforms.fields.given_names import GIVEN_NAMES
from transforms.matching.letters import is_latin, skeleton
from transforms.matching.short_names import FULL_NAMES

SAME, CLOSE, INITIAL, UNKNOWN, OTHER = range(5)
"""Levels of agreement. CLOSE: another form or a slip of the pen; OTHER: two different names."""

LEVEL_NAMES = ("the same", "a form of it", "an initial", "not known", "different")

_TYPO_LEAST = 5
_TWO_TYPOS_LEAST = 10
_FEMALE_CONSONANT = frozenset({"любовь", "нинель", "николь", "эдит", "кристин"})
_MALE_VOWEL = frozenset({"илья", "никита", "данила", "савва", "фома", "лука", "кузьма"})
_SON = re.compile(r".*(?:[оеь]вич|[иь]ич|[тклвм]ич| (?:оглы|оглу|улы|уулу|углы))").fullmatch
_DAUGHTER = re.compile(r".*(?:[оеь]вна|[иь]нична|[^ао]ична| (?:кызы|гызы))").fullmatch
# A surname's ending and the masculine one that it is compared by.
_ENDINGS = (
    *(("ская", "ский"), ("цкая", "цкий"), ("ской", "ский"), ("цкой", "цкий")),
    *(("ова", "ов"), ("ева", "ев"), ("ина", "ин"), ("ына", "ын")),
    *(("ая", "ый"), ("ий", "ый"), ("ой", "ый")),
)
_WOMAN_LAST = re.compile(r".{2,}(?:ова|ева|ина|ына|ская|цкая|ая)").fullmatch
_MAN_LAST = re.compile(r".{2,}(?:ов|ев|ин|ын|ский|цкий|ской|цкой|ый)").fullmatch
_BY_SKELETON = {skeleton(name): name for name in sorted(GIVEN_NAMES | FULL_NAMES.keys())}


def is_given(word: str) -> bool:
    """Whether it is a first name that we know, in full or short."""
    return word in GIVEN_NAMES or word in FULL_NAMES


def established(word: str) -> bool:
    """Whether it is a first or middle name that we know: one is no slip for another."""
    return is_given(word) or word in _PATRONYMICS or len(word) == 1


def is_patronymic(word: str) -> bool:
    """Whether it is a middle name by its ending, in Cyrillic or Latin letters."""
    return bool(gender_of_middle(word)) or word.endswith(("vich", "vna", "ichna"))


@lru_cache(maxsize=65536)
def in_cyrillic(first: str) -> str:
    """A first name in Latin letters as we know it in Cyrillic; any other as it is.

    >>> in_cyrillic("aleksey"), in_cyrillic("sasha"), in_cyrillic("john"), in_cyrillic("a")
    ('алексей', 'саша', 'john', 'a')
    """
    return _BY_SKELETON.get(skeleton(first), first) if is_latin(first) else first


@lru_cache(maxsize=65536)
def full_names(first: str) -> frozenset[str]:
    """The full names that a first name may stand for; itself when it is not a short one."""
    full = FULL_NAMES.get(first)
    if full is None:
        return frozenset((first,))
    return full | {first} if first in GIVEN_NAMES else full


@lru_cache(maxsize=65536)
def stem(last: str) -> str:
    """A surname without its gender: ``иванова`` and ``иванов`` are one.

    >>> stem("иванова"), stem("дубровская"), stem("бережная") == stem("бережной")
    ('иванов', 'дубровский', True)
    """
    for ending, masculine in _ENDINGS:
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return last[: -len(ending)] + masculine
    return last


@lru_cache(maxsize=65536)
def gender_of_middle(middle: str) -> str:
    """``m``, ``f`` or "" of a middle name."""
    if _SON(middle) or middle.endswith("vich"):
        return "m"
    return "f" if _DAUGHTER(middle) or middle.endswith(("vna", "ichna")) else ""


@lru_cache(maxsize=65536)
def gender_of_first(first: str) -> str:
    """``m``, ``f`` or "" of a first name; of a short one when all that it stands for agree."""
    found = {"f" if _is_woman(full) else "m" for full in full_names(first) if full in GIVEN_NAMES}
    return found.pop() if len(found) == 1 else ""


def _is_woman(first: str) -> bool:
    if first in _FEMALE_CONSONANT:
        return True
    return first[-1] in "ая" and first not in _MALE_VOWEL


@lru_cache(maxsize=65536)
def gender_of_last(last: str) -> str:
    """``m``, ``f`` or "" of a surname."""
    if _WOMAN_LAST(last):
        return "f"
    return "m" if _MAN_LAST(last) else ""


@lru_cache(maxsize=1 << 17)
def last_level(one: str, other: str) -> int:
    """How two surnames agree.

    >>> [last_level("иванова", x) for x in ("иванова", "иванов", "иваноав", "и", "", "ivanova")]
    [0, 1, 1, 2, 3, 1]
    >>> last_level("петрова водкина", "петрова"), last_level("иванов", "сидоров")
    (1, 4)
    """
    short = _short_level(one, other)
    if short is not None:
        return short
    if stem(one) == stem(other) or _alike(one, other):
        return CLOSE
    words = {stem(word) for word in one.split()}
    if words & {stem(word) for word in other.split()}:
        return CLOSE
    return CLOSE if _mistyped(stem(one), stem(other), two=True) else OTHER


@lru_cache(maxsize=1 << 17)
def first_level(one: str, other: str) -> int:
    """How two first names agree.

    >>> [first_level("александр", x) for x in ("саша", "aleksandr", "александ", "а", "алексей")]
    [1, 1, 1, 2, 4]
    """
    short = _short_level(one, other)
    if short is not None:
        return short
    if full_names(one) & full_names(other) or _alike(one, other):
        return CLOSE
    if " " in one + other and set(one.split()) & set(other.split()):
        return CLOSE
    known = established(one) and established(other)
    return CLOSE if not known and _mistyped(one, other) else OTHER


@lru_cache(maxsize=1 << 17)
def middle_level(one: str, other: str) -> int:
    """How two middle names agree; a son's and a daughter's never do.

    >>> [middle_level("ильич", x) for x in ("ильичь", "ilich", "и", "ильинична", "иванович")]
    [1, 1, 2, 4, 4]
    """
    short = _short_level(one, other)
    if short is not None:
        return short
    genders = {gender_of_middle(one), gender_of_middle(other)} - {""}
    if len(genders) > 1:
        return OTHER
    if _alike(one, other):
        return CLOSE
    known = established(one) and established(other)
    return CLOSE if not known and _mistyped(one, other) else OTHER


def _short_level(one: str, other: str) -> int | None:
    if not one or not other:
        return UNKNOWN
    if one == other:
        return SAME if len(one) > 1 else INITIAL
    if len(one) == 1 or len(other) == 1:
        return INITIAL if _letters(one) & _letters(other) else OTHER
    return None


@lru_cache(maxsize=65536)
def _letters(part: str) -> frozenset[str]:
    """What the part may begin with, in the skeleton's letters: a short name begins as its full."""
    return frozenset(skeleton(full)[:1] or full[:1] for full in (*full_names(part), part))


def _alike(one: str, other: str) -> bool:
    """The same but for the alphabet."""
    if is_latin(one) == is_latin(other) and not is_latin(one):
        return False
    mine, its = skeleton(one), skeleton(other)
    return mine == its or _mistyped(mine, its)


def _mistyped(one: str, other: str, two: bool = False) -> bool:
    shorter = min(len(one), len(other))
    if shorter < _TYPO_LEAST - 1 or max(len(one), len(other)) < _TYPO_LEAST:
        return False
    most = 2 if two and shorter >= _TWO_TYPOS_LEAST else 1
    return OSA.distance(one, other, score_cutoff=most) <= most


def _patronymics() -> frozenset[str]:
    """The middle names made of the first names that we know: one is not a slip for another."""
    found: set[str] = set()
    for name in GIVEN_NAMES - FULL_NAMES.keys():
        if not _is_woman(name):
            found.update(root + end for root, end in product(_roots(name), ("ич", "на")))
    return frozenset(found)


def _roots(name: str) -> tuple[str, ...]:
    if name.endswith("ий"):
        return name[:-2] + "ьев", name[:-2] + "иев"
    if name.endswith(("й", "ь")):
        return (name[:-1] + "ев",)
    return (name + "ов",)


_PATRONYMICS = _patronymics()
