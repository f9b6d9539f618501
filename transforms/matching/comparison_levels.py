"""Comparison levels: how well two spellings of a last, first or middle name agree.

Name parts are ``person.compare_key``s: small letters, ё as е; an initial is one letter.
"""

from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache

from rapidfuzz.distance import OSA, Prefix

from transforms.fields.given_names import GIVEN_NAMES
from transforms.matching import patronymics
from transforms.matching.name_forms import (
    are_forms_of_one,
    full_names,
    gender_of_middle,
    is_established,
    stem,
)
from transforms.matching.skeletons import is_latin, skeleton

EXACT, CLOSE, INITIAL, UNKNOWN, DIFFERENT = range(5)
"""Levels of agreement. CLOSE: another form or a slip of the pen; DIFFERENT: two different names."""

LEVEL_NAMES = ("the same", "a form of it", "an initial", "not known", "different")

# In words shorter than these one wrong letter, or two, may as well make another name.
_ONE_SLIP_LETTERS = 5
_TWO_SLIPS_LETTERS = 10
_VOWELS = frozenset("аеиоуыэюяaeiou")


@lru_cache(maxsize=1 << 17)
def last_level(a: str, b: str) -> int:
    """Returns how well two surnames agree.

    >>> [last_level("иванова", x) for x in ("иванова", "иванов", "иваноав", "и", "", "ivanova")]
    [0, 1, 1, 2, 3, 1]
    >>> last_level("петрова водкина", "петрова"), last_level("иванов", "сидоров")
    (1, 4)
    """
    level = _plain_level(a, b)
    if level is not None:
        return level
    if stem(a) == stem(b):
        return CLOSE
    if (is_latin(a) or is_latin(b)) and _are_one_skeleton(skeleton(a), skeleton(b)):
        return CLOSE
    if " " in a + b and set(map(stem, a.split())) & set(map(stem, b.split())):
        return CLOSE
    return CLOSE if _differ_by_slips(stem(a), stem(b), two=True) else DIFFERENT


def _are_one_skeleton(a: str, b: str) -> bool:
    return a == b or _differ_by_slips(a, b)


@lru_cache(maxsize=1 << 17)
def first_level(a: str, b: str) -> int:
    """Returns how well two first names agree.

    >>> [first_level("александр", x) for x in ("саша", "aleksandr", "александ", "а", "алексей")]
    [1, 1, 1, 2, 4]
    """
    level = _plain_level(a, b)
    if level is not None:
        return level
    if full_names(a) & full_names(b) or _is_slip(a, b):
        return CLOSE
    if " " in a + b and set(a.split()) & set(b.split()):
        return CLOSE
    return DIFFERENT


@lru_cache(maxsize=1 << 17)
def middle_level(a: str, b: str) -> int:
    """Returns how well two middle names agree; a son's and a daughter's never do.

    >>> [middle_level("ильич", x) for x in ("ильичь", "ilich", "и", "ильинична", "иванович")]
    [1, 1, 2, 4, 4]
    >>> middle_level("юрьевич", "юриевич"), middle_level("михайлович", "михалыч")
    (1, 1)
    """
    level = _plain_level(a, b)
    if level is not None:
        return level
    genders = {gender_of_middle(a), gender_of_middle(b)} - {""}
    if len(genders) > 1:
        return DIFFERENT
    if patronymics.official(a) == patronymics.official(b) or _is_slip(a, b):
        return CLOSE
    return DIFFERENT


def _plain_level(a: str, b: str) -> int | None:
    """Returns the level where a name is missing or an initial, or both are equal; else None."""
    if not a or not b:
        return UNKNOWN
    if a == b:
        return EXACT if len(a) > 1 else INITIAL
    if len(a) == 1 or len(b) == 1:
        return INITIAL if _initials(a) & _initials(b) else DIFFERENT
    return None


@lru_cache(maxsize=65536)
def _initials(part: str) -> frozenset[str]:
    """Returns the skeletons of the letters that the part, or its full names, may begin with."""
    return frozenset(skeleton(full)[:1] or full[:1] for full in (*full_names(part), part))


