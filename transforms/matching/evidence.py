"""Two groups of rows held against each other: what speaks for one person, and what forbids it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from transforms.matching.model import (
    DIFFERENT,
    NEITHER,
    PARTS,
    SHARED,
    Model,
    circumstances,
    told,
)
from transforms.matching.name_forms import (
    CLOSE,
    LEVEL_NAMES,
    OTHER,
    SAME,
    UNKNOWN,
    established,
    first_level,
    last_level,
    middle_level,
)
from transforms.matching.profiles import Name, Profile, gender_of

_LEVEL_OF = (last_level, first_level, middle_level)
# More spellings of a part than this are not held against each other: work stays bounded.
_MOST_SPELLINGS = 12
# Each further person who has the number or box, in bits.
_CROWD = 2.0

Strings = frozenset[str]


class Names(msgspec.Struct, frozen=True, eq=False, gc=False):
    """How a group is called: all spellings of the name's parts, and whose names they are.

    ``told``: it is a group because somebody said so, and its spellings may contradict each other.
    Names are equal when they are one object, so that what is known of two is found at once.
    """

    parts: tuple[tuple[str, ...], ...]
    genders: Strings
    told: bool = False


class Side(msgspec.Struct, frozen=True, gc=False):
    """A group of rows taken as one person: its names, and all that it has.

    ``judged`` are those of its rows that somebody has said something of.
    """

    names: Names
    mobiles: Strings
    boxes: Strings
    extensions: Strings
    tins: Strings
    judged: Strings = frozenset()


class Finding(NamedTuple):
    """One line of evidence: what was compared, how it stands, its weight in bits."""

    what: str
    how: str
    bits: float


def side_of(profile: Profile, judged: Strings = frozenset()) -> Side:
    """Rows of one profile as a side."""
    return Side(
        _names_of(profile.name),
        frozenset(profile.mobiles),
        frozenset(profile.boxes),
        frozenset(profile.extensions),
        frozenset(profile.tins),
        judged,
    )


# A person's rows mostly bear one name, and so do the groups that are made of them: what has been
# found of a name, or of two, is asked for again at once.
@lru_cache(maxsize=4096)
def _names_of(name: Name) -> Names:
    gender = gender_of(name)
    return Names(
        tuple([(part,) if part else () for part in (name.last, name.first, name.middle)]),
        frozenset((gender,)) if gender else frozenset(),
    )


def without(side: Side, shared: Strings) -> Side:
    """The side without the numbers and boxes that too many people share: they are nobody's."""
    return msgspec.structs.replace(
        side,
        mobiles=side.mobiles - shared,
        boxes=side.boxes - shared,
        extensions=side.extensions - shared,
    )


def unite(one: Side, other: Side) -> Side:
    """Both groups as one."""
    return Side(
        one.names if one.names is other.names else _unite_names(one.names, other.names),
        one.mobiles | other.mobiles,
        one.boxes | other.boxes,
        one.extensions | other.extensions,
        one.tins | other.tins,
        one.judged | other.judged,
    )


def _unite_names(one: Names, other: Names) -> Names:
    parts = [
        mine if mine == its else tuple(sorted({*mine, *its}))[:_MOST_SPELLINGS]
        for mine, its in zip(one.parts, other.parts, strict=True)
    ]
    return Names(tuple(parts), one.genders | other.genders, one.told or other.told)


def forbidden(one: Side, other: Side) -> str:
    """What forbids that the two are one person, "" when nothing does."""
    return _agreement(one.names, other.names).contradiction


class _Agreement(NamedTuple):
    """How two names agree in each part, by level, the values that both have, and what forbids."""

    levels: tuple[int, int, int]
    values: tuple[str, str, str]
    contradiction: str


@lru_cache(maxsize=4096)
def _agreement(one: Names, other: Names) -> _Agreement:
    one_group = one.told or other.told
    mine, its = one.parts, other.parts
    last = _part_agreement(0, mine[0], its[0], one_group)
    first = _part_agreement(1, mine[1], its[1], one_group)
    middle = _part_agreement(2, mine[2], its[2], one_group)
    genders = one.genders & other.genders if one_group else one.genders | other.genders
    contradiction = ""
    if one.genders and other.genders and len(genders) != 1:
        contradiction = "a man's name and a woman's"
    elif middle.clash:
        contradiction = "different middle names"
    elif first.clash:
        contradiction = "different first names"
    elif last.clash:
        # A woman's surname may change, when the rest of the name is there and agrees.
        woman = (one.genders or other.genders) == {"f"}
        if not (woman and first.level <= CLOSE and middle.level <= CLOSE):
            contradiction = "different last names"
    return _Agreement(
        (last.level, first.level, middle.level),
        (last.value, first.value, middle.value),
        contradiction,
    )


