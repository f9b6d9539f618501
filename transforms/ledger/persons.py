"""Rebuilding contacts: which rows are one person, one golden record a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.ledger import (
    contact_keys,
    former_persons,
    goldens,
    links,
    models,
    reviews,
    schema,
)
from transforms.ledger.database import Ledger, delete, look_up, upsert
from transforms.ledger.pieces import row_key
from transforms.ledger.source_rows import RowKey, Run
from transforms.matching.contacts import Doubtful, Persons, cluster
from transforms.matching.golden import Sourced
from transforms.matching.golden_contact import ContactRow, merge_contact
from transforms.matching.model import Model
from transforms.matching.profiles import Profile, digests, keys_of, profile_of
from transforms.records import CONTACT, decode_contact


def consolidate(ledger: Ledger, run: Run, groups: Sequence[Sequence[str]]) -> int:
    """Rebuild the persons of these pieces of rows. Returns how many persons they hold."""
    return ledger.transact(lambda connection: _consolidate(connection, run, groups))


def _consolidate(connection: Connection, run: Run, groups: Sequence[Sequence[str]]) -> int:
    refs = [ref for group in groups for ref in group]
    every = [row_key(ref) for ref in refs]
    key_of = links.keys_of(connection, CONTACT, every)
    keys = sorted(set(key_of.values()))
    kept = goldens.kept_goldens(connection, CONTACT, keys)
    members = goldens.members_of(connection, CONTACT, keys)
    born_of = {key: known.born for key, known in kept.items()}
    tins = links.tins_of(connection, every)
    rows = {row.ref: row for row in contact_rows(connection, every)}
    found = _persons(connection, groups, rows, tins)
    people = [[rows[ref] for ref in group] for persons in found for group in persons.groups]
    of_person = [
        {tin for row in person for tin in tins[row.source, row.source_id]} for person in people
    ]
    for row, former in former_persons.come_back(connection, people, key_of).items():
        key_of[row], born_of[former.key] = former.key, former.born
    ids = _ids(connection, people, key_of, born_of)
    made = [
        goldens.Made(
            key, *merge_contact(key, person, own), [(row.source, row.source_id) for row in person]
        )
        for key, person, own in zip(ids, people, of_person, strict=True)
    ]
    goldens.keep(connection, run, CONTACT, made, kept, members)
    former_persons.leave(connection, made, kept, members)
    _write_tins(connection, keys, dict(zip(ids, of_person, strict=True)))
    _write_aliases(connection, made, kept, key_of)
    doubts = [_doubt(one) for persons in found for one in persons.doubts]
    reviews.replace_doubts(connection, CONTACT, refs, doubts)
    contact_keys.clean(connection, every)
    return len(made)


def _persons(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    rows: Mapping[str, ContactRow],
    tins: Mapping[RowKey, set[str]],
) -> list[Persons]:
    """Each piece's rows put into persons; rows that are in the base no more are left out."""
    basis = basis_of(connection, rows.values(), tins)
    pieces = [
        {ref: basis.profiles[ref] for ref in group if ref in basis.profiles} for group in groups
    ]
    return [cluster(piece, basis.model, basis.hot, basis.judgements) for piece in pieces if piece]


class Basis(msgspec.Struct):
    """What the matching judges rows by; ``hot`` keys are those that too many rows share."""

    profiles: dict[str, Profile]
    model: Model
    hot: set[str]
    judgements: dict[frozenset[str], bool]


def basis_of(
    connection: Connection, rows: Iterable[ContactRow], tins: Mapping[RowKey, set[str]]
) -> Basis:
    """The basis for these rows, so far as they belong to a company of the base."""
    profiles = {
        row.ref: profile_of(row.record, own)
        for row in rows
        if (own := tins.get((row.source, row.source_id)))
    }
    said = reviews.judgements_of(connection, CONTACT, sorted(profiles))
    return Basis(
        profiles,
        models.current(connection),
        _hot(connection, profiles),
        {frozenset(pair): same for pair, same in said.items()},
    )


def _hot(connection: Connection, profiles: Mapping[str, Profile]) -> set[str]:
    """The keys of these rows that too many rows share, here or elsewhere."""
    keys = sorted({key for profile in profiles.values() for key in keys_of(profile)})
    by_digest = dict(zip(digests(keys), keys, strict=True))
    return {by_digest[digest] for digest in contact_keys.known_hot(connection, by_digest)}


