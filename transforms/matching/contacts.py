"""Which contact rows are one person, and what is too doubtful to say.

Rows that share a key hang together in pieces; inside a piece they are clustered under guards. Rows
that look alike are one node, so a thousand copies cost what one does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import reduce
from itertools import combinations
from math import inf
from typing import NamedTuple

import msgspec

from transforms.matching.clustering import Pair, Rules, agglomerate
from transforms.matching.evidence import (
    Finding,
    Side,
    different_people,
    findings,
    forbidden,
    side_of,
    unite,
    weigh,
    without,
)
from transforms.matching.model import DEFAULT, Model
from transforms.matching.profiles import HOT, Name, Profile, keys_of
from transforms.matching.union_find import Forest

SHARED_BY_MANY = 3
"""A number or box that more different people have than this is nobody's own."""

# Of a star with more nodes each is held against its next ones only, in the order of names.
_ALL_PAIRS = 12
_NEIGHBOURS = 6
_PERSONAL = "mex"

Ref = str
Judgements = Mapping[frozenset[Ref], bool]
"""What people have said of two rows: one person, or not; what counts first stands first."""


class Doubtful(NamedTuple):
    """Two persons, by their first rows, that may be one: bits, what hinders, and the evidence."""

    one: Ref
    other: Ref
    bits: float
    why: str
    findings: tuple[Finding, ...]


class Persons(NamedTuple):
    """Rows by person, sorted; and pairs of persons for somebody to look at."""

    groups: list[list[Ref]]
    doubts: list[Doubtful]


def match(profiles: Mapping[Ref, Profile], model: Model = DEFAULT) -> Iterator[Persons]:
    """All rows put into persons, piece by piece: what the ledger does with its pieces."""
    pieces, hot = pieces_of(profiles)
    for piece in pieces:
        yield cluster({ref: profiles[ref] for ref in piece}, model, hot)


def pieces_of(profiles: Mapping[Ref, Profile]) -> tuple[list[list[Ref]], set[str]]:
    """The rows that hang together, and the keys that too many share to tie anybody."""
    forest = Forest.of([ref] for ref in profiles)
    alike: dict[Profile, Ref] = {}
    first: dict[str, Ref] = {}
    others: dict[str, list[Ref]] = defaultdict(list)
    for ref, profile in profiles.items():
        known = alike.setdefault(profile, ref)
        if known != ref:
            forest.star((known, ref))
            continue
        for key in keys_of(profile):
            if first.setdefault(key, ref) != ref:
                others[key].append(ref)
    hot = {key for key, refs in others.items() if 1 + len(refs) > HOT}
    for key, refs in others.items():
        if key not in hot:
            forest.star((first[key], *refs))
    return forest.pieces(), hot


def cluster(
    profiles: Mapping[Ref, Profile],
    model: Model = DEFAULT,
    hot: Set[str] = frozenset(),
    judgements: Judgements | None = None,
) -> Persons:
    """The rows of one piece put into persons; the order of ``profiles`` says nothing.

    ``hot`` keys are those that too many rows share, in this piece or elsewhere.
    """
    if len(profiles) == 1:
        return Persons([list(profiles)], [])
    said = {refs: same for refs, same in (judgements or {}).items() if refs <= profiles.keys()}
    judged = frozenset[Ref]().union(*said)
    nodes = _nodes(in_one_order(profiles), judged, model)
    if len(nodes) == 1:
        return Persons([nodes[0].refs], [])
    sides, stars, crowds = _evidence(nodes, hot, judged)
    node_of = {ref: number for number, node in enumerate(nodes) for ref in node.refs if said}
    apart = [refs for refs, same in said.items() if not same]
    together = [sorted(node_of[ref] for ref in refs) for refs, same in said.items() if same]
    for number in frozenset[int]().union(*together):
        names = msgspec.structs.replace(sides[number].names, told=True)
        sides[number] = msgspec.structs.replace(sides[number], names=names)

    def bits(one: Side, other: Side) -> float | None:
        if apart and _said_apart(apart, one.judged, other.judged):
            return -inf
        return None if forbidden(one, other) else weigh(one, other, model, crowds)

    def despite(one: Side, other: Side) -> tuple[float, str] | None:
        if one.mobiles.isdisjoint(other.mobiles) and one.boxes.isdisjoint(other.boxes):
            return None
        weight = weigh(one, other, model, crowds)
        return (weight, forbidden(one, other)) if weight >= model.accept else None

    rules = Rules(bits, unite, model.accept, model.doubt, despite=despite)
    found = agglomerate(
        sides,
        _pairs(stars, sides),
        rules,
        [(one, other) for one, other in together],
        [(node_of[one], node_of[other]) for one, other in apart],
    )
    groups = [
        sorted(ref for number in group for ref in nodes[number].refs) for group in found.groups
    ]
    group_of = {group[0]: at for at, group in enumerate(found.groups)}
    doubts = []
    for doubt in found.doubts:
        one, other = (group_of[first] for first in (doubt.one, doubt.other))
        mine, its = (
            reduce(unite, (sides[number] for number in found.groups[at])) for at in (one, other)
        )
        evidence = findings(mine, its, model, crowds)
        doubts.append(Doubtful(groups[one][0], groups[other][0], doubt.bits, doubt.why, evidence))
    return Persons(sorted(groups), doubts)