class _PartAgreement(NamedTuple):
    """The best agreement among the spellings of a part, and the value that both have.

    ``clash``: any two spellings contradict each other; when told that they are one, all of them.
    """

    level: int
    value: str = ""
    clash: bool = False


@lru_cache(maxsize=16384)
def _part_agreement(
    part: int, mine: tuple[str, ...], its: tuple[str, ...], one_group: bool
) -> _PartAgreement:
    if not mine or not its:
        return _PartAgreement(UNKNOWN)
    compare = _LEVEL_OF[part]
    levels = {(a, b): compare(a, b) for a in mine for b in its}
    both = [value for value in mine if len(value) > 1 and value in its]
    level = SAME if both else min(levels.values())
    value = max(both, key=lambda value: (len(value), value), default="")
    clashes = [pair for pair, found in levels.items() if found == OTHER]
    if mine == its or not clashes:
        return _PartAgreement(level, value)
    if one_group or len(clashes) == len(levels):
        return _PartAgreement(level, value, len(clashes) == len(levels))
    bridged = all(_bridged(part, a, b, {*mine, *its}) for a, b in clashes)
    return _PartAgreement(level, value, not bridged)


def _bridged(part: int, a: str, b: str, spellings: set[str]) -> bool:
    """Whether both are slips for a third spelling, from which each differs less."""
    if part and established(a) and established(b):
        return False
    compare = _LEVEL_OF[part]
    return any(
        len(each) > 1 and compare(each, a) <= CLOSE and compare(each, b) <= CLOSE
        for each in spellings
    )


def weigh(one: Side, other: Side, model: Model, crowds: Mapping[str, int]) -> float:
    """The log-odds in bits that the two are one person's.

    ``crowds`` says how many different people have a number or box, where it is more than one.
    """
    circumstance, tins = _circumstance(one, other)
    agreement = _agreement(one.names, other.names)
    last, first, middle = model.name_bits(agreement.levels, agreement.values, circumstance)
    bits = model.prior_bits(circumstance, tins) + last + first + middle
    return bits + _crowd_bits(_crowd(one, other, crowds)) if crowds else bits


def findings(
    one: Side, other: Side, model: Model, crowds: Mapping[str, int]
) -> tuple[Finding, ...]:
    """What ``weigh`` adds up, line by line."""
    circumstance, tins = _circumstance(one, other)
    agreement = _agreement(one.names, other.names)
    bits = model.prior_bits(circumstance, tins)
    found = [Finding("circumstances", _circumstances_told(circumstance), bits)]
    crowd = _crowd(one, other, crowds)
    if crowd > 1:
        found.append(Finding("shared with", f"{crowd} different people", _crowd_bits(crowd)))
    name_bits = model.name_bits(agreement.levels, agreement.values, circumstance)
    found += [
        Finding(f"{part} name", LEVEL_NAMES[level], bits)
        for part, level, bits in zip(PARTS, agreement.levels, name_bits, strict=True)
        if level != UNKNOWN
    ]
    return tuple(found)


def _circumstance(one: Side, other: Side) -> tuple[int, Strings]:
    """What the two share beside the name, and the companies among it."""
    tins = one.tins & other.tins
    mobile, box = stand(one.mobiles, other.mobiles), stand(one.boxes, other.boxes)
    extension = not one.extensions.isdisjoint(other.extensions)
    return circumstances(bool(tins), mobile, box, extension), tins


def _crowd(one: Side, other: Side, crowds: Mapping[str, int]) -> int:
    """How many people have that which they share, at least."""
    return min((crowds.get(key, 1) for key in _shared(one, other)), default=1)


def _crowd_bits(crowd: int) -> float:
    return _CROWD * (1 - crowd)


def _shared(one: Side, other: Side) -> Strings:
    """The numbers and boxes that both have."""
    return one.mobiles & other.mobiles | one.boxes & other.boxes | one.extensions & other.extensions


def stand(mine: Strings, its: Strings) -> int:
    """How two sides stand to each other in numbers or boxes."""
    if not mine or not its:
        return NEITHER
    return DIFFERENT if mine.isdisjoint(its) else SHARED


def _circumstances_told(circumstance: int) -> str:
    company, mobile, box, extension = told(circumstance)
    words = ["one company" if company else "no company in common"]
    for name, how in (("mobile", mobile), ("e-mail", box)):
        if how != NEITHER:
            words.append(f"the same {name}" if how == SHARED else f"other {name}s")
    return ", ".join([*words, "the same extension"] if extension else words)


def different_people(sides: Iterable[Side], most: int) -> int:
    """How many of the sides cannot be one person with any counted before; stops above ``most``."""
    counted: list[Names] = []
    for names in dict.fromkeys(side.names for side in sides):
        if names.parts[1] and all(_agreement(names, other).contradiction for other in counted):
            counted.append(names)
            if len(counted) > most:
                break
    return len(counted)
