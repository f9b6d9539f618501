"""What of the matching needs no ledger: rows to persons, and to the keys that they are found by."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from transforms.matching.contacts import Persons, cluster
from transforms.matching.model import DEFAULT, Model, decode_model
from transforms.matching.profiles import Profile, digests, keys_of, whole_key


class Basis(msgspec.Struct):
    """All that the matching judges some rows by.

    ``profiles`` are those of the base, by reference; ``hot`` are those of their keys that too many
    rows share.
    """

    profiles: dict[str, Profile]
    model: Model
    hot: set[str]
    judgements: Mapping[frozenset[str], bool]


def put_together(groups: Iterable[Sequence[str]], basis: Basis) -> list[Persons]:
    """Each group's rows put into persons; rows that are in the base no more are left out."""
    profiles = basis.profiles
    each = ({ref: profiles[ref] for ref in group if ref in profiles} for group in groups)
    return [cluster(piece, basis.model, basis.hot, basis.judgements) for piece in each if piece]


def hot_among(profiles: Mapping[str, Profile], known: set[int]) -> set[str]:
    """The rows' keys whose digests are known to be of hot ones."""
    if not known:
        return set()
    keys = sorted({key for profile in profiles.values() for key in keys_of(profile)})
    return {key for key, digest in zip(keys, digests(keys), strict=True) if digest in known}


@lru_cache(maxsize=1)
def model_of(payload: bytes) -> Model:
    """The encoded model; the one that the program brings along where there is none."""
    return decode_model(payload) if payload else DEFAULT


def digests_of(profiles: Mapping[str, Profile]) -> dict[str, list[int]]:
    """Digests of the keys by which each of the rows is found, and of how it looks as a whole."""
    return {
        name: [*digests(list(keys_of(profile))), whole_key(profile)]
        for name, profile in profiles.items()
    }
