"""Which contact rows of one company are one person, and that person's golden record.

Rows meet in blocks (same company and same full name, or same company and same personal number or
box). Inside a block two clusters are joined when their names are compatible and no third cluster
of the block fits the one but contradicts the other: what is ambiguous stays apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from transforms.matching.golden import (
    GoldenContact,
    Provenance,
    Sourced,
    Survivorship,
    newest_first,
)
from transforms.matching.persons import (
    SHARED_BY_MANY,
    Name,
    compatible,
    name_of,
    overlap,
    personal_keys,
)
from transforms.records import Contact

# More clusters in one block than this are not compared each with each: the time would be cubic.
_MOST_COMPARED = 40

ContactRow = Sourced[Contact]


class _Clusters:
    """Union-find over row numbers that knows each row's name and every name in each cluster."""

    def __init__(self, names: Sequence[Name]) -> None:
        self._parent = list(range(len(names)))
        self.own = names
        self.names = [{name} for name in names]

    def find(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, one: int, other: int) -> None:
        one, other = sorted((self.find(one), self.find(other)))
        if one != other:
            self._parent[other] = one
            self.names[one] |= self.names[other]

    def compatible(self, one: int, other: int) -> bool:
        return all(compatible(a, b) for a in self.names[one] for b in self.names[other])

    def overlap(self, one: int, other: int) -> bool:
        return any(overlap(a, b) for a in self.names[one] for b in self.names[other])

    def groups(self) -> list[list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for row in range(len(self._parent)):
            found[self.find(row)].append(row)
        return list(found.values())


def cluster(
    rows: Sequence[ContactRow], tins: Mapping[str, Iterable[str]]
) -> list[list[ContactRow]]:
    """The rows put into persons. ``tins`` names each row's companies (by ``row.ref``).

    The result does not depend on the order of ``rows``.
    """
    ordered = sorted(rows, key=lambda row: (row.source, row.source_id))
    names = [name_of(row.record) for row in ordered]
    clusters = _Clusters(names)
    by_evidence, by_name = _blocks(ordered, names, tins)
    for block in by_evidence:
        _join(clusters, block, needs_overlap=True)
    for block in by_name:
        _join(clusters, block, needs_overlap=False)
    return [[ordered[number] for number in group] for group in clusters.groups()]


def _blocks(
    ordered: Sequence[ContactRow], names: Sequence[Name], tins: Mapping[str, Iterable[str]]
) -> tuple[list[list[int]], list[list[int]]]:
    by_evidence: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_name: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, (row, name) in enumerate(zip(ordered, names, strict=True)):
        keys = set(personal_keys(row.record))
        for tin in tins[row.ref]:
            for key in keys:
                by_evidence[tin, key].append(number)
            if len(name.last) > 1 and len(name.first) > 1:
                by_name[tin, name.last, name.first].append(number)
    personal = [
        block
        for _, block in sorted(by_evidence.items())
        if len(block) > 1 and len({names[number] for number in block}) <= SHARED_BY_MANY
    ]
    return personal, [block for _, block in sorted(by_name.items()) if len(block) > 1]


def _join(clusters: _Clusters, block: Sequence[int], needs_overlap: bool) -> None:
    first_of: dict[Name, int] = {}
    for number in block:
        # The very same name within a block is the same person, however many rows there are.
        twin = clusters.find(first_of.setdefault(clusters.own[number], number))
        if twin != clusters.find(number) and clusters.compatible(twin, clusters.find(number)):
            clusters.join(twin, number)
    roots = sorted({clusters.find(number) for number in block})
    if len(roots) <= _MOST_COMPARED:
        for one, other in _joinable(clusters, roots, needs_overlap):
            clusters.join(one, other)


def _joinable(
    clusters: _Clusters, roots: Sequence[int], needs_overlap: bool
) -> list[tuple[int, int]]:
    fits = {(one, other): clusters.compatible(one, other) for one, other in combinations(roots, 2)}
    fits.update({(other, one): fit for (one, other), fit in list(fits.items())})
    return [
        (one, other)
        for one, other in combinations(roots, 2)
        if fits[one, other]
        and (not needs_overlap or clusters.overlap(one, other))
        and all(
            fits[one, third] == fits[other, third] for third in roots if third not in (one, other)
        )
    ]


def merge_contact(
    key: str, rows: Iterable[ContactRow], tins: Iterable[str]
) -> tuple[GoldenContact, Provenance]:
    """The golden record of one person: a pure function of the set of rows."""
    ordered = newest_first(rows)
    survivors = Survivorship(ordered)
    golden = GoldenContact(
        key=key,
        last_name=_fullest(ordered, survivors, "last_name"),
        first_name=_fullest(ordered, survivors, "first_name"),
        middle_name=_fullest(ordered, survivors, "middle_name"),
        position=survivors.newest("position"),
        tins=tuple(sorted(set(tins))),
        phones=survivors.united("phones"),
        emails=survivors.united("emails"),
    )
    return golden, survivors.provenance


def _fullest(ordered: Sequence[ContactRow], survivors: Survivorship[Contact], field: str) -> str:
    # An initial is true but says less than an older full name.
    for row in ordered:
        value: str = getattr(row.record, field)
        if len(value.rstrip(".")) > 1:
            survivors.provenance[field] = row.ref
            return value
    return survivors.newest(field)
