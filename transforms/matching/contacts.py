"""Matching contacts: the rows that are one person, and the doubtful pairs of persons.

Blocking keys connect rows; inside a connected component the rows are clustered under guards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import reduce
from math import inf
from typing import NamedTuple

import msgspec

from transforms.matching.blocking import Ref, candidate_pairs, connected_components
from transforms.matching.clustering import Clusters, Linkage, agglomerate
from transforms.matching.component import (
    Component,
    Judgements,
    Node,
    constraints,
    nodes_of,
    prepare_component,
)
from transforms.matching.evidence import Cluster, Evidence, itemize, merge, veto, weigh
from transforms.matching.model import DEFAULT, Model
from transforms.matching.profiles import Profile, align_name_parts


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
    nodes = nodes_of(align_name_parts(profiles), judged_rows, model)
    if len(nodes) == 1:
        return Persons([nodes[0].refs], [])
    must_link, cannot_link = constraints(nodes, judged_pairs)
    component = prepare_component(nodes, hot, judged_rows, must_link)
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
    nodes: Sequence[Node], component: Component, model: Model, clusters: Clusters
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
