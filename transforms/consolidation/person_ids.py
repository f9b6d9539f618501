"""Ids of persons: given once, they survive as rows come and go, merge, split, leave and return.

A new person's id names its first row: ``A-17``, or ``A-17.2`` if another person has that, …
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey
from transforms.core.records import CONTACT
from transforms.ledger import schema
from transforms.ledger.base.goldens import NewGolden, StoredGolden, stored_goldens
from transforms.ledger.renaming import former_store_keys
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import delete, look_up, upsert
from transforms.matching.golden_contact import ContactRow

Person = Sequence[ContactRow]


class PreviousIds(NamedTuple):
    """The id of each row's person so far, and the run in which each id was given."""

    id_by_row: Mapping[RowKey, str]
    born_by_id: Mapping[str, int]


def find_previous_ids(
    connection: Connection,
    people: Iterable[Person],
    id_by_row: Mapping[RowKey, str],
    stored: Mapping[str, StoredGolden],
) -> PreviousIds:
    """Returns the ids of persons in the base, and of persons that have left and now come back.

    The CRM keeps a person that leaves the base, so it gets its id back, unless another has it now.
    """
    rows = {row.row_key for person in people for row in person} - id_by_row.keys()
    former = _read_former(connection, rows)
    former_keys = sorted({person.key for person in former.values()})
    living = stored_goldens(connection, CONTACT, former_keys).keys()
    returned = {row: person for row, person in former.items() if person.key not in living}
    return PreviousIds(
        {**id_by_row, **{row: person.key for row, person in returned.items()}},
        {
            **{key: golden.born for key, golden in stored.items()},
            **{person.key: person.born for person in returned.values()},
        },
    )


class _FormerPerson(NamedTuple):
    key: str
    born: int


def _read_former(connection: Connection, rows: Iterable[RowKey]) -> dict[RowKey, _FormerPerson]:
    """Returns the person to which each row belonged when it left the base."""
    table = schema.former_persons.c
    columns = table.source_id, table.key, table.born
    return {
        (source, source_id): _FormerPerson(key, born)
        for source, ids in group_by_store(rows).items()
        for source_id, key, born in look_up(
            connection, columns, table.source_id, ids, source=source
        )
    }


def save_former_persons(
    connection: Connection,
    merged: Sequence[NewGolden],
    stored: Mapping[str, StoredGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    """Remembers the rows of the persons that leave the base: they may come back."""
    leaving = stored.keys() - {golden.key for golden in merged}
    staying_rows = {row for golden in merged for row in golden.members}
    upsert(
        connection,
        schema.former_persons,
        [
            {"source": source, "source_id": source_id, "key": key, "born": stored[key].born}
            for key in sorted(leaving)
            for source, source_id in sorted(members[key] - staying_rows)
        ],
    )


def assign_ids(
    connection: Connection, people: Sequence[Person], previous: PreviousIds
) -> list[str]:
    """Returns an id for each person: its own; the older of two; after a split the larger part's."""
    inherited = _inherit(people, previous.id_by_row)
    first_choices = {
        number: _first_id(person) for number, person in enumerate(people) if number not in inherited
    }
    new_ids = _free_ids(connection, first_choices, previous.born_by_id.keys())
    return [
        min(inherited[number], key=lambda key: (previous.born_by_id[key], key))
        if number in inherited
        else new_ids[number]
        for number in range(len(people))
    ]


def _inherit(people: Sequence[Person], id_by_row: Mapping[RowKey, str]) -> dict[int, list[str]]:
    """Returns the known ids that each person inherits, by the person's number."""
    shares: dict[str, Counter[int]] = defaultdict(Counter)
    for number, person in enumerate(people):
        for row in person:
            key = id_by_row.get(row.row_key)
            if key is not None:
                shares[key][number] += 1
    inherited: dict[int, list[str]] = defaultdict(list)
    for key, counts in shares.items():
        heir = min(counts, key=lambda number: _claim(key, counts[number], people[number]))
        inherited[heir].append(key)
    return dict(inherited)


def _claim(key: str, share: int, person: Person) -> tuple[int, bool, str]:
    """Returns the claim of a part of a split person to the id: the smallest claim wins."""
    is_named_after = any(key == _id_of(row) for row in person)
    return -share, not is_named_after, _first_id(person)


def _first_id(person: Person) -> str:
    """Returns the id that a new person gets: its first row's, which people can look up."""
    return _id_of(min(person, key=lambda row: row.row_key))


def _id_of(row: ContactRow) -> str:
    return f"{row.source}-{row.source_id}"


def _free_ids(
    connection: Connection, first_choices: Mapping[int, str], known_keys: Set[str]
) -> dict[int, str]:
    """Returns the first of ``A-17``, ``A-17.2``, ``A-17.3`` … that no other person has or had."""
    renamed = former_store_keys(connection)
    free: dict[int, str] = {}
    choices, attempt = dict(first_choices), 1
    while choices:
        living = stored_goldens(connection, CONTACT, list(choices.values())).keys()
        unavailable = known_keys | living | set(free.values())
        if renamed:
            unavailable |= _ids_of_renamed(connection, choices.values(), renamed)
        free |= {number: key for number, key in choices.items() if key not in unavailable}
        attempt += 1
        choices = {
            number: f"{first_choices[number]}.{attempt}" for number in choices.keys() - free.keys()
        }
    return free


def _ids_of_renamed(connection: Connection, keys: Iterable[str], renamed: Set[str]) -> set[str]:
    """Returns those of the keys that name a row of a renamed store, and that the CRM knows.

    Another store may have the former key now, and rows with the same ids.
    """
    suspects = sorted(key for key in keys if key.partition("-")[0] in renamed)
    table = schema.crosswalk.c
    return {key for (key,) in look_up(connection, (table.key,), table.key, suspects, kind=CONTACT)}


def save_aliases(
    connection: Connection,
    merged: Sequence[NewGolden],
    stored: Mapping[str, StoredGolden],
    id_by_row: Mapping[RowKey, str],
) -> None:
    """Lets the ids of persons that were merged into others lead to these."""
    living = {golden.key for golden in merged}
    successors = {
        former: golden.key
        for golden in merged
        for row in golden.members
        if (former := id_by_row.get(row)) is not None and former not in living
    }
    table = schema.aliases
    # Persons that were merged into others and are split off again.
    delete(connection, table.c.alias, sorted(living - stored.keys()), kind=CONTACT)
    # Older aliases whose target is itself merged now.
    columns = table.c.alias, table.c.key
    older = look_up(connection, columns, table.c.key, sorted(successors), kind=CONTACT)
    aliases = {alias: successors[key] for alias, key in older if alias not in living} | successors
    upsert(
        connection,
        table,
        [{"kind": CONTACT, "alias": alias, "key": key} for alias, key in sorted(aliases.items())],
    )
