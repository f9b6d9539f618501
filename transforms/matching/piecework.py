"""What of the matching needs no ledger: rows as they were kept to persons, in any process."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from transforms.matching.contacts import Persons, cluster
from transforms.matching.model import DEFAULT, Model, decode_model
from transforms.matching.profiles import Profile, digests, keys_of, profile_of, whole_key
from transforms.records import decode_contact


class Kept(NamedTuple):
    """A contact row as the ledger keeps it, and the companies of the base that it belongs to."""

    payload: bytes
    tins: Sequence[str]


class Pieces(NamedTuple):
    """All that the matching judges some pieces by.

    ``rows`` are those of the base, by reference; ``model`` is encoded, empty for the one that the
    program brings along; ``hot`` are digests of keys that too many rows share.
    """

    groups: Sequence[Sequence[str]]
    rows: Mapping[str, Kept]
    model: bytes
    hot: set[int]
    judgements: Mapping[frozenset[str], bool]


class Basis(msgspec.Struct):
    """The same, unpacked: ``hot`` keys as they are, so far as these rows have them."""

    profiles: dict[str, Profile]
    model: Model
    hot: set[str]
    judgements: Mapping[frozenset[str], bool]


def put_together(pieces: Pieces) -> list[Persons]:
    """Each piece's rows put into persons; rows that are in the base no more are left out."""
    basis = basis_of(pieces)
    profiles = basis.profiles
    each = ({ref: profiles[ref] for ref in group if ref in profiles} for group in pieces.groups)
    return [cluster(piece, basis.model, basis.hot, basis.judgements) for piece in each if piece]


def basis_of(pieces: Pieces) -> Basis:
    """The pieces' rows as profiles, the model decoded, the hot keys found out."""
    profiles = {
        ref: profile_of(decode_contact(row.payload), row.tins) for ref, row in pieces.rows.items()
    }
    hot = _hot(profiles, pieces.hot) if pieces.hot else set()
    return Basis(profiles, _model(pieces.model), hot, pieces.judgements)


def _hot(profiles: Mapping[str, Profile], known: set[int]) -> set[str]:
    keys = sorted({key for profile in profiles.values() for key in keys_of(profile)})
    return {key for key, digest in zip(keys, digests(keys), strict=True) if digest in known}


@lru_cache(maxsize=1)
def _model(payload: bytes) -> Model:
    return decode_model(payload) if payload else DEFAULT


def digests_of(rows: Mapping[str, Kept]) -> dict[str, list[int]]:
    """Digests of the keys by which each of the rows is found, and of how it looks as a whole."""
    found = {}
    for name, row in rows.items():
        profile = profile_of(decode_contact(row.payload), row.tins)
        found[name] = [*digests(list(keys_of(profile))), whole_key(profile)]
    return found
