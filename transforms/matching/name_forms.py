"""How two spellings of a name part agree: the many forms in which Russian names are written.

Parts are ``person.compare_key``s: small letters, ё as е; an initial is one letter.
"""

import re
from collections import defaultdict
from functools import lru_cache

from rapidfuzz.distance import OSA

from transforms.fields.given_names import GIVEN_NAMES, MEN, WOMEN
from transforms.matching import patronymics
from transforms.matching.short_names import FULL_NAMES
from transforms.matching.skeletons import in_latin, is_latin, skeleton

SAME, CLOSE, INITIAL, UNKNOWN, OTHER = range(5)
"""Levels of agreement. CLOSE: another form or a slip of the pen; OTHER: two different names."""

LEVEL_NAMES = ("the same", "a form of it", "an initial", "not known", "different")

_TYPO_LEAST = 5
_TWO_TYPOS_LEAST = 10
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


def _by_skeleton() -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in sorted(GIVEN_NAMES | FULL_NAMES.keys()):
        found[skeleton(name)].append(name)
    return dict(found)


_BY_SKELETON = _by_skeleton()
_MIDDLE_SKELETONS = frozenset(map(skeleton, patronymics.OFFICIAL))
_VOWELS = frozenset("аеиоуыэюяaeiou")


def is_given(word: str) -> bool:
    """Whether it is a first name that we know, in full or short."""
    return word in GIVEN_NAMES or word in FULL_NAMES


def established(word: str) -> bool:
    """Whether it is a first or middle name that we know: one is no slip for another."""
    if is_given(word) or word in patronymics.OFFICIAL or len(word) == 1:
        return True
    return is_latin(word) and skeleton(word) in _MIDDLE_SKELETONS


def is_patronymic(word: str) -> bool:
    """Whether it is a middle name by its ending, in Cyrillic or Latin letters."""
    return bool(gender_of_middle(word)) or word.endswith(("vich", "vna", "ichna"))


@lru_cache(maxsize=65536)
def in_cyrillic(first: str) -> str:
    """A first name in Latin letters as we know it in Cyrillic; any other as it is.

    >>> in_cyrillic("aleksey"), in_cyrillic("sasha"), in_cyrillic("john"), in_cyrillic("a")
    ('алексей', 'саша', 'john', 'a')
    >>> in_cyrillic("anna"), in_cyrillic("yana")    # of one skeleton
    ('анна', 'яна')
    """
    if not is_latin(first) or len(first) == 1:
        return first
    names = _BY_SKELETON.get(skeleton(first), [first])
    return min(names, key=lambda name: (OSA.distance(in_latin(name), first), name in FULL_NAMES))


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
    middle = patronymics.official(middle)
    if _SON(middle) or middle.endswith("vich"):
        return "m"
    return "f" if _DAUGHTER(middle) or middle.endswith(("vna", "ichna")) else ""


@lru_cache(maxsize=65536)
def gender_of_first(first: str) -> str:
    """``m``, ``f`` or "" of a first name; of a short one when all that it stands for agree."""
    full = full_names(first)
    man, woman = not full.isdisjoint(MEN), not full.isdisjoint(WOMEN)
    return "" if man == woman else "m" if man else "f"


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
    if stem(one) == stem(other):
        return CLOSE
    if is_latin(one) or is_latin(other):
        mine, its = skeleton(one), skeleton(other)
        if mine == its or _mistyped(mine, its):
            return CLOSE
    if " " in one + other and set(map(stem, one.split())) & set(map(stem, other.split())):
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
    if full_names(one) & full_names(other) or _slip(one, other):
        return CLOSE
    if " " in one + other and set(one.split()) & set(other.split()):
        return CLOSE
    return OTHER


@lru_cache(maxsize=1 << 17)
def middle_level(one: str, other: str) -> int:
    """How two middle names agree; a son's and a daughter's never do.

    >>> [middle_level("ильич", x) for x in ("ильичь", "ilich", "и", "ильинична", "иванович")]
    [1, 1, 2, 4, 4]
    >>> middle_level("юрьевич", "юриевич"), middle_level("михайлович", "михалыч")
    (1, 1)
    """
    short = _short_level(one, other)
    if short is not None:
        return short
    genders = {gender_of_middle(one), gender_of_middle(other)} - {""}
    if len(genders) > 1:
        return OTHER
    if patronymics.official(one) == patronymics.official(other) or _slip(one, other):
        return CLOSE
    return OTHER


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


def _mistyped(one: str, other: str, two: bool = False) -> bool:
    shorter = min(len(one), len(other))
    if shorter < _TYPO_LEAST - 1 or max(len(one), len(other)) < _TYPO_LEAST:
        return False
    most = 2 if two and shorter >= _TWO_TYPOS_LEAST else 1
    return OSA.distance(one, other, score_cutoff=most) <= most


def _slip(one: str, other: str) -> bool:
    """Whether one first or middle name is the other in Latin letters, or a slip of the pen for it.

    Of two names that we know none is. Where we know one, a letter may be lost, doubled or in its
    neighbour's place; a wrong letter is a slip only in a name that no other resembles, for where
    Marat and Murat are names, Mirat may be one as well, or where it makes no name. Where we know
    neither, only a doubled letter and one in its neighbour's place are.

    >>> [_slip("ольга", x) for x in ("олга", "олльга", "олгьа", "одьга", "эльга")]
    [True, True, True, True, False]
    >>> _slip("денис", "дкнис"), _slip("maratovich", "маартович"), _slip("maratovich", "муратович")
    (True, True, False)
    >>> _slip("марат", "мират"), _slip("марлен", "марлена"), _slip("хуршед", "хуршид")
    (False, False, False)
    """
    mine, its = established(one), established(other)
    known = one if mine else other
    if is_latin(one) or is_latin(other):
        one, other = skeleton(one), skeleton(other)
        if one == other:
            return True
    if (mine and its) or one[:1] != other[:1] or not _mistyped(one, other):
        return False
    if sorted(one) == sorted(other):
        return True
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), -1)
    if len(one) != len(other):
        longer = max(one, other, key=len)
        letter = longer[at]
        if letter == longer[at - 1] or letter in "ьъ":
            return True
        # "Марлен" is a man, "Марлена" is a woman.
        return (mine or its) and not (at == -1 and letter in "ая")
    # A vowel for a consonant makes no name.
    strange = (one[at] in _VOWELS) != (other[at] in _VOWELS)
    return (mine or its) and at != len(one) - 1 and (strange or _unlike_others(known))


@lru_cache(maxsize=4096)
def _unlike_others(known: str) -> bool:
    """Whether no other name that we know differs from it by one letter inside."""
    shape = len(known), known[0], known[-1]
    near = [
        other
        for other in (*GIVEN_NAMES, *patronymics.OFFICIAL)
        if (len(other), other[0], other[-1]) == shape and OSA.distance(known, other) == 1
    ]
    return all(_one_name(known, other) for other in near)


def _one_name(one: str, other: str) -> bool:
    """Whether the two are forms of one first name, or spellings of one middle name."""
    if full_names(one) & full_names(other):
        return True
    return patronymics.official(one) == patronymics.official(other)
