"""Guarded clustering inside a piece: the strongest link first, and no link against a guard.

Constrained greedy agglomeration: groups are held against each other as wholes, so that neither a
chain of weak links nor one bridging row joins what does not belong together. The result is a pure
function of the items in their given order.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S")

Pair = tuple[int, int]

_CONTRADICTED = "said to be one, but then two that are said to be different would be one"


class Rules(NamedTuple, Generic[S]):
    """How groups are judged.

    ``weigh`` gives log-odds in bits, None where the two contradict each other; ``unite`` makes one
    group of two. From ``accept`` on groups are joined, from ``doubt`` on somebody should look at
    them. A rival that cannot be one with the other side, and is weaker by less than ``margin``,
    makes a link doubtful. Groups of more than ``most`` items are not made. ``despite`` says of two
    that contradict each other the bits and the contradiction, where somebody should look at them.
    """

    weigh: Callable[[S, S], float | None]
    unite: Callable[[S, S], S]
    accept: float
    doubt: float
    margin: float = 4.0
    most: int = 100
    despite: Callable[[S, S], tuple[float, str] | None] = lambda one, other: None


class Doubt(NamedTuple):
    """Two groups, by their smallest items, that may be one: how likely, and what hinders."""

    one: int
    other: int
    bits: float
    why: str


class Clustered(NamedTuple):
    """Groups of item numbers, each sorted; and the pairs of groups that are doubtful."""

    groups: list[list[int]]
    doubts: list[Doubt]


def agglomerate(
    items: Sequence[S],
    pairs: Iterable[Pair],
    rules: Rules[S],
    together: Iterable[Pair] = (),
    apart: Sequence[Pair] = (),
) -> Clustered:
    """The items put into groups. Only ``pairs`` are weighed.

    Items told to be ``together`` are joined unweighed, the first pair first; but not where that
    joins two that are told to be ``apart``: such a pair is doubtful.
    """
    clustering = _Clustering(items, pairs, rules)
    clustering.join_told(together, apart)
    clustering.run()
    return clustering.result()


class _Clustering(Generic[S]):
    def __init__(self, items: Sequence[S], pairs: Iterable[Pair], rules: Rules[S]) -> None:
        self._rules = rules
        # By the smallest item of each group.
        self._sides: dict[int, S] = dict(enumerate(items))
        self._members = {number: [number] for number in self._sides}
        self._near: dict[int, set[int]] = {number: set() for number in self._sides}
        self._bits: dict[Pair, float | None] = {}
        self._why: dict[Pair, str] = {}
        self._heap: list[tuple[float, Pair]] = []
        self._untold: list[Pair] = []
        for one, other in pairs:
            self._near[one].add(other)
            self._near[other].add(one)

    def join_told(self, together: Iterable[Pair], apart: Sequence[Pair]) -> None:
        root = {number: number for number in self._sides}
        for pair in together:
            one, other = sorted(self._root(root, number) for number in pair)
            if one == other:
                continue
            joined = {*self._members[one], *self._members[other]}
            if any(joined.issuperset(two) for two in apart):
                self._untold.append(pair)
                continue
            root[other] = one
            both = self._rules.unite(self._sides[one], self._sides[other])
            self._absorb(one, other)
            self._sides[one] = both

    @staticmethod
    def _root(root: dict[int, int], number: int) -> int:
        while root[number] != number:
            number = root[number]
        return number

    def run(self) -> None:
        for one, near in self._near.items():
            for other in near:
                if one < other:
                    self._weigh(one, other)
        while self._heap:
            bits, pair = heapq.heappop(self._heap)
            if self._bits.get(pair) != -bits:
                continue  # one of the two has become another group since
            why = self._join(*pair, -bits)
            if why:
                self._why[pair] = why

    def _weigh(self, one: int, other: int) -> None:
        self._keep((one, other), self._rules.weigh(self._sides[one], self._sides[other]))

    def _keep(self, pair: Pair, bits: float | None) -> None:
        self._bits[pair] = bits
        if bits is not None and bits >= self._rules.accept:
            heapq.heappush(self._heap, (-bits, pair))

    def _join(self, one: int, other: int, bits: float) -> str:
        """Join the two and weigh the new group, or say what hinders it."""
        if len(self._members[one]) + len(self._members[other]) > self._rules.most:
            return "too many rows for one person"
        near = (self._near[one] | self._near[other]) - {one, other}
        if not near:
            self._absorb(one, other)  # and nobody asks any more what both have
            return ""
        both = self._rules.unite(self._sides[one], self._sides[other])
        least = max(self._rules.doubt, bits - self._rules.margin)
        weighed: dict[int, float | None] = {}
        for rival in near:
            if self._fits(one, rival, least) or self._fits(other, rival, least):
                weighed[rival] = self._rules.weigh(both, self._sides[rival])
                if weighed[rival] is None:
                    return "another one fits as well"
        self._absorb(one, other)
        self._sides[one] = both
        for each in near:
            if each < one:
                self._weigh(each, one)
            elif each in weighed:
                self._keep((one, each), weighed[each])
            else:
                self._weigh(one, each)
        return ""

    def _fits(self, side: int, rival: int, least: float) -> bool:
        bits = self._bits.get((side, rival) if side < rival else (rival, side))
        return bits is not None and bits >= least

    def _absorb(self, one: int, other: int) -> None:
        del self._sides[other]
        self._members[one] += self._members.pop(other)
        for each in self._near.pop(other):
            self._near[each].discard(other)
            self._bits.pop((each, other) if each < other else (other, each), None)
            if each != one:
                self._near[each].add(one)
                self._near[one].add(each)

    def result(self) -> Clustered:
        doubts = []
        for (one, other), bits in sorted(self._bits.items()):
            found: tuple[float, str] | None = None
            if bits is None:
                found = self._rules.despite(self._sides[one], self._sides[other])
            elif bits >= self._rules.doubt:
                found = bits, self._why.get((one, other), "too little speaks for it")
            if found:
                doubts.append(Doubt(self._first(one), self._first(other), *found))
        for pair in self._untold:
            one, other = sorted(
                min(group) for group in self._members.values() if not set(pair).isdisjoint(group)
            )
            doubts.append(Doubt(one, other, 0.0, _CONTRADICTED))
        groups = sorted(sorted(members) for members in self._members.values())
        return Clustered(groups, doubts)

    def _first(self, number: int) -> int:
        return min(self._members[number])
