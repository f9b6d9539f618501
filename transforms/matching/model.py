"""What each piece of evidence weighs: a Fellegi-Sunter model whose numbers are frozen by version.

The weights are log-odds in bits. What rows share beside the name (the *circumstances*: a company,
a mobile, a box, an extension) is weighed as a whole, because its parts depend on each other: people
of one family share both. To that come the three name parts; a rare value tells more.
"""

from math import log2

import msgspec

from transforms.matching.name_forms import INITIAL, SAME

PARTS = ("last", "first", "middle")

NEITHER, SHARED, DIFFERENT = range(3)
"""How two sides stand to each other in mobiles, or in boxes: one knows none, one is the same, …"""

CIRCUMSTANCES = 36


def circumstances(company: bool, mobile: int, box: int, extension: bool) -> int:
    """The number of a combination, from 0 to 35."""
    return ((company * 3 + mobile) * 3 + box) * 2 + extension


def told(circumstance: int) -> tuple[bool, int, int, bool]:
    """The combination of a number: company, mobile, box, extension.

    >>> told(circumstances(True, DIFFERENT, SHARED, False))
    (True, 2, 1, False)
    """
    rest, extension = divmod(circumstance, 2)
    rest, box = divmod(rest, 3)
    company, mobile = divmod(rest, 3)
    return bool(company), mobile, box, bool(extension)


class Model(msgspec.Struct, frozen=True):
    """The numbers of one version; ``version`` 0 are those that the program brings along.

    ``prior``: log-odds that two rows of such circumstances are one person's, by circumstance.
    ``kin``: how likely two different people of such circumstances share a surname.
    ``siblings``: how likely two such people of one surname share the middle name as well.
    ``match``, ``other``: probabilities of each level (see ``name_forms``) of each name part, for
    two rows of one person and of two. ``values``: each frequent value's share, by part; ``rare``
    that of all others. ``companies``: rows of the large companies.
    """

    version: int
    prior: tuple[float, ...]
    kin: tuple[float, ...]
    match: tuple[tuple[float, ...], ...]
    other: tuple[tuple[float, ...], ...]
    values: tuple[dict[str, float], ...]
    rare: tuple[float, ...]
    companies: dict[str, int]
    siblings: float
    accept: float
    doubt: float = 0.0

    def name_bits(
        self, levels: tuple[int, int, int], values: tuple[str, str, str], circumstance: int
    ) -> tuple[float, float, float]:
        """The weights of the three parts' agreement; ``values`` are what both have.

        Who shares a surname may be kin, and kin share the middle name, too: seen together they
        say less than each alone.
        """
        last, first, middle = levels
        match_last, match_middle = self.match[0][last], self.match[2][middle]
        chance_last = self._chance(0, last, values[0])
        chance_middle = self._chance(2, middle, values[2])
        if last <= INITIAL:
            # A family's surname comes misspelt and shortened as well.
            kin = self.kin[circumstance] * match_last / self.match[0][SAME]
            chance_last += kin
            related = self.siblings * kin / chance_last
            chance_middle += related * (match_middle - chance_middle)
        return (
            log2(match_last / chance_last),
            log2(self.match[1][first] / self._chance(1, first, values[1])),
            log2(match_middle / chance_middle),
        )

    def _chance(self, part: int, level: int, value: str) -> float:
        """How likely two different people agree so in this part."""
        if level == SAME:
            return self.values[part].get(value, self.rare[part])
        return self.other[part][level]

    def prior_bits(self, circumstance: int, tins: frozenset[str]) -> float:
        """The weight of the circumstances; in a large company a name alone says less."""
        bits = self.prior[circumstance]
        if self.companies and circumstance in ALONE:
            smallest = min(self.companies.get(tin, 0) for tin in tins)
            if smallest > USUAL_COMPANY:
                bits -= log2(smallest / USUAL_COMPANY)
        return bits


ALONE = frozenset(
    number
    for number, (company, mobile, box, extension) in enumerate(map(told, range(CIRCUMSTANCES)))
    if company and SHARED not in (mobile, box) and not extension
)
"""Circumstances where a company is all that two rows share."""

USUAL_COMPANY = 30
"""Rows: a company is large when it has more, and its size is kept in the model."""

_decode = msgspec.msgpack.Decoder(Model).decode
_encode = msgspec.msgpack.Encoder().encode


def encode_model(model: Model) -> bytes:
    """The model as the ledger keeps it."""
    return _encode(model)


def decode_model(payload: bytes) -> Model:
    """The model in a payload of the ledger."""
    return _decode(payload)


def _default_prior(circumstance: int) -> float:
    company, mobile, box, extension = told(circumstance)
    shared = (mobile == SHARED) + (box == SHARED) + extension
    # A person keeps one box in a company more often than one mobile.
    different = 3.0 * (mobile == DIFFERENT) + 5.0 * (box == DIFFERENT)
    if not shared:
        return (-1.0 if company else -18.0) - different
    strength = (0.0, 5.0, 8.0, 12.0)[shared] + 2.0 * (box == SHARED) - 1.0 * extension
    return strength - 0.5 * different - (0.0 if company else 1.0)


def _default_kin(circumstance: int) -> float:
    company, mobile, box, extension = told(circumstance)
    if mobile == SHARED or box == SHARED:
        return 0.4
    return 0.1 if extension else 0.03 if company else 0.005


DEFAULT = Model(
    version=0,
    prior=tuple(map(_default_prior, range(CIRCUMSTANCES))),
    kin=tuple(map(_default_kin, range(CIRCUMSTANCES))),
    match=(
        (0.93, 0.05, 0.005, 1.0, 0.015),
        (0.83, 0.03, 0.13, 1.0, 0.01),
        (0.82, 0.03, 0.14, 1.0, 0.01),
    ),
    other=(
        (0.02, 0.02, 0.04, 1.0, 0.92),
        (0.03, 0.005, 0.03, 1.0, 0.935),
        (0.03, 0.005, 0.05, 1.0, 0.915),
    ),
    values=({}, {}, {}),
    rare=(0.004, 0.025, 0.025),
    companies={},
    siblings=0.4,
    # Without having seen the data it is wise to be more careful.
    accept=6.5,
)
"""What holds until a run has enough rows to learn from."""
