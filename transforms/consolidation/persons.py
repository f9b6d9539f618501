"""Rebuilding contacts: which rows are one person, and one golden record for each person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy.engine import Connection

from transforms.consolidation import model_learning
from transforms.consolidation.connected_components import batches
from transforms.consolidation.person_ids import (
    Person,
    assign_ids,
    find_previous_ids,
    save_aliases,
    save_former_persons,
)
from transforms.core.chunks import chunks
from transforms.core.golden_records import GoldenContact, Sourced
from transforms.core.identity import RowKey, Run, row_key
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT, decode_contact
from transforms.core.stores import Priorities
from transforms.ledger import schema
from transforms.ledger.base import goldens, reviews
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows import contact_keys, links, rebuild_marks
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import delete, look_up, upsert
from transforms.ledger.stores import stores_of_ledger
from transforms.matching.blocking import keys_with_digests
from transforms.matching.contacts import DoubtfulPair, MatchingBasis, match_components
from transforms.matching.golden_contact import ContactRow, merge_contact
from transforms.matching.model import model_of
from transforms.matching.profiles import profile_of

# A larger batch would keep the other processes waiting for the first.
_ROWS_PER_BATCH = 2000

_Tins = Mapping[RowKey, set[str]]


def consolidate(
    ledger: Ledger, run: Run, components: Iterable[list[str]], processes: ProcessPool = IN_PLACE
) -> int:
    """Rebuilds the persons of these connected components. Returns how many persons there are.

    No two components share a person or a row, so they may be rebuilt in any order.
    """
    work = partial(_rebuild, run=run, priorities=stores_of_ledger(ledger).priorities)
    return sum(carry_out(ledger, work, batches(components, _ROWS_PER_BATCH), processes))


def _rebuild(
    connection: Connection, components: list[list[str]], run: Run, priorities: Priorities
) -> int:
    refs = [ref for component in components for ref in component]
    row_keys = list(map(row_key, refs))
    stored = _stored_persons(connection, row_keys)
    tins = links.tins_by_contact(connection, row_keys)
    rows = {row.ref: row for row in _valid_rows(connection, row_keys)}
    matched = match_components(components, _basis(connection, rows.values(), tins))
    people = [[rows[ref] for ref in group] for persons in matched for group in persons.groups]
    previous = find_previous_ids(connection, people, stored.id_by_row, stored.goldens)
    ids = assign_ids(connection, people, previous)
    merged = [
        _merge(key, person, tins, priorities) for key, person in zip(ids, people, strict=True)
    ]
    goldens.save_goldens(connection, run, CONTACT, merged, stored.goldens, stored.members)
    save_former_persons(connection, merged, stored.goldens, stored.members)
    _save_tins(connection, stored.ids, merged)
    save_aliases(connection, merged, stored.goldens, previous.id_by_row)
    pairs = [_doubtful_pair(pair) for persons in matched for pair in persons.doubtful_pairs]
    reviews.replace_doubtful_pairs(connection, CONTACT, refs, pairs)
    rebuild_marks.mark_rebuilt(connection, row_keys)
    return len(merged)


class _StoredPersons(NamedTuple):
    """The ledger's content about the persons of some rows."""

    id_by_row: dict[RowKey, str]
    ids: list[str]
    goldens: dict[str, goldens.StoredGolden]
    members: dict[str, set[RowKey]]


def _stored_persons(connection: Connection, rows: Sequence[RowKey]) -> _StoredPersons:
    id_by_row = links.golden_key_by_row(connection, CONTACT, rows)
    ids = sorted(set(id_by_row.values()))
    return _StoredPersons(
        id_by_row,
        ids,
        goldens.stored_goldens(connection, CONTACT, ids),
        goldens.members_of(connection, CONTACT, ids),
    )


def _merge(key: str, person: Person, tins: _Tins, priorities: Priorities) -> goldens.NewGolden:
    members = [row.row_key for row in person]
    person_tins = set[str]().union(*(tins[row] for row in members))
    return goldens.NewGolden(key, *merge_contact(key, person, person_tins, priorities), members)


