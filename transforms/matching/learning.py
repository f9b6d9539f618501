"""Learning a model from rows without anybody's labels: some pairs of rows say what they are.

Rows with equal mobile and e-mail are one person; rows with different middle names are two. What is
counted on such pairs holds for all others. Work grows with the rows: of each star of n rows n pairs
are looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import log2
from zlib import crc32

from transforms.matching.evidence import stand
from transforms.matching.model import (
    CIRCUMSTANCES,
    DEFAULT,
    NEITHER,
    PARTS,
    SHARED,
    USUAL_COMPANY,
    Model,
    circumstances,
)
from transforms.matching.name_forms import (
    CLOSE,
    OTHER,
    SAME,
    UNKNOWN,
    first_level,
    last_level,
    middle_level,
)
from transforms.matching.profiles import HOT, Name, Profile

ENOUGH = 5000
"""Rows: from so many on it is worth while to learn."""

PLENTY = 50_000
"""Rows: what was learned from so many is not learned again."""

# 32 to 1: from there on two rows are joined.
_ACCEPT = 5.0
# Rows to learn from: more say nothing new, and are kept in memory meanwhile.
_SAMPLE = 100_000
# What the default says counts as much as so many pairs.
_STRENGTH = 20.0
_MOST_VALUES = 3000
_UNSEEN = 3


class Sample:
    """Rows to learn from, taken company by company so that stars stay whole; and all sizes.

    ``total`` is how many rows there are, more or less.
    """

    def __init__(self, total: int) -> None:
        self.profiles: dict[str, Profile] = {}
        self.sizes = Counter[str]()
        self._every = max(1, total // _SAMPLE)

    def add(self, ref: str, profile: Profile) -> None:
        """Count the row, and keep it when its company is one to learn from."""
        for tin in profile.tins:
            self.sizes[tin] += 1
        if crc32(profile.tins[0].encode()) % self._every == 0:
            self.profiles[ref] = profile


def sample_of(profiles: Mapping[str, Profile]) -> Sample:
    """What to learn from of all these rows."""
    sample = Sample(len(profiles))
    for ref, profile in profiles.items():
        sample.add(ref, profile)
    return sample


def learn(sample: Sample, version: int) -> Model:
    """The model that the rows tell; nearly the default for few rows."""
    profiles = sample.profiles
    # Neighbours are compared: their order must have no pattern, and be the same everywhere.
    rows = [profiles[ref] for ref in sorted(profiles, key=_digest)]
    counts = _Counts()
    for one, other in _pairs(rows):
        counts.add(one, other)
    shares, rare = zip(*(_shares(rows, part) for part in PARTS), strict=True)
    return Model(
        version,
        prior=tuple(map(counts.prior, range(CIRCUMSTANCES))),
        kin=tuple(map(counts.kin, range(CIRCUMSTANCES))),
        siblings=counts.siblings(),
        accept=_ACCEPT,
        match=tuple(map(counts.match, range(3))),
        other=tuple(map(counts.other, range(3))),
        values=shares,
        rare=rare,
        companies={tin: size for tin, size in sorted(sample.sizes.items()) if size > USUAL_COMPANY},
    )


def _digest(ref: str) -> bytes:
    return blake2b(ref.encode(), digest_size=8).digest()


def _pairs(rows: Sequence[Profile]) -> Iterator[tuple[Profile, Profile]]:
    """Pairs of rows with something in common: of each star the neighbours."""
    stars: dict[str, list[Profile]] = defaultdict(list)
    for row in rows:
        for key in (*row.mobiles, *row.boxes, *row.extensions):
            stars[key].append(row)
    personal = [star for star in stars.values() if len(star) <= HOT]
    stars.clear()
    for row in rows:
        for tin in row.tins:
            stars[tin].append(row)
    for star in (*personal, *stars.values()):
        yield from pairwise(star)


class _Counts:
    """What the pairs say, by circumstance and by part of the name."""

    def __init__(self) -> None:
        self._same, self._different = Counter[int](), Counter[int]()
        self._kin, self._related = Counter[int](), Counter[int]()
        self._match = tuple(Counter[int]() for _ in PARTS)
        self._other = tuple(Counter[int]() for _ in PARTS)

    def add(self, one: Profile, other: Profile) -> None:
        mobile, box = _stand(one.mobiles, other.mobiles), _stand(one.boxes, other.boxes)
        circumstance = circumstances(
            _stand(one.tins, other.tins) == SHARED,
            mobile,
            box,
            _stand(one.extensions, other.extensions) == SHARED,
        )
        mine, its = one.name, other.name
        last = last_level(mine.last, its.last)
        first = first_level(mine.first, its.first)
        middle = middle_level(mine.middle, its.middle)
        if mobile == box == SHARED:
            for part, found in enumerate((last, first, middle)):
                self._match[part][found] += 1
        if max(last, first) == OTHER:
            self._other[2][middle] += 1
        if first == OTHER and last <= CLOSE and middle in (SAME, CLOSE, OTHER):
            self._related[middle] += 1
        if middle == OTHER:
            self._other[0][last] += 1
            self._other[1][first] += 1
        if not (_full(mine) and _full(its)):
            return
        if OTHER in (first, middle):
            self._different[circumstance] += 1
            self._kin[circumstance] += last <= CLOSE
        elif max(first, middle) <= CLOSE:
            self._same[circumstance] += 1

    def prior(self, circumstance: int) -> float:
        usual = 1 / (1 + 2 ** -DEFAULT.prior[circumstance])
        same = self._same[circumstance] + _STRENGTH * usual
        different = self._different[circumstance] + _STRENGTH * (1 - usual)
        return log2(same / different)

    def kin(self, circumstance: int) -> float:
        kin = self._kin[circumstance] + _STRENGTH * DEFAULT.kin[circumstance]
        return kin / (self._different[circumstance] + _STRENGTH)

    def siblings(self) -> float:
        alike = self._related[SAME] + self._related[CLOSE] + _STRENGTH * DEFAULT.siblings
        return alike / (self._related.total() + _STRENGTH)

    def match(self, part: int) -> tuple[float, ...]:
        return _smoothed(self._match[part], DEFAULT.match[part])

    def other(self, part: int) -> tuple[float, ...]:
        return _smoothed(self._other[part], DEFAULT.other[part])


def _stand(mine: tuple[str, ...], its: tuple[str, ...]) -> int:
    # Of most rows one knows none.
    return stand(frozenset(mine), frozenset(its)) if mine and its else NEITHER


def _full(name: Name) -> bool:
    return len(name.first) > 1 and len(name.middle) > 1


def _smoothed(counted: Counter[int], usual: Sequence[float]) -> tuple[float, ...]:
    known = counted.total() - counted[UNKNOWN]
    return tuple(
        1.0 if found == UNKNOWN else (counted[found] + _STRENGTH * share) / (known + _STRENGTH)
        for found, share in enumerate(usual)
    )


def _shares(rows: Sequence[Profile], part: str) -> tuple[dict[str, float], float]:
    """The share of each frequent value of a name part, and that of a rare one."""
    counted = Counter(value for row in rows if len(value := getattr(row.name, part)) > 1)
    total = max(counted.total(), 1)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]
    shares = {value: (count + _UNSEEN) / total for value, count in sorted(ordered)}
    # A value that nobody else has may be a slip: it is taken to be less rare than it looks.
    return shares, min([*shares.values(), 1.0])
