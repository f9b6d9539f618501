"""Two groups of rows held against each other: what speaks for one person, and what forbids it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

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


class Side(NamedTuple):
    """A group of rows taken as one person: all spellings of the name's parts, all that it has.

    ``judged`` are those of its rows that somebody has said something of; ``told``: it is a group
    because somebody said so, and its spellings may contradict each other.
    """

    names: frozenset[Name]
    parts: tuple[tuple[str, ...], ...]
    genders: Strings
    mobiles: Strings
    boxes: Strings
    extensions: Strings
    tins: Strings
    judged: Strings = frozenset()
    told: bool = False


class Finding(NamedTuple):
    """One line of evidence: what was compared, how it stands, its weight in bits."""

    what: str
    how: str
    bits: float


def side_of(profile: Profile, judged: Strings = frozenset()) -> Side:
    """Rows of one profile as a side."""
    gender = gender_of(profile.name)
    return Side(
        frozenset((profile.name,)),
        tuple((part,) if part else () for part in _parts(profile.name)),
        frozenset((gender,)) if gender else frozenset(),
        frozenset(profile.mobiles),
        frozenset(profile.boxes),
        frozenset(profile.extensions),
        frozenset(profile.tins),
        judged,
    )


def without(side: Side, shared: Strings) -> Side:
    """The side without the numbers and boxes that too many people share: they are nobody's."""
    return side._replace(
        mobiles=side.mobiles - shared,
        boxes=side.boxes - shared,
        extensions=side.extensions - shared,
    )


def unite(one: Side, other: Side) -> Side:
    """Both groups as one."""
    parts = tuple(
        mine if mine == its else tuple(sorted({*mine, *its}))[:_MOST_SPELLINGS]
        for mine, its in zip(one.parts, other.parts, strict=True)
    )
    return Side(
        one.names | other.names,
        parts,
        one.genders | other.genders,
        one.mobiles | other.mobiles,
        one.boxes | other.boxes,
        one.extensions | other.extensions,
        one.tins | other.tins,
        one.judged | other.judged,
        one.told or other.told,
    )


def forbidden(one: Side, other: Side) -> str:
    """What forbids that the two are one person, "" when nothing does."""
    one_group = one.told or other.told
    genders = one.genders & other.genders if one_group else one.genders | other.genders
    if one.genders and other.genders and len(genders) != 1:
        return "a man's name and a woman's"
    for part in (2, 1, 0):
        if _clash(part, one.parts[part], other.parts[part], one_group):
            if part == 0 and _may_have_married(one, other):
                continue
            return f"different {PARTS[part]} names"
    return ""


def _clash(part: int, mine: tuple[str, ...], its: tuple[str, ...], one_group: bool) -> bool:
    """Whether any two spellings contradict each other; when told that they are one, all of them."""
    if mine == its or not mine or not its:
        return False
    compare = _LEVEL_OF[part]
    clashes = [(a, b) for a in mine for b in its if compare(a, b) == OTHER]
    if one_group or not clashes:
        return len(clashes) == len(mine) * len(its)
    return not all(_bridged(part, a, b, {*mine, *its}) for a, b in clashes)


def _bridged(part: int, a: str, b: str, spellings: set[str]) -> bool:
    """Whether both are slips for a third spelling, from which each differs less."""
    if part and established(a) and established(b):
        return False
    compare = _LEVEL_OF[part]
    return any(
        len(each) > 1 and compare(each, a) <= CLOSE and compare(each, b) <= CLOSE
        for each in spellings
    )


def _may_have_married(one: Side, other: Side) -> bool:
    """A woman's surname may change, when the rest of the name is there and agrees."""
    return (one.genders or other.genders) == {"f"} and all(
        min(level(part, one, other)[0], OTHER) <= CLOSE for part in (1, 2)
    )


