"""Blocking: the keys that rows of one person may share, and the rows that the keys connect.

Only rows with a key in common are compared. Too many rows share a hot key for it to connect any.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations

import msgspec

from transforms.matching.name_forms import full_names, stem
from transforms.matching.profiles import Name, Profile
from transforms.matching.skeletons import skeleton
from transforms.matching.union_find import UnionFind

HOT_KEY_LIMIT = 200
"""A key that more different rows than this share is hot: it identifies no person.

Rows that look alike count once: a person who stands in a thousand rows is still one person.
"""

PERSONAL = frozenset("mex")
"""The first letters of keys that stand for a mobile, an e-mail address or an extension."""

# Of the rows of a larger block each is compared with its next ones only, in the order of names.
_ALL_PAIRS_LIMIT = 12
_NEIGHBOURS = 6

Ref = str


def blocking_keys(profile: Profile) -> Iterator[str]:
    """Yields the row's keys: its numbers, its mailboxes, and its name in each of its companies."""
    for mobile in profile.mobiles:
        yield f"m{mobile}"
    for mailbox in profile.mailboxes:
        yield f"e{mailbox}"
    for extension in profile.extensions:
        yield f"x{extension}"
    names = name_keys(profile.name)
    for tin in profile.tins:
        for name in names:
            yield f"n{tin} {name}"


def value_of(key: str) -> str:
    """Returns the number or mailbox that a personal key stands for.

    >>> value_of("m+79210000001")
    '+79210000001'
    """
    return key[1:]


def name_keys(name: Name) -> tuple[str, ...]:
    """Returns the keys of a name: two, so that neither a slip nor another surname hides it.

    One is the surname's beginning with the first letter of the first name, one the first name
    with the middle name's beginning.

    >>> name_keys(Name("иванова", "саша", "ильич")), name_keys(Name("", "петр", ""))
    (('ivano a', '*aleksandr ili'), ('*petr ',))
    """
    first = _first_key(name.first)
    keys = []
    if len(name.last) > 1:
        keys.append(f"{_last_key(name.last)} {first[:1]}")
    if len(name.first) > 1:
        middle = skeleton(name.middle)[:3] if len(name.middle) > 1 else ""
        keys.append(f"*{first} {middle}")
    return tuple(keys)


@lru_cache(maxsize=65536)
def _first_key(first: str) -> str:
    return skeleton(min(full_names(first)))


@lru_cache(maxsize=65536)
def _last_key(last: str) -> str:
    return skeleton(stem(last))[:5]


def key_digests(keys: Sequence[str]) -> list[int]:
    """Returns the keys as numbers of 63 bits, as the ledger keeps them."""
    return [int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 1 for key in keys]


def profile_digest(profile: Profile) -> int:
    """Returns the whole row as a number below zero: rows that look alike share it."""
    digest = blake2b(msgspec.msgpack.encode(profile), digest_size=8).digest()
    return ~(int.from_bytes(digest) >> 1)


def digests_by_row(profiles: Mapping[Ref, Profile]) -> dict[Ref, list[int]]:
    """Returns the digests of each row's blocking keys, and the digest of its whole profile."""
    return {
        ref: [*key_digests(list(blocking_keys(profile))), profile_digest(profile)]
        for ref, profile in profiles.items()
    }


def keys_with_digests(profiles: Mapping[Ref, Profile], digests: Set[int]) -> set[str]:
    """Returns the rows' blocking keys whose digests are among these."""
    if not digests:
        return set()
    keys = sorted({key for profile in profiles.values() for key in blocking_keys(profile)})
    return {key for key, digest in zip(keys, key_digests(keys), strict=True) if digest in digests}


def connected_components(profiles: Mapping[Ref, Profile]) -> tuple[list[list[Ref]], set[str]]:
    """Returns the rows that blocking keys connect, by component, and the hot keys."""
    rows = UnionFind.of([ref] for ref in profiles)
    first_alike: dict[Profile, Ref] = {}
    # Most keys have a single row, and need no list.
    first_with: dict[str, Ref] = {}
    more_with: dict[str, list[Ref]] = defaultdict(list)
    for ref, profile in profiles.items():
        alike = first_alike.setdefault(profile, ref)
        if alike != ref:
            rows.connect((alike, ref))
            continue
        for key in blocking_keys(profile):
            if first_with.setdefault(key, ref) != ref:
                more_with[key].append(ref)
    hot = {key for key, refs in more_with.items() if 1 + len(refs) > HOT_KEY_LIMIT}
    for key, refs in more_with.items():
        if key not in hot:
            rows.connect((first_with[key], *refs))
    return rows.components(), hot


def candidate_pairs(
    blocks: Iterable[Sequence[int]], names: Sequence[tuple[tuple[str, ...], ...]]
) -> set[tuple[int, int]]:
    """Returns the pairs to compare: all of a small block, neighbours by name of a large one.

    ``blocks`` hold numbers in rising order, ``names`` the name of each number.
    """
    pairs: set[tuple[int, int]] = set()
    for numbers in blocks:
        if len(numbers) <= _ALL_PAIRS_LIMIT:
            pairs.update(combinations(numbers, 2))
            continue
        ordered = sorted(numbers, key=lambda number: (names[number], number))
        for place, number in enumerate(ordered):
            for neighbour in ordered[place + 1 : place + 1 + _NEIGHBOURS]:
                pairs.add((number, neighbour) if number < neighbour else (neighbour, number))
    return pairs
