"""Persons that left the base: all their companies became inactive, or their rows were refused.

The CRM keeps them. When they come back they get the id back under which they stand there.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey
from transforms.core.records import CONTACT
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import look_up, upsert
from transforms.matching.golden_contact import ContactRow


class Former(msgspec.Struct, frozen=True):
    """A person's id, and the run in which it was given."""

    key: str
    born: int


def leave(
    connection: Connection,
    made: Sequence[goldens.NewGolden],
    kept: Mapping[str, goldens.StoredGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    """Note the rows of those who stood in the base and do not any more."""
    gone = kept.keys() - {record.key for record in made}
    stay = {row for record in made for row in record.members}
    upsert(
        connection,
        schema.former_persons,
        [
            {"source": source, "source_id": source_id, "key": key, "born": kept[key].born}
            for key in sorted(gone)
            for source, source_id in sorted(members[key] - stay)
        ],
    )


def come_back(
    connection: Connection, people: Iterable[Sequence[ContactRow]], key_of: Mapping[RowKey, str]
) -> dict[RowKey, Former]:
    """For rows that are part of nobody now: of whom they were, unless that one is somebody."""
    rows = {(row.source, row.source_id) for person in people for row in person} - key_of.keys()
    found = _read(connection, rows)
    keys = sorted({former.key for former in found.values()})
    living = goldens.stored_goldens(connection, CONTACT, keys).keys()
    return {row: former for row, former in found.items() if former.key not in living}


def _read(connection: Connection, rows: Iterable[RowKey]) -> dict[RowKey, Former]:
    table = schema.former_persons.c
    found: dict[RowKey, Former] = {}
    for source, ids in group_by_store(rows).items():
        columns = table.source_id, table.key, table.born
        for source_id, key, born in look_up(
            connection, columns, table.source_id, ids, source=source
        ):
            found[source, source_id] = Former(key, born)
    return found
