"""Learning a model from unlabelled rows: some pairs of rows say themselves whether they match.

Rows with the same mobile and the same e-mail are one person; rows with different middle names are
two. Frequencies counted on such pairs are applied to all others. Work grows linearly: of each
block of n rows n pairs are compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import log2
from zlib import crc32

from transforms.matching.blocking import HOT_KEY_LIMIT
from transforms.matching.comparison_levels import (
    CLOSE,
    DIFFERENT,
    EXACT,
    UNKNOWN,
    first_level,
    last_level,
    middle_level,
)
from transforms.matching.evidence import compare_values
from transforms.matching.model import (
    ABSENT,
    CIRCUMSTANCES,
    DEFAULT,
    PARTS,
    SHARED,
    USUAL_COMPANY,
    Model,
    pack_circumstances,
)
from transforms.matching.profiles import Name, Profile

ENOUGH = 5000
"""The number of rows from which on a model is learned."""

PLENTY = 50_000
"""A model that was learned from as many rows is not learned again."""

# 32 to 1: two rows whose log-odds are higher are joined.
_ACCEPT = 5.0
# More rows than this teach nothing more, and are kept in memory meanwhile.
_SAMPLE_SIZE = 100_000
# The default model counts as much as this number of pairs.
_STRENGTH = 20.0
_MAX_VALUES = 3000
_UNSEEN = 3


class Sample:
    """Rows to learn from, taken company by company so that blocks stay whole; and all sizes.

    ``total`` is the approximate number of rows.
    """

    def __init__(self, total: int) -> None:
        self.profiles: dict[str, Profile] = {}
        self.sizes = Counter[str]()
        self._stride = max(1, total // _SAMPLE_SIZE)

    def add(self, ref: str, profile: Profile) -> None:
        """Counts the row, and keeps it when its company is one to learn from."""
        for tin in profile.tins:
            self.sizes[tin] += 1
        if crc32(profile.tins[0].encode()) % self._stride == 0:
            self.profiles[ref] = profile


def sample_of(profiles: Mapping[str, Profile]) -> Sample:
    """Returns the sample of all these rows."""
    sample = Sample(len(profiles))
    for ref, profile in profiles.items():
        sample.add(ref, profile)
    return sample


def learn(sample: Sample, version: int) -> Model:
    """Returns the model learned from the rows; for few rows it is nearly the default."""
    profiles = sample.profiles
    # Neighbours are compared: their order must have no pattern, and be the same everywhere.
    rows = [profiles[ref] for ref in sorted(profiles, key=_digest)]
    counts = _PairCounts()
    for a, b in _pairs(rows):
        counts.add(a, b)
    shares, rare = zip(*(_shares(rows, part) for part in PARTS), strict=True)
    return Model(
        version,
        prior=tuple(map(counts.prior, range(CIRCUMSTANCES))),
        kin=tuple(map(counts.kin, range(CIRCUMSTANCES))),
        siblings=counts.siblings(),
        accept=_ACCEPT,
        match=tuple(map(counts.match, range(3))),
        non_match=tuple(map(counts.non_match, range(3))),
        values=shares,
        rare=rare,
        companies={tin: size for tin, size in sorted(sample.sizes.items()) if size > USUAL_COMPANY},
    )


def _digest(ref: str) -> bytes:
    return blake2b(ref.encode(), digest_size=8).digest()


def _pairs(rows: Sequence[Profile]) -> Iterator[tuple[Profile, Profile]]:
    """Yields pairs of rows with something in common: the neighbours of each block."""
    blocks: dict[str, list[Profile]] = defaultdict(list)
    for row in rows:
        for value in (*row.mobiles, *row.mailboxes, *row.extensions):
            blocks[value].append(row)
    personal = [block for block in blocks.values() if len(block) <= HOT_KEY_LIMIT]
    blocks.clear()
    for row in rows:
        for tin in row.tins:
            blocks[tin].append(row)
    for block in (*personal, *blocks.values()):
        yield from pairwise(block)


class _PairCounts:
    """Pairs counted by circumstance, and by comparison level of each name part."""

    def __init__(self) -> None:
        self._one_person, self._two_people = Counter[int](), Counter[int]()
        self._kin, self._related = Counter[int](), Counter[int]()
        self._match = tuple(Counter[int]() for _ in PARTS)
        self._non_match = tuple(Counter[int]() for _ in PARTS)

    def add(self, a: Profile, b: Profile) -> None:
        mobile, mailbox = _compare(a.mobiles, b.mobiles), _compare(a.mailboxes, b.mailboxes)
        a_name, b_name = a.name, b.name
        last = last_level(a_name.last, b_name.last)
        first = first_level(a_name.first, b_name.first)
        middle = middle_level(a_name.middle, b_name.middle)
        if mobile == mailbox == SHARED:
            for part, level in enumerate((last, first, middle)):
                self._match[part][level] += 1
        if DIFFERENT in (last, first, middle):
            self._add_non_match(last, first, middle)
        if _is_full(a_name) and _is_full(b_name):
            company = _compare(a.tins, b.tins) == SHARED
            extension = _compare(a.extensions, b.extensions) == SHARED
            circumstance = pack_circumstances(company, mobile, mailbox, extension)
            self._add_circumstance(circumstance, last, first, middle)

    def _add_non_match(self, last: int, first: int, middle: int) -> None:
        if max(last, first) == DIFFERENT:
            self._non_match[2][middle] += 1
        if first == DIFFERENT and last <= CLOSE and middle in (EXACT, CLOSE, DIFFERENT):
            self._related[middle] += 1
        if middle == DIFFERENT:
            self._non_match[0][last] += 1
            self._non_match[1][first] += 1

    def _add_circumstance(self, circumstance: int, last: int, first: int, middle: int) -> None:
        if DIFFERENT in (first, middle):
            self._two_people[circumstance] += 1
            self._kin[circumstance] += last <= CLOSE
        elif max(first, middle) <= CLOSE:
            self._one_person[circumstance] += 1

    def prior(self, circumstance: int) -> float:
        usual = 1 / (1 + 2 ** -DEFAULT.prior[circumstance])
        one_person = self._one_person[circumstance] + _STRENGTH * usual
        two_people = self._two_people[circumstance] + _STRENGTH * (1 - usual)
        return log2(one_person / two_people)

    def kin(self, circumstance: int) -> float:
        kin = self._kin[circumstance] + _STRENGTH * DEFAULT.kin[circumstance]
        return kin / (self._two_people[circumstance] + _STRENGTH)

    def siblings(self) -> float:
        alike = self._related[EXACT] + self._related[CLOSE] + _STRENGTH * DEFAULT.siblings
        return alike / (self._related.total() + _STRENGTH)

    def match(self, part: int) -> tuple[float, ...]:
        return _smoothed(self._match[part], DEFAULT.match[part])

    def non_match(self, part: int) -> tuple[float, ...]:
        return _smoothed(self._non_match[part], DEFAULT.non_match[part])


def _compare(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    # Most rows have none: this spares the sets.
    return compare_values(frozenset(a), frozenset(b)) if a and b else ABSENT


def _is_full(name: Name) -> bool:
    return len(name.first) > 1 and len(name.middle) > 1


def _smoothed(counts: Counter[int], usual: Sequence[float]) -> tuple[float, ...]:
    """Returns the share of each level among the pairs where both parts are known."""
    total = counts.total() - counts[UNKNOWN]
    return tuple(
        1.0 if level == UNKNOWN else (counts[level] + _STRENGTH * share) / (total + _STRENGTH)
        for level, share in enumerate(usual)
    )


def _shares(rows: Sequence[Profile], part: str) -> tuple[dict[str, float], float]:
    """Returns the share of each frequent value of a name part, and the share of a rare one."""
    counts = Counter(value for row in rows if len(value := getattr(row.name, part)) > 1)
    total = max(counts.total(), 1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MAX_VALUES]
    shares = {value: (count + _UNSEEN) / total for value, count in sorted(ordered)}
    # A unique value may be a slip of the pen: it is taken to be less rare than it looks.
    return shares, min([*shares.values(), 1.0])
