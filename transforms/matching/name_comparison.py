"""Names of two clusters compared: the comparison level of each part, and the guards.

A guard forbids that two clusters are one person, whatever else speaks for it.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from transforms.matching.comparison_levels import (
    CLOSE,
    DIFFERENT,
    EXACT,
    UNKNOWN,
    first_level,
    last_level,
    middle_level,
)
from transforms.matching.name_forms import is_established
from transforms.matching.profiles import Name, gender_of

_LEVEL_OF = (last_level, first_level, middle_level)
_LAST, _FIRST, _MIDDLE = range(3)
# No more spellings of a part than this are compared: work stays bounded.
_MAX_SPELLINGS = 12


class Names(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The names of a cluster: all spellings of each part of the name, and their genders.

    ``by_judgement``: people said that the rows are one person, so spellings may differ.
    Equality is identity, so that caches of comparisons answer fast.
    """

    parts: tuple[tuple[str, ...], ...]
    genders: frozenset[str]
    by_judgement: bool = False


# Most rows of a person bear one name, and so do the clusters that are made of them: the same names
# and the same pairs of names come again soon, and caches may be small.
@lru_cache(maxsize=4096)
def names_of(name: Name) -> Names:
    """Returns a single row's name."""
    gender = gender_of(name)
    return Names(
        tuple([(part,) if part else () for part in (name.last, name.first, name.middle)]),
        frozenset((gender,)) if gender else frozenset(),
    )


def merge_names(a: Names, b: Names) -> Names:
    """Returns the names of both clusters as one cluster's."""
    parts = [
        a_part if a_part == b_part else tuple(sorted({*a_part, *b_part}))[:_MAX_SPELLINGS]
        for a_part, b_part in zip(a.parts, b.parts, strict=True)
    ]
    return Names(tuple(parts), a.genders | b.genders, a.by_judgement or b.by_judgement)


class NameComparison(NamedTuple):
    """The comparison of two names, by last, first and middle name.

    ``values`` are those that both have, "" where there is none; ``veto`` is the guard's reason why
    the two cannot be one person, "" when there is none.
    """

    levels: tuple[int, int, int]
    values: tuple[str, str, str]
    veto: str


@lru_cache(maxsize=4096)
def compare_names(a: Names, b: Names) -> NameComparison:
    """Returns how well the names agree in each part, and whether a guard forbids the two."""
    by_judgement = a.by_judgement or b.by_judgement
    last = _compare_part(_LAST, a.parts[_LAST], b.parts[_LAST], by_judgement)
    first = _compare_part(_FIRST, a.parts[_FIRST], b.parts[_FIRST], by_judgement)
    middle = _compare_part(_MIDDLE, a.parts[_MIDDLE], b.parts[_MIDDLE], by_judgement)
    return NameComparison(
        (last.level, first.level, middle.level),
        (last.value, first.value, middle.value),
        _veto(a, b, last, first, middle),
    )


class _PartComparison(NamedTuple):
    """The best level among the spellings of a part, and the value that both have.

    ``clash``: the part alone forbids that the two are one person.
    """

    level: int
    value: str = ""
    clash: bool = False


def _veto(
    a: Names, b: Names, last: _PartComparison, first: _PartComparison, middle: _PartComparison
) -> str:
    if a.genders and b.genders and _genders_clash(a, b):
        return "a man's name and a woman's"
    if middle.clash:
        return "different middle names"
    if first.clash:
        return "different first names"
    if last.clash and not _may_have_married(a, b, first, middle):
        return "different last names"
    return ""


def _genders_clash(a: Names, b: Names) -> bool:
    if a.by_judgement or b.by_judgement:
        return len(a.genders & b.genders) != 1
    return len(a.genders | b.genders) != 1


def _may_have_married(a: Names, b: Names, first: _PartComparison, middle: _PartComparison) -> bool:
    """Returns whether it is a woman whose other names agree: her surname may change."""
    is_woman = (a.genders or b.genders) == {"f"}
    return is_woman and first.level <= CLOSE and middle.level <= CLOSE


@lru_cache(maxsize=16384)
def _compare_part(
    part: int, a: tuple[str, ...], b: tuple[str, ...], by_judgement: bool
) -> _PartComparison:
    if not a or not b:
        return _PartComparison(UNKNOWN)
    compare = _LEVEL_OF[part]
    levels = {(x, y): compare(x, y) for x in a for y in b}
    value = _longest_common(a, b)
    level = EXACT if value else min(levels.values())
    return _PartComparison(level, value, a != b and _clash(part, levels, by_judgement))


def _longest_common(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    common = [value for value in a if len(value) > 1 and value in b]
    return max(common, key=lambda value: (len(value), value), default="")


def _clash(part: int, levels: Mapping[tuple[str, str], int], by_judgement: bool) -> bool:
    """Returns whether any two spellings contradict each other; after a judgement: all of them."""
    different = [pair for pair, level in levels.items() if level == DIFFERENT]
    if not different:
        return False
    if by_judgement or len(different) == len(levels):
        return len(different) == len(levels)
    spellings = {spelling for pair in levels for spelling in pair}
    return not all(_are_bridged(part, x, y, spellings) for x, y in different)


def _are_bridged(part: int, x: str, y: str, spellings: set[str]) -> bool:
    """Returns whether both are slips for a third spelling, from which each differs less."""
    if part != _LAST and is_established(x) and is_established(y):
        return False
    compare = _LEVEL_OF[part]
    return any(
        len(spelling) > 1 and compare(spelling, x) <= CLOSE and compare(spelling, y) <= CLOSE
        for spelling in spellings
    )


def count_different_people(names: Iterable[Names], limit: int) -> int:
    """Returns how many of the names cannot be one person with any counted before.

    Names without a first name do not count. Counting stops above ``limit``.
    """
    counted: list[Names] = []
    for candidate in dict.fromkeys(names):
        if candidate.parts[_FIRST] and all(
            compare_names(candidate, rival).veto for rival in counted
        ):
            counted.append(candidate)
            if len(counted) > limit:
                break
    return len(counted)
