"""The contacts of a generated world as the matching gets them, and the person behind each."""

from collections.abc import Iterator

import msgspec

from sandbox.world.truth import GOLDEN
from sandbox.world.world import World
from transforms.core.records import CONTACT, Row, decode_contact
from transforms.matching.profiles import Profile, profile_of
from transforms.stores.two_stores import clean_contact, clean_partner

_COLUMNS = (
    *("id", "company_id", "last_name", "first_name", "middle_name", "position"),
    *("phone", "email", "is_deleted", "created_at", "updated_at"),
)


class People(msgspec.Struct):
    """Cleaned rows of the base, by reference, and the person behind each."""

    profiles: dict[str, Profile]
    truth: dict[str, int]


def people(seed: int, scale: float) -> People:
    """Returns all contact rows of both stores that belong to a company of the base."""
    world = World(seed, scale)
    truth_by_ref = {
        f"{truth.source}:{truth.source_id}": (truth.person, truth.tins)
        for truth in world.truth()
        if truth.kind == "contact" and truth.outcome == GOLDEN
    }
    newest: dict[str, int] = {}
    world_people = People({}, {})
    for row in _rows(world):
        ref = f"{row.source}:{row.source_id}"
        if ref in truth_by_ref and not row.reason and newest.get(ref, -1) < row.changed_at:
            newest[ref] = row.changed_at
            person, tins = truth_by_ref[ref]
            assert person is not None
            world_people.profiles[ref] = profile_of(decode_contact(row.payload), tins)
            world_people.truth[ref] = person
    return world_people


def _rows(world: World) -> Iterator[Row]:
    for cells in world.a.contact_rows():
        yield clean_contact(dict(zip(_COLUMNS, cells, strict=True)))
    for partner in world.b.partners():
        row = clean_partner(partner)
        if row.kind == CONTACT:
            yield row