def level(part: int, one: Side, other: Side) -> tuple[int, str]:
    """The best agreement among the spellings, and the value that both have."""
    mine, its = one.parts[part], other.parts[part]
    if not mine or not its:
        return UNKNOWN, ""
    if len(mine) == 1 and mine == its and len(mine[0]) > 1:
        return SAME, mine[0]
    both = [value for value in mine if len(value) > 1 and value in its]
    if both:
        return SAME, max(both, key=lambda value: (len(value), value))
    compare = _LEVEL_OF[part]
    return min(compare(a, b) for a in mine for b in its), ""


class _Compared(NamedTuple):
    """How two sides agree: circumstances, common companies, how crowded what they share is."""

    circumstance: int
    tins: Strings
    crowd: int
    levels: tuple[int, int, int]
    values: tuple[str, str, str]


def weigh(one: Side, other: Side, model: Model, crowds: Mapping[str, int]) -> float:
    """The log-odds in bits that the two are one person's.

    ``crowds`` says how many different people have a number or box, where it is more than one.
    """
    seen = _compare(one, other, crowds)
    last, first, middle = model.name_bits(seen.levels, seen.values, seen.circumstance)
    bits = model.prior_bits(seen.circumstance, seen.tins) + last + first + middle
    return bits + _CROWD * (1 - seen.crowd)


def findings(
    one: Side, other: Side, model: Model, crowds: Mapping[str, int]
) -> tuple[Finding, ...]:
    """What ``weigh`` adds up, line by line."""
    seen = _compare(one, other, crowds)
    found = [
        Finding(
            "circumstances",
            _circumstances_told(seen.circumstance),
            model.prior_bits(seen.circumstance, seen.tins),
        )
    ]
    if seen.crowd > 1:
        bits = _CROWD * (1 - seen.crowd)
        found.append(Finding("shared with", f"{seen.crowd} different people", bits))
    name_bits = model.name_bits(seen.levels, seen.values, seen.circumstance)
    found += [
        Finding(f"{part} name", LEVEL_NAMES[agreement], bits)
        for part, agreement, bits in zip(PARTS, seen.levels, name_bits, strict=True)
        if agreement != UNKNOWN
    ]
    return tuple(found)


def _compare(one: Side, other: Side, crowds: Mapping[str, int]) -> _Compared:
    tins = one.tins & other.tins
    mobile, shared = stand(one.mobiles, other.mobiles)
    box, same = stand(one.boxes, other.boxes)
    extensions = one.extensions & other.extensions
    crowd = 1
    if crowds and (keys := shared | same | extensions):
        crowd = min(crowds.get(key, 1) for key in keys)
    last, last_value = level(0, one, other)
    first, first_value = level(1, one, other)
    middle, middle_value = level(2, one, other)
    return _Compared(
        circumstances(bool(tins), mobile, box, bool(extensions)),
        tins,
        crowd,
        (last, first, middle),
        (last_value, first_value, middle_value),
    )


def stand(mine: Strings, its: Strings) -> tuple[int, Strings]:
    """How two sides stand to each other in numbers or boxes, and which ones both have."""
    if not mine or not its:
        return NEITHER, frozenset()
    both = mine & its
    return (SHARED if both else DIFFERENT), both


def _circumstances_told(circumstance: int) -> str:
    company, mobile, box, extension = told(circumstance)
    words = ["one company" if company else "no company in common"]
    for name, how in (("mobile", mobile), ("e-mail", box)):
        if how != NEITHER:
            words.append(f"the same {name}" if how == SHARED else f"other {name}s")
    return ", ".join([*words, "the same extension"] if extension else words)


def _parts(name: Name) -> tuple[str, str, str]:
    return name.last, name.first, name.middle


def different_people(sides: Iterable[Side], most: int) -> int:
    """How many of the sides cannot be one person with any counted before; stops above ``most``."""
    counted: list[Side] = []
    for side in sides:
        if side.parts[1] and all(forbidden(side, other) for other in counted):
            counted.append(side)
            if len(counted) > most:
                break
    return len(counted)
