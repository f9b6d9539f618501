"""Which contact rows are one person, and which pairs of persons are doubtful.

Blocking keys connect rows; inside a connected component the rows are clustered under guards. Rows
that look alike are one node, so a thousand copies cost as much as one row.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import reduce
from math import inf
from typing import NamedTuple

import msgspec

from transforms.matching.blocking import (
    PERSONAL,
    Ref,
    blocking_keys,
    candidate_pairs,
    connected_components,
    value_of,
)
from transforms.matching.clustering import Clusters, Linkage, Pair, agglomerate
from transforms.matching.evidence import (
    Cluster,
    Evidence,
    cluster_of,
    itemize,
    merge,
    trust_judgement,
    veto,
    weigh,
    without,
)
from transforms.matching.model import DEFAULT, Model
from transforms.matching.name_comparison import count_different_people
from transforms.matching.profiles import Name, Profile

SHARED_BY_MANY = 3
"""A number or mailbox that more different people than this have identifies nobody."""

Judgements = Mapping[frozenset[Ref], bool]
"""People's judgements on pairs of rows: one person, or not. Earlier entries take precedence."""


class DoubtfulPair(NamedTuple):
    """Two persons, by their first rows, that may be one: how likely, what hinders, the evidence."""

    refs: tuple[Ref, Ref]
    bits: float
    reason: str
    evidence: tuple[Evidence, ...]


class Persons(NamedTuple):
    """Rows by person, sorted; and pairs of persons that people should look at."""

    groups: list[list[Ref]]
    doubtful_pairs: list[DoubtfulPair]


class MatchingBasis(msgspec.Struct):
    """Everything by which the matching judges some rows.

    ``profiles`` are those of the rows that are in the base; ``hot`` are the hot keys among theirs.
    """

    profiles: dict[Ref, Profile]
    model: Model
    hot: set[str]
    judgements: Judgements


def match_contacts(profiles: Mapping[Ref, Profile], model: Model = DEFAULT) -> Iterator[Persons]:
    """Yields the persons of each connected component of the rows."""
    components, hot = connected_components(profiles)
    for refs in components:
        yield cluster_contacts({ref: profiles[ref] for ref in refs}, model, hot)


def match_components(components: Iterable[Sequence[Ref]], basis: MatchingBasis) -> list[Persons]:
    """Returns the persons of each component; rows that have left the base are skipped."""
    profiles = basis.profiles
    in_base = ({ref: profiles[ref] for ref in refs if ref in profiles} for refs in components)
    return [
        cluster_contacts(component, basis.model, basis.hot, basis.judgements)
        for component in in_base
        if component
    ]


def cluster_contacts(
    profiles: Mapping[Ref, Profile],
    model: Model = DEFAULT,
    hot: Set[str] = frozenset(),
    judgements: Judgements | None = None,
) -> Persons:
    """Returns the persons of one connected component; the order of ``profiles`` has no effect.

    ``hot`` keys are those that too many rows share, in this component or elsewhere.
    """
    if len(profiles) == 1:
        return Persons([list(profiles)], [])
    judged_pairs = {
        pair: is_one for pair, is_one in (judgements or {}).items() if pair <= profiles.keys()
    }
    judged_rows = frozenset[Ref]().union(*judged_pairs)
    nodes = _nodes(align_name_parts(profiles), judged_rows, model)
    if len(nodes) == 1:
        return Persons([nodes[0].refs], [])
    must_link, cannot_link = _constraints(nodes, judged_pairs)
    component = _component(nodes, hot, judged_rows, must_link)
    different = [pair for pair, is_one in judged_pairs.items() if not is_one]
    guards = _Guards(model, component.crowds, different)
    linkage = Linkage(
        guards.weigh, merge, model.accept, model.doubt, review_forbidden=guards.review_forbidden
    )
    pairs = candidate_pairs(
        component.blocks, [cluster.names.parts for cluster in component.clusters]
    )
    clusters = agglomerate(component.clusters, pairs, linkage, must_link, cannot_link)
    return _persons(nodes, component, model, clusters)


def align_name_parts(profiles: Mapping[Ref, Profile]) -> Mapping[Ref, Profile]:
    """Returns the rows with names that stand both ways round as most of the rows have them.

    Of ``Ван Ли`` and ``Ли Ван`` only the usual order, or the names themselves, tell which is right.
    """
    turned = _turned_names([profile.name for profile in profiles.values()])
    if not turned:
        return profiles
    return {
        ref: msgspec.structs.replace(profile, name=Name(name.first, name.last, name.middle))
        if ((name := profile.name).last, name.first) in turned
        else profile
        for ref, profile in profiles.items()
    }


def _turned_names(names: Sequence[Name]) -> set[tuple[str, str]]:
    """Returns (last, first) of the names that more rows have the other way round."""
    lasts = {name.last for name in names}
    if lasts.isdisjoint([name.first for name in names]):
        return set()
    counts = Counter((name.last, name.first) for name in names)
    return {
        (last, first)
        for (last, first), count in counts.items()
        if len(last) > 1
        and len(first) > 1
        and (counts[first, last], (first, last)) > (count, (last, first))
    }


class _Node(NamedTuple):
    """Rows that look alike."""

    profile: Profile
    refs: list[Ref]


def _nodes(
    profiles: Mapping[Ref, Profile], judged_rows: frozenset[Ref], model: Model
) -> list[_Node]:
    alike: dict[Profile, list[Ref]] = defaultdict(list)
    for ref in sorted(profiles):
        alike[profiles[ref]].append(ref)
    nodes = [
        _Node(profile, node_refs)
        for profile, refs in alike.items()
        for node_refs in ([refs] if len(refs) == 1 else _split(profile, refs, judged_rows, model))
    ]
    return sorted(nodes, key=lambda node: node.refs[0])