def in_one_order(profiles: Mapping[Ref, Profile]) -> Mapping[Ref, Profile]:
    """Names whose parts stand both ways round (``Ван Ли``, ``Ли Ван``), as most rows have them."""
    names = [profile.name for profile in profiles.values()]
    lasts = {name.last for name in names}
    if lasts.isdisjoint([name.first for name in names]):
        return profiles
    ways = Counter((name.last, name.first) for name in names)
    turned = {
        way
        for way, count in ways.items()
        if (other := way[::-1]) in ways
        and (ways[other], other) > (count, way)
        and all(len(part) > 1 for part in way)
    }
    if not turned:
        return profiles
    return {
        ref: msgspec.structs.replace(profile, name=Name(name.first, name.last, name.middle))
        if ((name := profile.name).last, name.first) in turned
        else profile
        for ref, profile in profiles.items()
    }


class _Node(NamedTuple):
    """Rows that look alike."""

    profile: Profile
    refs: list[Ref]


def _nodes(profiles: Mapping[Ref, Profile], judged: Set[Ref], model: Model) -> list[_Node]:
    alike: dict[Profile, list[Ref]] = defaultdict(list)
    for ref in sorted(profiles):
        alike[profiles[ref]].append(ref)
    nodes = []
    for profile, refs in alike.items():
        # What somebody has said something of stands for itself; so does what says too little.
        single = [ref for ref in refs if ref in judged] if judged else []
        others = [ref for ref in refs if ref not in judged] if single else refs
        if len(others) > 1 and _says_too_little(profile, model):
            single, others = refs, []
        nodes += [_Node(profile, [ref]) for ref in single]
        if others:
            nodes.append(_Node(profile, others))
    return sorted(nodes, key=lambda node: node.refs[0])


def _says_too_little(profile: Profile, model: Model) -> bool:
    side = side_of(profile)
    return weigh(side, side, model, {}) < model.accept


def _evidence(
    nodes: Sequence[_Node], hot: Set[str], judged: frozenset[Ref]
) -> tuple[list[Side], list[list[int]], dict[str, int]]:
    """The nodes as sides, the stars that tie them, and which numbers several people have."""
    sides = []
    stars: dict[str, list[int]] = defaultdict(list)
    for number, node in enumerate(nodes):
        side = side_of(node.profile, judged.intersection(node.refs))
        keys = list(keys_of(node.profile))
        if hot and not hot.isdisjoint(keys):
            side = without(side, frozenset(key[1:] for key in keys if key in hot))
            keys = [key for key in keys if key not in hot]
        for key in keys:
            stars[key].append(number)
        sides.append(side)
    shared = {key: numbers for key, numbers in stars.items() if len(numbers) > 1}
    crowds = {
        key: different_people([sides[number] for number in numbers], SHARED_BY_MANY)
        for key, numbers in shared.items()
        if key[0] in _PERSONAL
    }
    nobodys = {key for key, many in crowds.items() if many > SHARED_BY_MANY}
    if nobodys:
        values = frozenset(key[1:] for key in nobodys)
        sides = [without(side, values) for side in sides]
    return (
        sides,
        [numbers for key, numbers in shared.items() if key not in nobodys],
        {key[1:]: many for key, many in crowds.items() if 1 < many <= SHARED_BY_MANY},
    )


def _pairs(stars: Iterable[list[int]], sides: Sequence[Side]) -> set[Pair]:
    """The pairs to weigh: of a small star all, of a large one those near in the order of names."""
    pairs: set[Pair] = set()
    for numbers in stars:
        if len(numbers) <= _ALL_PAIRS:
            pairs.update(combinations(numbers, 2))
            continue
        ordered = sorted(numbers, key=lambda number: (sides[number].names.parts, number))
        for at, one in enumerate(ordered):
            for other in ordered[at + 1 : at + 1 + _NEIGHBOURS]:
                pairs.add((one, other) if one < other else (other, one))
    return pairs


def _said_apart(apart: Iterable[frozenset[Ref]], mine: frozenset[Ref], its: frozenset[Ref]) -> bool:
    return any(refs & mine and refs & its for refs in apart)
