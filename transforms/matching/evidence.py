"""Evidence: what two clusters of rows share, and how much it weighs for their being one person."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from transforms.matching.comparison_levels import LEVEL_NAMES, UNKNOWN
from transforms.matching.model import (
    ABSENT,
    DISJOINT,
    PARTS,
    SHARED,
    Model,
    pack_circumstances,
    unpack_circumstances,
)
from transforms.matching.name_comparison import Names, compare_names, merge_names, names_of
from transforms.matching.profiles import Profile

# Bits that each further person with the same number or mailbox takes away.
_CROWD_PENALTY = 2.0

Strings = frozenset[str]


class Cluster(msgspec.Struct, frozen=True, gc=False):
    """Rows taken as one person: the names and everything that identifies the person.

    ``judged_rows`` are the references of those of its rows on which people have given a judgement.
    """

    names: Names
    mobiles: Strings
    mailboxes: Strings
    extensions: Strings
    tins: Strings
    judged_rows: Strings = frozenset()


class Evidence(NamedTuple):
    """A line of evidence: what was compared, with which result, and its weight in bits."""

    comparison: str
    result: str
    bits: float


def cluster_of(profile: Profile, judged_rows: Strings = frozenset()) -> Cluster:
    """Returns the cluster of rows that all have this profile."""
    return Cluster(
        names_of(profile.name),
        frozenset(profile.mobiles),
        frozenset(profile.mailboxes),
        frozenset(profile.extensions),
        frozenset(profile.tins),
        judged_rows,
    )


def without(cluster: Cluster, values: Strings) -> Cluster:
    """Returns the cluster without these numbers and mailboxes: they identify no person."""
    return msgspec.structs.replace(
        cluster,
        mobiles=cluster.mobiles - values,
        mailboxes=cluster.mailboxes - values,
        extensions=cluster.extensions - values,
    )


def trust_judgement(cluster: Cluster) -> Cluster:
    """Returns the cluster with names whose spellings may differ, because people said so."""
    names = msgspec.structs.replace(cluster.names, by_judgement=True)
    return msgspec.structs.replace(cluster, names=names)


def merge(a: Cluster, b: Cluster) -> Cluster:
    """Returns both clusters as one."""
    return Cluster(
        a.names if a.names is b.names else merge_names(a.names, b.names),
        a.mobiles | b.mobiles,
        a.mailboxes | b.mailboxes,
        a.extensions | b.extensions,
        a.tins | b.tins,
        a.judged_rows | b.judged_rows,
    )


def veto(a: Cluster, b: Cluster) -> str:
    """Returns why a guard forbids that the two are one person, "" when none does."""
    return compare_names(a.names, b.names).veto


def weigh(a: Cluster, b: Cluster, model: Model, crowds: Mapping[str, int]) -> float:
    """Returns the log-odds in bits that the two are one person.

    ``crowds`` says how many different people have a number or mailbox, where several do.
    """
    circumstance, tins = _circumstance(a, b)
    comparison = compare_names(a.names, b.names)
    last, first, middle = model.name_bits(comparison.levels, comparison.values, circumstance)
    bits = model.prior_bits(circumstance, tins) + last + first + middle
    return bits + _crowd_bits(_crowd(a, b, crowds)) if crowds else bits


def itemize(
    a: Cluster, b: Cluster, model: Model, crowds: Mapping[str, int]
) -> tuple[Evidence, ...]:
    """Returns what ``weigh`` adds up, line by line."""
    circumstance, tins = _circumstance(a, b)
    comparison = compare_names(a.names, b.names)
    prior_bits = model.prior_bits(circumstance, tins)
    evidence = [Evidence("circumstances", _in_words(circumstance), prior_bits)]
    crowd = _crowd(a, b, crowds)
    if crowd > 1:
        evidence.append(Evidence("shared with", f"{crowd} different people", _crowd_bits(crowd)))
    name_bits = model.name_bits(comparison.levels, comparison.values, circumstance)
    evidence += [
        Evidence(f"{part} name", LEVEL_NAMES[level], bits)
        for part, level, bits in zip(PARTS, comparison.levels, name_bits, strict=True)
        if level != UNKNOWN
    ]
    return tuple(evidence)


def _circumstance(a: Cluster, b: Cluster) -> tuple[int, Strings]:
    """Returns what the two share besides the name, packed, and the companies among it."""
    tins = a.tins & b.tins
    mobile = compare_values(a.mobiles, b.mobiles)
    mailbox = compare_values(a.mailboxes, b.mailboxes)
    extension = not a.extensions.isdisjoint(b.extensions)
    return pack_circumstances(bool(tins), mobile, mailbox, extension), tins


def compare_values(a: Strings, b: Strings) -> int:
    """Returns the comparison level of two sets of numbers or mailboxes."""
    if not a or not b:
        return ABSENT
    return DISJOINT if a.isdisjoint(b) else SHARED


def _crowd(a: Cluster, b: Cluster, crowds: Mapping[str, int]) -> int:
    """Returns how many different people have the least common of the shared values."""
    return min((crowds.get(value, 1) for value in _shared_values(a, b)), default=1)


def _crowd_bits(crowd: int) -> float:
    return _CROWD_PENALTY * (1 - crowd)


def _shared_values(a: Cluster, b: Cluster) -> Strings:
    """Returns the numbers and mailboxes that both have."""
    return a.mobiles & b.mobiles | a.mailboxes & b.mailboxes | a.extensions & b.extensions


def _in_words(circumstance: int) -> str:
    company, mobile, mailbox, extension = unpack_circumstances(circumstance)
    words = ["one company" if company else "no company in common"]
    for name, level in (("mobile", mobile), ("e-mail", mailbox)):
        if level != ABSENT:
            words.append(f"the same {name}" if level == SHARED else f"other {name}s")
    return ", ".join([*words, "the same extension"] if extension else words)
