"""Contact rows in a few words, for tests of the matching."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from transforms.core.golden_records import Sourced
from transforms.core.records import Contact
from transforms.matching.contacts import Persons, cluster_contacts
from transforms.matching.golden_contact import ContactRow
from transforms.matching.model import DEFAULT, Model
from transforms.matching.profiles import Profile, profile_of

MOBILE, OTHER, LANDLINE = "+79210000001", "+79210000002", "+78120000001"
EXTENSION = "+78120000001;ext=12"
BOX, ROLE = "ivanov@romashka.example", "info@romashka.example"


def row(
    source_id: str, name: str, *keys: str, at: int = 1, source: str = "A", **more: Any
) -> ContactRow:
    """A contact row; ``name`` is ``Last First Middle``: ``-`` is an unknown part, ``_`` a blank."""
    parts = ["" if part == "-" else part.replace("_", " ") for part in name.split()]
    last, first, middle = [*parts, "", "", ""][:3]
    phones = tuple(key for key in keys if "@" not in key)
    emails = tuple(key for key in keys if "@" in key)
    contact = Contact(last, first, middle, phones=phones, emails=emails, **more)
    return Sourced(source, source_id, at, contact)


def profiles(
    rows: Sequence[ContactRow], tins: Mapping[str, Set[str]] | None = None
) -> dict[str, Profile]:
    """The profiles by row id; ``tins`` are the companies by row id, one for all otherwise."""
    return {
        sourced.source_id: profile_of(sourced.record, tins[sourced.source_id] if tins else {"T"})
        for sourced in rows
    }


def match_rows(
    rows: Sequence[ContactRow],
    tins: Mapping[str, Set[str]] | None = None,
    model: Model = DEFAULT,
    **more: Any,
) -> Persons:
    """The persons of the rows, which are taken for one connected component."""
    return cluster_contacts(profiles(rows, tins), model, **more)


def persons(
    rows: Sequence[ContactRow], tins: Mapping[str, Set[str]] | None = None, **more: Any
) -> list[str]:
    """The persons as texts such as ``1 2``."""
    return sorted(" ".join(group) for group in match_rows(rows, tins, **more).groups)
