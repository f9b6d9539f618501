"""The weights of evidence: a Fellegi-Sunter model whose numbers are frozen by version.

The weights are log-odds in bits. What rows share besides the name (the *circumstances*: a company,
a mobile, a mailbox, an extension) is weighed as a whole, because its parts depend on each other:
people of one family share several of them. The weights of the three name parts are added; a rare
value weighs more.
"""

from functools import lru_cache
from math import log2

import msgspec

from transforms.matching.comparison_levels import EXACT, INITIAL

PARTS = ("last", "first", "middle")

ABSENT, SHARED, DISJOINT = range(3)
"""Comparison levels of mobiles and of mailboxes: one side has none, both have one, they differ."""

CIRCUMSTANCES = 36


def pack_circumstances(company: bool, mobile: int, mailbox: int, extension: bool) -> int:
    """Returns the number of a combination, from 0 to 35."""
    return ((company * 3 + mobile) * 3 + mailbox) * 2 + extension


def unpack_circumstances(circumstance: int) -> tuple[bool, int, int, bool]:
    """Returns the combination of a number: company, mobile, mailbox, extension.

    >>> unpack_circumstances(pack_circumstances(True, DISJOINT, SHARED, False))
    (True, 2, 1, False)
    """
    rest, extension = divmod(circumstance, 2)
    rest, mailbox = divmod(rest, 3)
    company, mobile = divmod(rest, 3)
    return bool(company), mobile, mailbox, bool(extension)


class Model(msgspec.Struct, frozen=True, rename={"non_match": "other"}):
    """The numbers of one version; version 0 is built into the program.

    ``prior``: log-odds that two rows of such circumstances are one person, by circumstance.
    ``kin``: how likely two different people of such circumstances share a surname.
    ``siblings``: how likely two such people with one surname share the middle name as well.
    ``match``, ``non_match``: probabilities of each comparison level, by name part, for two rows of
    one person (Fellegi and Sunter's m) and of two people (u). ``values``: the share of each
    frequent value, by part; ``rare``: that of any other value. ``companies``: the number of rows
    of each large company. From ``accept`` bits on two rows are joined, from ``doubt`` bits on they
    are doubtful.

    The ledger keeps ``non_match`` under the name ``other``.
    """

    version: int
    prior: tuple[float, ...]
    kin: tuple[float, ...]
    match: tuple[tuple[float, ...], ...]
    non_match: tuple[tuple[float, ...], ...]
    values: tuple[dict[str, float], ...]
    rare: tuple[float, ...]
    companies: dict[str, int]
    siblings: float
    accept: float
    doubt: float = 0.0

    def name_bits(
        self, levels: tuple[int, int, int], values: tuple[str, str, str], circumstance: int
    ) -> tuple[float, float, float]:
        """Returns the weights of the three parts' agreement; ``values`` are what both have.

        People who share a surname may be kin, and kin share the middle name too: seen together
        the two weigh less than the sum of both alone.
        """
        last, first, middle = levels
        match_last, match_middle = self.match[0][last], self.match[2][middle]
        chance_last = self._chance(0, last, values[0])
        chance_middle = self._chance(2, middle, values[2])
        if last <= INITIAL:
            # A family's surname comes misspelt and shortened as well.
            kin = self.kin[circumstance] * match_last / self.match[0][EXACT]
            chance_last += kin
            related = self.siblings * kin / chance_last
            chance_middle += related * (match_middle - chance_middle)
        return (
            log2(match_last / chance_last),
            log2(self.match[1][first] / self._chance(1, first, values[1])),
            log2(match_middle / chance_middle),
        )

    def _chance(self, part: int, level: int, value: str) -> float:
        """Returns how likely two different people agree at this level in this part."""
        if level == EXACT:
            return self.values[part].get(value, self.rare[part])
        return self.non_match[part][level]

    def prior_bits(self, circumstance: int, tins: frozenset[str]) -> float:
        """Returns the weight of the circumstances; in a large company a name alone weighs less."""
        bits = self.prior[circumstance]
        if self.companies and circumstance in _COMPANY_ALONE:
            smallest = min(self.companies.get(tin, 0) for tin in tins)
            if smallest > USUAL_COMPANY:
                bits -= log2(smallest / USUAL_COMPANY)
        return bits


def _company_alone(circumstance: int) -> bool:
    """Returns whether a company is all that two rows share."""
    company, mobile, mailbox, extension = unpack_circumstances(circumstance)
    return company and SHARED not in (mobile, mailbox) and not extension


_COMPANY_ALONE = frozenset(filter(_company_alone, range(CIRCUMSTANCES)))

USUAL_COMPANY = 30
"""A company with more rows than this is large, and the model keeps its size."""

_decode = msgspec.msgpack.Decoder(Model).decode
_encode = msgspec.msgpack.Encoder().encode


def encode_model(model: Model) -> bytes:
    """Returns the model as the ledger keeps it."""
    return _encode(model)


def decode_model(payload: bytes) -> Model:
    """Returns the model in a payload of the ledger.

    Raises:
        msgspec.DecodeError: when it holds no model.
    """
    return _decode(payload)


@lru_cache(maxsize=1)
def model_of(payload: bytes) -> Model:
    """Returns the model in a payload, or the built-in one when the payload is empty."""
    return decode_model(payload) if payload else DEFAULT


def _default_prior(circumstance: int) -> float:
    company, mobile, mailbox, extension = unpack_circumstances(circumstance)
    shared = (mobile == SHARED) + (mailbox == SHARED) + extension
    # A person keeps one mailbox in a company more often than one mobile.
    penalty = 3.0 * (mobile == DISJOINT) + 5.0 * (mailbox == DISJOINT)
    if not shared:
        return (-1.0 if company else -18.0) - penalty
    strength = (0.0, 5.0, 8.0, 12.0)[shared] + 2.0 * (mailbox == SHARED) - 1.0 * extension
    return strength - 0.5 * penalty - (0.0 if company else 1.0)


def _default_kin(circumstance: int) -> float:
    company, mobile, mailbox, extension = unpack_circumstances(circumstance)
    if mobile == SHARED or mailbox == SHARED:
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
    non_match=(
        (0.02, 0.02, 0.04, 1.0, 0.92),
        (0.03, 0.005, 0.03, 1.0, 0.935),
        (0.03, 0.005, 0.05, 1.0, 0.915),
    ),
    values=({}, {}, {}),
    rare=(0.004, 0.025, 0.025),
    companies={},
    siblings=0.4,
    # Higher than a learned model's: this one has not seen the data.
    accept=6.5,
)
"""The model that is used until a run has enough rows to learn from."""