def refresh(
    ledger: Ledger, run: Run, components: Iterable[list[str]], processes: ProcessPool = IN_PLACE
) -> None:
    """Merges again the persons of stale rows that are in none of these components.

    What the matching compares has not changed, so the persons consist of the same rows.
    """
    rebuilt = {row_key(ref) for component in components for ref in component}
    with ledger.read() as connection:
        stale = sorted(rebuild_marks.stale_rows(connection) - rebuilt)
    work = partial(_merge_again, run=run, priorities=stores_of_ledger(ledger).priorities)
    carry_out(ledger, work, chunks(stale, _ROWS_PER_BATCH), processes)


def _merge_again(
    connection: Connection, stale_rows: Sequence[RowKey], run: Run, priorities: Priorities
) -> None:
    stored = _stored_persons(connection, stale_rows)
    row_keys = sorted(row for members in stored.members.values() for row in members)
    tins = links.tins_by_contact(connection, row_keys)
    rows = {row.row_key: row for row in _valid_rows(connection, row_keys)}
    merged = [
        _merge(key, [rows[row] for row in stored.members[key]], tins, priorities)
        for key in stored.ids
    ]
    goldens.save_goldens(connection, run, CONTACT, merged, stored.goldens, stored.members)
    rebuild_marks.mark_rebuilt(connection, stale_rows)


def basis_of(connection: Connection, rows: Sequence[RowKey]) -> MatchingBasis:
    """Returns everything by which the matching judges these rows."""
    tins = links.tins_by_contact(connection, rows)
    return _basis(connection, _valid_rows(connection, rows), tins)


def _basis(connection: Connection, rows: Iterable[ContactRow], tins: _Tins) -> MatchingBasis:
    profiles = {
        row.ref: profile_of(row.record, row_tins)
        for row in rows
        if (row_tins := tins.get(row.row_key))
    }
    judgements = reviews.judgements_of(connection, CONTACT, sorted(profiles))
    hot_digests = contact_keys.hot_keys(connection)
    if hot_digests:
        hot_digests &= contact_keys.keys_of_rows(connection, map(row_key, profiles))
    return MatchingBasis(
        profiles,
        model_of(model_learning.current_model(connection)),
        keys_with_digests(profiles, hot_digests),
        {frozenset(pair): is_same for pair, is_same in judgements.items()},
    )


def _valid_rows(connection: Connection, keys: Iterable[RowKey]) -> Iterator[ContactRow]:
    """Yields those of the contact rows that are valid."""
    table = schema.rows.c
    columns = table.source_id, table.changed_at, table.payload
    for source, ids in group_by_store(keys).items():
        for source_id, changed_at, payload in look_up(
            connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
        ):
            yield Sourced(source, source_id, changed_at, decode_contact(bytes(payload)))


def _doubtful_pair(pair: DoubtfulPair) -> reviews.DoubtfulPair:
    return reviews.DoubtfulPair(
        CONTACT,
        *pair.refs,
        round(pair.bits, 2),
        pair.reason,
        tuple((comparison, result, round(bits, 2)) for comparison, result, bits in pair.evidence),
    )


def _save_tins(
    connection: Connection, ids: Sequence[str], merged: Iterable[goldens.NewGolden]
) -> None:
    """Writes the companies of the merged persons; ``ids`` are those of the stored ones."""
    table = schema.golden_tins
    stored_tins = goldens.golden_tins(connection, ids)
    before = {(tin, key) for key, tins in stored_tins.items() for tin in tins}
    after = {
        (tin, golden.key)
        for golden in merged
        if isinstance(golden.record, GoldenContact)
        for tin in golden.record.tins
    }
    dropped: dict[str, list[str]] = defaultdict(list)
    for tin, key in sorted(before - after):
        dropped[tin].append(key)
    for tin, keys in dropped.items():
        delete(connection, table.c.key, keys, tin=tin)
    upsert(connection, table, [{"tin": tin, "key": key} for tin, key in sorted(after - before)])
