"""Guarded clustering inside a connected component: the strongest link first, guards always hold.

Constrained greedy agglomeration: clusters are compared as wholes, so that neither a chain of weak
links nor one bridging row joins what does not belong together. The result is a pure function of
the items in their given order.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from transforms.matching.union_find import UnionFind

C = TypeVar("C")

Pair = tuple[int, int]

_TOO_LARGE = "too many rows for one person"
_RIVAL = "another one fits as well"
_WEAK = "the evidence is too weak"
_CONTRADICTED = "judged to be one, but that would join two that were judged to be different"


class Linkage(NamedTuple, Generic[C]):
    """The rules by which two clusters are compared and joined.

    ``weigh`` returns log-odds in bits, or None where a guard forbids the link; ``merge`` makes one
    cluster of two. From ``accept`` bits on clusters are joined, from ``doubt`` bits on people
    should look at them. A link is doubtful when it has a rival: a neighbour of one cluster that a
    guard keeps from the other, and whose link is weaker by less than ``margin``. No cluster of
    more than ``max_items`` is made. For a forbidden link that people should look at all the same
    ``review_forbidden`` returns the bits and the guard's reason.
    """

    weigh: Callable[[C, C], float | None]
    merge: Callable[[C, C], C]
    accept: float
    doubt: float
    margin: float = 4.0
    max_items: int = 100
    review_forbidden: Callable[[C, C], tuple[float, str] | None] = lambda a, b: None


class DoubtfulLink(NamedTuple):
    """Two clusters, by their smallest items, that may be one: how likely, and what hinders it."""

    pair: Pair
    bits: float
    reason: str


class Clusters(NamedTuple):
    """Item numbers by cluster, each sorted; and the links between clusters that are doubtful."""

    members: list[list[int]]
    doubtful_links: list[DoubtfulLink]


def agglomerate(
    items: Sequence[C],
    pairs: Iterable[Pair],
    linkage: Linkage[C],
    must_link: Sequence[Pair] = (),
    cannot_link: Sequence[Pair] = (),
) -> Clusters:
    """Clusters the items. Only ``pairs`` are weighed.

    ``must_link`` pairs are joined unweighed, in their order, unless that joins a ``cannot_link``
    pair: such a link is doubtful.
    """
    agglomeration = _Agglomeration(items, pairs, linkage)
    if must_link:
        agglomeration.join_judged(must_link, cannot_link)
    agglomeration.join_by_weight()
    return agglomeration.result()


class _Agglomeration(Generic[C]):
    """The clusters so far, numbered by their smallest items, and the links between them."""

    def __init__(self, items: Sequence[C], pairs: Iterable[Pair], linkage: Linkage[C]) -> None:
        self._linkage = linkage
        self._clusters: dict[int, C] = dict(enumerate(items))
        self._members = {number: [number] for number in self._clusters}
        self._neighbours: dict[int, set[int]] = {number: set() for number in self._clusters}
        # By pairs of numbers, the smaller first.
        self._bits: dict[Pair, float | None] = {}
        self._obstacles: dict[Pair, str] = {}
        self._strongest: list[tuple[float, Pair]] = []
        self._contradicted: list[Pair] = []
        for a, b in pairs:
            self._neighbours[a].add(b)
            self._neighbours[b].add(a)

    def join_judged(self, must_link: Sequence[Pair], cannot_link: Sequence[Pair]) -> None:
        roots = UnionFind.of([item] for pair in must_link for item in pair)
        for pair in must_link:
            number, absorbed = sorted(map(roots.find, pair))
            if number == absorbed:
                continue
            members = {*self._members[number], *self._members[absorbed]}
            if any(members.issuperset(forbidden) for forbidden in cannot_link):
                self._contradicted.append(pair)
                continue
            roots.connect((number, absorbed))
            merged = self._linkage.merge(self._clusters[number], self._clusters[absorbed])
            self._absorb(number, absorbed)
            self._clusters[number] = merged

    def join_by_weight(self) -> None:
        for number, neighbours in self._neighbours.items():
            for neighbour in neighbours:
                if number < neighbour:
                    self._weigh(number, neighbour)
        while self._strongest:
            bits, pair = heapq.heappop(self._strongest)
            if self._bits.get(pair) != -bits:
                continue  # one of the two has grown since
            obstacle = self._join(*pair, -bits)
            if obstacle:
                self._obstacles[pair] = obstacle

    def _weigh(self, a: int, b: int) -> None:
        self._set_bits((a, b), self._linkage.weigh(self._clusters[a], self._clusters[b]))

    def _set_bits(self, pair: Pair, bits: float | None) -> None:
        self._bits[pair] = bits
        if bits is not None and bits >= self._linkage.accept:
            heapq.heappush(self._strongest, (-bits, pair))

    def _join(self, number: int, absorbed: int, bits: float) -> str:
        """Joins the two and weighs the merged cluster's links, or returns what hinders it."""
        if len(self._members[number]) + len(self._members[absorbed]) > self._linkage.max_items:
            return _TOO_LARGE
        neighbours = (self._neighbours[number] | self._neighbours[absorbed]) - {number, absorbed}
        if not neighbours:
            self._absorb(number, absorbed)  # the merged cluster is compared with no other
            return ""
        merged = self._linkage.merge(self._clusters[number], self._clusters[absorbed])
        least = max(self._linkage.doubt, bits - self._linkage.margin)
        weighed: dict[int, float] = {}
        for rival in neighbours:
            if self._fits(number, rival, least) or self._fits(absorbed, rival, least):
                rival_bits = self._linkage.weigh(merged, self._clusters[rival])
                if rival_bits is None:
                    return _RIVAL
                weighed[rival] = rival_bits
        self._absorb(number, absorbed)
        self._clusters[number] = merged
        for neighbour in neighbours:
            if neighbour < number:
                self._weigh(neighbour, number)
            elif neighbour in weighed:
                self._set_bits((number, neighbour), weighed[neighbour])
            else:
                self._weigh(number, neighbour)
        return ""

    def _fits(self, number: int, rival: int, least: float) -> bool:
        bits = self._bits.get((number, rival) if number < rival else (rival, number))
        return bits is not None and bits >= least

    def _absorb(self, number: int, absorbed: int) -> None:
        """Hands the members and neighbours of ``absorbed`` over; its links are forgotten."""
        del self._clusters[absorbed]
        self._members[number] += self._members.pop(absorbed)
        for neighbour in self._neighbours.pop(absorbed):
            self._neighbours[neighbour].discard(absorbed)
            pair = (neighbour, absorbed) if neighbour < absorbed else (absorbed, neighbour)
            self._bits.pop(pair, None)
            if neighbour != number:
                self._neighbours[neighbour].add(number)
                self._neighbours[number].add(neighbour)

    def result(self) -> Clusters:
        members = sorted(sorted(items) for items in self._members.values())
        return Clusters(members, [*self._weighed_doubts(), *self._judged_doubts()])

    def _weighed_doubts(self) -> Iterator[DoubtfulLink]:
        for pair, bits in sorted(self._bits.items()):
            if bits is None:
                a, b = pair
                review = self._linkage.review_forbidden(self._clusters[a], self._clusters[b])
                if review:
                    yield DoubtfulLink(pair, *review)
            elif bits >= self._linkage.doubt:
                yield DoubtfulLink(pair, bits, self._obstacles.get(pair, _WEAK))

    def _judged_doubts(self) -> Iterator[DoubtfulLink]:
        for pair in self._contradicted:
            a, b = sorted(map(self._number_of, pair))
            yield DoubtfulLink((a, b), 0.0, _CONTRADICTED)

    def _number_of(self, item: int) -> int:
        return next(number for number, items in self._members.items() if item in items)
