"""A connected component prepared for clustering: nodes, blocks, crowds, constraints.

Rows that look alike are one node, so a thousand copies cost as much as one row.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from transforms.matching.blocking import PERSONAL, Ref, blocking_keys, value_of
from transforms.matching.clustering import Pair
from transforms.matching.evidence import Cluster, cluster_of, trust_judgement, weigh, without
from transforms.matching.model import Model
from transforms.matching.name_comparison import count_different_people
from transforms.matching.profiles import Profile

SHARED_BY_MANY = 3
"""A number or mailbox that more different people than this have identifies no person."""

Judgements = Mapping[frozenset[Ref], bool]
"""People's judgements on pairs of rows: one person, or not. Earlier entries take precedence."""


class Node(NamedTuple):
    """Rows that look alike."""

    profile: Profile
    refs: list[Ref]


def nodes_of(
    profiles: Mapping[Ref, Profile], judged_rows: frozenset[Ref], model: Model
) -> list[Node]:
    """Returns the rows by node, the nodes in the order of their first rows."""
    alike: dict[Profile, list[Ref]] = defaultdict(list)
    for ref in sorted(profiles):
        alike[profiles[ref]].append(ref)
    nodes = [
        Node(profile, node_refs)
        for profile, refs in alike.items()
        for node_refs in ([refs] if len(refs) == 1 else _split(profile, refs, judged_rows, model))
    ]
    return sorted(nodes, key=lambda node: node.refs[0])


def _split(
    profile: Profile, refs: list[Ref], judged_rows: frozenset[Ref], model: Model
) -> list[list[Ref]]:
    """Returns the rows by node: a judged row is a separate node, and so is an anonymous one."""
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


class Component(NamedTuple):
    """The nodes of a component as clusters, and what they share.

    ``blocks`` are the numbers of the clusters that share a key. ``crowds`` says how many different
    people have a number or mailbox, where several do but not too many.
    """

    clusters: list[Cluster]
    blocks: list[list[int]]
    crowds: dict[str, int]


def prepare_component(
    nodes: Sequence[Node], hot: Set[str], judged_rows: frozenset[Ref], must_link: Iterable[Pair]
) -> Component:
    """Returns the nodes as clusters, without the values that too many different people share.

    ``hot`` keys connect nothing. The names of ``must_link`` nodes may differ: people said so.
    """
    clusters, blocks = _block(nodes, hot, judged_rows)
    crowds = _count_crowds(clusters, blocks)
    public = {key for key, people in crowds.items() if people > SHARED_BY_MANY}
    if public:
        values = frozenset(map(value_of, public))
        clusters = [without(cluster, values) for cluster in clusters]
    for number in {number for pair in must_link for number in pair}:
        clusters[number] = trust_judgement(clusters[number])
    return Component(
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
    nodes: Sequence[Node], hot: Set[str], judged_rows: frozenset[Ref]
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


def constraints(nodes: Sequence[Node], judged_pairs: Judgements) -> tuple[list[Pair], list[Pair]]:
    """Returns the pairs of nodes that people judged to be one person, and to be different."""
    must_link: list[Pair] = []
    cannot_link: list[Pair] = []
    if judged_pairs:
        number_of = {ref: number for number, node in enumerate(nodes) for ref in node.refs}
        for pair, is_one in judged_pairs.items():
            a, b = sorted(number_of[ref] for ref in pair)
            (must_link if is_one else cannot_link).append((a, b))
    return must_link, cannot_link