def _split(
    profile: Profile, refs: list[Ref], judged_rows: frozenset[Ref], model: Model
) -> list[list[Ref]]:
    """Returns the rows by node: a judged row is a node of its own, and so is an anonymous one."""
    judged_refs = judged_rows.intersection(refs)
    alike = [ref for ref in refs if ref not in judged_refs]
    if len(alike) > 1 and _is_anonymous(profile, model):
        return [[ref] for ref in refs]
    single_rows = [[ref] for ref in refs if ref in judged_refs]
    return [*single_rows, alike] if alike else single_rows


def _is_anonymous(profile: Profile, model: Model) -> bool:
    """Returns whether even a row that looks alike would be too weak a match."""
    cluster = cluster_of(profile)
    return weigh(cluster, cluster, model, {}) < model.accept


class _Component(NamedTuple):
    """The nodes of a component as clusters, and what they share.

    ``blocks`` are the numbers of the clusters that share a key. ``crowds`` says how many different
    people have a number or mailbox, where several do but not too many.
    """

    clusters: list[Cluster]
    blocks: list[list[int]]
    crowds: dict[str, int]


def _component(
    nodes: Sequence[_Node], hot: Set[str], judged_rows: frozenset[Ref], must_link: Iterable[Pair]
) -> _Component:
    clusters, blocks = _block(nodes, hot, judged_rows)
    crowds = _count_crowds(clusters, blocks)
    public = {key for key, people in crowds.items() if people > SHARED_BY_MANY}
    if public:
        values = frozenset(map(value_of, public))
        clusters = [without(cluster, values) for cluster in clusters]
    for number in {number for pair in must_link for number in pair}:
        clusters[number] = trust_judgement(clusters[number])
    return _Component(
        clusters,
        [numbers for key, numbers in blocks.items() if key not in public],
        {value_of(key): people for key, people in crowds.items() if 1 < people <= SHARED_BY_MANY},
    )


def _count_crowds(
    clusters: Sequence[Cluster], blocks: Mapping[str, Sequence[int]]
) -> dict[str, int]:
    """Returns how many different people have each personal key; counting stops at too many."""
    return {
        key: count_different_people((clusters[number].names for number in numbers), SHARED_BY_MANY)
        for key, numbers in blocks.items()
        if key[0] in PERSONAL
    }


def _block(
    nodes: Sequence[_Node], hot: Set[str], judged_rows: frozenset[Ref]
) -> tuple[list[Cluster], dict[str, list[int]]]:
    """Returns the nodes as clusters without hot values, and by key the nodes that share it."""
    clusters = []
    blocks: dict[str, list[int]] = defaultdict(list)
    for number, node in enumerate(nodes):
        cluster = cluster_of(node.profile, judged_rows.intersection(node.refs))
        keys = list(blocking_keys(node.profile))
        if hot and not hot.isdisjoint(keys):
            cluster = without(cluster, frozenset(value_of(key) for key in keys if key in hot))
            keys = [key for key in keys if key not in hot]
        for key in keys:
            blocks[key].append(number)
        clusters.append(cluster)
    return clusters, {key: numbers for key, numbers in blocks.items() if len(numbers) > 1}


def _constraints(nodes: Sequence[_Node], judged_pairs: Judgements) -> tuple[list[Pair], list[Pair]]:
    """Returns the pairs of nodes that people judged to be one person, and to be different."""
    must_link: list[Pair] = []
    cannot_link: list[Pair] = []
    if judged_pairs:
        number_of = {ref: number for number, node in enumerate(nodes) for ref in node.refs}
        for pair, is_one in judged_pairs.items():
            a, b = sorted(number_of[ref] for ref in pair)
            (must_link if is_one else cannot_link).append((a, b))
    return must_link, cannot_link


class _Guards(NamedTuple):
    """The links of one component: their weights, and the guards that forbid some."""

    model: Model
    crowds: Mapping[str, int]
    judged_different: Sequence[frozenset[Ref]]

    def weigh(self, a: Cluster, b: Cluster) -> float | None:
        if self.judged_different and self._are_judged_different(a.judged_rows, b.judged_rows):
            return -inf
        return None if veto(a, b) else weigh(a, b, self.model, self.crowds)

    def _are_judged_different(self, a_rows: frozenset[Ref], b_rows: frozenset[Ref]) -> bool:
        return any(pair & a_rows and pair & b_rows for pair in self.judged_different)

    def review_forbidden(self, a: Cluster, b: Cluster) -> tuple[float, str] | None:
        """Returns the weight and the veto where it is strong and a number or mailbox is shared."""
        if a.mobiles.isdisjoint(b.mobiles) and a.mailboxes.isdisjoint(b.mailboxes):
            return None
        bits = weigh(a, b, self.model, self.crowds)
        return (bits, veto(a, b)) if bits >= self.model.accept else None


def _persons(
    nodes: Sequence[_Node], component: _Component, model: Model, clusters: Clusters
) -> Persons:
    # Clusters are known by their first nodes, persons by their first rows.
    members_of = {members[0]: members for members in clusters.members}
    refs_of = {
        number: sorted(ref for member in members for ref in nodes[member].refs)
        for number, members in members_of.items()
    }
    doubtful_pairs = []
    for (a, b), bits, reason in clusters.doubtful_links:
        evidence = itemize(
            reduce(merge, (component.clusters[member] for member in members_of[a])),
            reduce(merge, (component.clusters[member] for member in members_of[b])),
            model,
            component.crowds,
        )
        doubtful_pairs.append(DoubtfulPair((refs_of[a][0], refs_of[b][0]), bits, reason, evidence))
    return Persons(sorted(refs_of.values()), doubtful_pairs)