def _doubt(found: Doubtful) -> reviews.Doubt:
    return reviews.Doubt(
        CONTACT,
        found.one,
        found.other,
        round(found.bits, 2),
        found.why,
        tuple((what, how, round(bits, 2)) for what, how, bits in found.findings),
    )


def contact_rows(connection: Connection, keys: Iterable[RowKey]) -> Iterator[ContactRow]:
    """The valid contact rows among these."""
    table = schema.rows.c
    for source, ids in links.by_source(keys).items():
        columns = table.source_id, table.changed_at, table.payload
        for source_id, changed_at, payload in look_up(
            connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
        ):
            yield Sourced(source, source_id, changed_at, decode_contact(payload))


def _born_id(rows: Sequence[ContactRow]) -> str:
    """The id that a new person gets: its first row's, which anyone can look up."""
    first = min(rows, key=lambda row: (row.source, row.source_id))
    return f"{first.source}-{first.source_id}"


def _ids(
    connection: Connection,
    clusters: Sequence[Sequence[ContactRow]],
    key_of: Mapping[RowKey, str],
    born_of: Mapping[str, int],
) -> list[str]:
    """An id for each person: the one it has, the older of two; the larger part's after a split."""
    shares: dict[str, Counter[int]] = defaultdict(Counter)
    for number, rows in enumerate(clusters):
        for row in rows:
            key = key_of.get((row.source, row.source_id))
            if key is not None:
                shares[key][number] += 1
    inherited: dict[int, list[str]] = defaultdict(list)
    for key, counts in shares.items():
        heir = min(counts, key=lambda number: _claim(key, counts[number], clusters[number]))
        inherited[heir].append(key)
    born = {
        number: _born_id(rows) for number, rows in enumerate(clusters) if number not in inherited
    }
    free = _free_ids(connection, born, set(born_of))
    return [
        min(inherited[number], key=lambda key: (born_of[key], key))
        if number in inherited
        else free[number]
        for number in range(len(clusters))
    ]


def _claim(key: str, share: int, rows: Sequence[ContactRow]) -> tuple[int, bool, str]:
    """How well a part of a split may claim the id: the smallest claim wins."""
    named_after = any(key == f"{row.source}-{row.source_id}" for row in rows)
    return -share, not named_after, _born_id(rows)


def _free_ids(connection: Connection, born: Mapping[int, str], taken: set[str]) -> dict[int, str]:
    """Ids of new persons that nobody else has: of ``A-17``, ``A-17.2``, ``A-17.3`` … the first."""
    free: dict[int, str] = {}
    wanted, attempt = dict(born), 1
    while wanted:
        known = goldens.kept_goldens(connection, CONTACT, list(wanted.values()))
        living = taken | known.keys() | set(free.values())
        free |= {number: key for number, key in wanted.items() if key not in living}
        attempt += 1
        wanted = {number: f"{born[number]}.{attempt}" for number in wanted.keys() - free.keys()}
    return free


def _write_tins(connection: Connection, keys: Sequence[str], tins: Mapping[str, set[str]]) -> None:
    table = schema.golden_tins
    before = {
        (tin, key) for key, own in goldens.golden_tins(connection, keys).items() for tin in own
    }
    after = {(tin, key) for key, own in tins.items() for tin in own}
    for tin, key in sorted(before - after):
        connection.execute(table.delete().where(table.c.tin == tin, table.c.key == key))
    upsert(connection, table, [{"tin": tin, "key": key} for tin, key in sorted(after - before)])


def _write_aliases(
    connection: Connection,
    made: Sequence[goldens.Made],
    kept: Mapping[str, goldens.Kept],
    key_of: Mapping[RowKey, str],
) -> None:
    living = {record.key for record in made}
    merged = {
        former: record.key
        for record in made
        for row in record.members
        if (former := key_of.get(row)) is not None and former not in living
    }
    table = schema.aliases
    # Who was merged, and is somebody again.
    delete(connection, table.c.alias, sorted(living - kept.keys()), kind=CONTACT)
    for alias, key in sorted(merged.items()):
        connection.execute(
            table.update().where(table.c.kind == CONTACT, table.c.key == alias).values(key=key)
        )
    upsert(
        connection,
        table,
        [{"kind": CONTACT, "alias": alias, "key": key} for alias, key in sorted(merged.items())],
    )
