"""``svod explain ROW ROW``: why two contact rows are one person, or why not."""

from collections import deque
from collections.abc import Iterator, Mapping

from sqlalchemy.engine import Connection

from transforms.consolidation.connected_components import component_of
from transforms.consolidation.persons import basis_of
from transforms.core.identity import row_key
from transforms.core.records import CONTACT
from transforms.ledger.rows import links
from transforms.matching.blocking import blocking_keys
from transforms.matching.contacts import MatchingBasis, align_name_parts, cluster_contacts
from transforms.matching.evidence import cluster_of, itemize, veto, weigh

_KINDS = {"m": "mobile", "e": "e-mail", "x": "extension", "n": "name in company"}


def pair_lines(connection: Connection, one: str, other: str) -> Iterator[str]:
    """The answer, the judgement if there is one, the evidence with its weights, and the path.

    Nothing when one of the two is no contact row of the base.
    """
    rows = component_of(connection, row_key(one))
    far = row_key(other) not in rows
    if far:
        rows = sorted({*rows, *component_of(connection, row_key(other))})
    basis = basis_of(connection, rows)
    if one not in basis.profiles or other not in basis.profiles:
        return
    basis.profiles = dict(align_name_parts(basis.profiles))
    people = links.golden_key_by_row(connection, CONTACT, [row_key(one), row_key(other)])
    keys = [people.get(row_key(ref), "nobody yet") for ref in (one, other)]
    if keys[0] == keys[1]:
        yield f"{one} and {other} are one person: contact {keys[0]}"
    else:
        yield f"{one} and {other} are two persons: contacts {keys[0]} and {keys[1]}"
    said = basis.judgements.get(frozenset((one, other)))
    if said is not None:
        yield f"Somebody has said that they are {'one' if said else 'two'}."
    yield "1. The two rows held against each other"
    yield from _evidence_lines(basis, one, other)
    yield "2. The path between them"
    yield from (["   nothing ties them"] if far else _path_lines(basis, one, other))
    yield "3. The persons as wholes"
    yield from _doubt_lines(basis, one, other)


def _evidence_lines(basis: MatchingBasis, one: str, other: str) -> Iterator[str]:
    mine, its = (cluster_of(basis.profiles[ref]) for ref in (one, other))
    if why := veto(mine, its):
        yield f"   forbidden: {why}"
    bits = weigh(mine, its, basis.model, {})
    for what, how, weight in itemize(mine, its, basis.model, {}):
        yield f"   {what}: {how}, {weight:+.1f} bits"
    model = basis.model
    learned = f"model {model.version}" if model.version else "the model before any learning"
    yield (
        f"   together {bits:+.1f} bits; joined from {model.accept:+.1f} on, doubtful from"
        f" {model.doubt:+.1f} on ({learned})"
    )


def _path_lines(basis: MatchingBasis, one: str, other: str) -> Iterator[str]:
    """The shortest chain of rows with a key in common."""
    owners: dict[str, list[str]] = {}
    for ref, profile in basis.profiles.items():
        for key in blocking_keys(profile):
            if key not in basis.hot:
                owners.setdefault(key, []).append(ref)
    came: dict[str, tuple[str, str]] = {other: ("", "")}
    queue = deque([other])
    while queue and one not in came:
        at = queue.popleft()
        for key in sorted(blocking_keys(basis.profiles[at])):
            for near in owners.get(key, ()):
                if near not in came:
                    came[near] = at, key
                    queue.append(near)
    if one not in came:
        yield "   no key: only a judgement, or what they once shared"
        return
    yield from _steps(came, one)


def _steps(came: Mapping[str, tuple[str, str]], one: str) -> Iterator[str]:
    at = one
    while came[at][0]:
        near, key = came[at]
        # Of a name only the company is shown: its letters are folded beyond recognition.
        value = key[1:].split(" ")[0]
        yield f"   {at} and {near}: the same {_KINDS[key[0]]} {value}"
        at = near


def _doubt_lines(basis: MatchingBasis, one: str, other: str) -> Iterator[str]:
    found = cluster_contacts(basis.profiles, basis.model, basis.hot, basis.judgements)
    mine, its = (next(group for group in found.groups if ref in group) for ref in (one, other))
    if mine is its:
        yield f"   one person of {len(mine)} rows: {', '.join(mine[:20])}"
        return
    for pair in found.doubtful_pairs:
        if set(pair.refs) == {mine[0], its[0]}:
            yield f"   doubtful, {pair.bits:+.1f} bits: {pair.reason}; svod review asks for it"
            return
    yield "   what their other rows say does not bring them together either"