def _differ_by_slips(a: str, b: str, two: bool = False) -> bool:
    """Returns whether the two are one slip apart, or, if ``two`` and they are long, two slips."""
    shorter = min(len(a), len(b))
    if shorter < _ONE_SLIP_LETTERS - 1 or max(len(a), len(b)) < _ONE_SLIP_LETTERS:
        return False
    limit = 2 if two and shorter >= _TWO_SLIPS_LETTERS else 1
    return OSA.distance(a, b, score_cutoff=limit) <= limit


class _Slip(Enum):
    """The kinds of slips of the pen, by what they do to a letter."""

    SWAPPED = auto()  # with its neighbour
    DOUBLED = auto()  # or a soft or hard sign that is missing
    LOST = auto()
    VOWEL_FOR_CONSONANT = auto()  # or the other way round: it makes no name
    WRONG = auto()
    FEMININE_ENDING = auto()  # Марлен is a man, Марлена is a woman
    OTHER_ENDING = auto()


# Which slips make one name of two: whatever the name; if one of the two is established; if that
# one, moreover, resembles no other name, for where Марат and Мурат are names, Мират may be one.
_OF_ANY_NAME = frozenset((_Slip.SWAPPED, _Slip.DOUBLED))
_OF_ESTABLISHED_NAME = frozenset((_Slip.LOST, _Slip.VOWEL_FOR_CONSONANT))
_OF_DISTINCTIVE_NAME = frozenset((_Slip.WRONG,))


def _is_slip(a: str, b: str) -> bool:
    """Returns whether a first or middle name is the other in Latin letters, or a slip for it.

    Of two established names neither is a slip for the other.

    >>> [_is_slip("ольга", x) for x in ("олга", "олльга", "олгьа", "одьга", "эльга")]
    [True, True, True, True, False]
    >>> _is_slip("денис", "дкнис"), _is_slip("maratovich", "маартович")
    (True, True)
    >>> _is_slip("maratovich", "муратович"), _is_slip("марат", "мират")
    (False, False)
    >>> _is_slip("марлен", "марлена"), _is_slip("хуршед", "хуршид")
    (False, False)
    """
    established = [name for name in (a, b) if is_established(name)]
    if is_latin(a) or is_latin(b):
        a, b = skeleton(a), skeleton(b)
        if a == b:
            return True
    if len(established) == 2 or a[:1] != b[:1] or not _differ_by_slips(a, b):
        return False
    return _makes_one_name(_slip_between(a, b), established)


def _makes_one_name(slip: _Slip, established: Sequence[str]) -> bool:
    """Returns whether the slip leaves the name the same; at most one name is ``established``."""
    if slip in _OF_ANY_NAME:
        return True
    if not established:
        return False
    return slip in _OF_ESTABLISHED_NAME or (
        slip in _OF_DISTINCTIVE_NAME and _is_distinctive(established[0])
    )


def _slip_between(a: str, b: str) -> _Slip:
    """Returns which slip makes one word of the other; they are one slip apart.

    >>> _slip_between("ольга", "олга").name, _slip_between("хуршед", "хуршид").name
    ('DOUBLED', 'WRONG')
    """
    if sorted(a) == sorted(b):
        return _Slip.SWAPPED
    position = Prefix.similarity(a, b)
    if len(a) == len(b):
        return _wrong_letter(a, b, position)
    longer = max(a, b, key=len)
    letter = longer[position]
    if letter == longer[position - 1] or letter in "ьъ":
        return _Slip.DOUBLED
    is_ending = position == len(longer) - 1 and letter in "ая"
    return _Slip.FEMININE_ENDING if is_ending else _Slip.LOST


def _wrong_letter(a: str, b: str, position: int) -> _Slip:
    if position == len(a) - 1:
        return _Slip.OTHER_ENDING
    vowels = (a[position] in _VOWELS) + (b[position] in _VOWELS)
    return _Slip.VOWEL_FOR_CONSONANT if vowels == 1 else _Slip.WRONG


@lru_cache(maxsize=4096)
def _is_distinctive(name: str) -> bool:
    """Returns whether no other established name differs from it by one letter inside."""
    shape = len(name), name[0], name[-1]
    neighbours = [
        neighbour
        for neighbour in (*GIVEN_NAMES, *patronymics.OFFICIAL)
        if (len(neighbour), neighbour[0], neighbour[-1]) == shape
        and OSA.distance(name, neighbour) == 1
    ]
    return all(are_forms_of_one(name, neighbour) for neighbour in neighbours)
