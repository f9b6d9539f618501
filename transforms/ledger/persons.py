"""Rebuilding contacts: which rows of a company are one person, one golden record a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import former_persons, goldens, links, schema
from transforms.ledger.database import Ledger, chunks, upsert
from transforms.ledger.source_rows import RowKey, Run
from transforms.matching.contacts import ContactRow, cluster, merge_contact
from transforms.matching.golden import Sourced
from transforms.records import COMPANY, CONTACT, decode_contact

_TINS_PER_TRANSACTION = 500


def pieces(ledger: Ledger, tins: Iterable[str]) -> list[list[str]]:
    """The TINs, and those tied to them, in groups that share no person: each is rebuilt by itself.

    What ties: a row of several companies, and a person of several companies as it stands now.
    """
    groups = _Groups()
    frontier = set(tins)
    with ledger.read() as connection:
        while frontier:
            groups.add(frontier)
            before = set(groups.parent)
            for chunk in chunks(sorted(frontier)):
                for tied in (*_tied_by_row(connection, chunk), *_tied_by_key(connection, chunk)):
                    groups.join(sorted(tied))
            frontier = set(groups.parent) - before
    return groups.all()


class _Groups:
    """Union-find over TINs."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def add(self, tins: Iterable[str]) -> None:
        for tin in tins:
            self.parent.setdefault(tin, tin)

    def find(self, tin: str) -> str:
        while self.parent[tin] != tin:
            self.parent[tin] = self.parent[self.parent[tin]]
            tin = self.parent[tin]
        return tin

    def join(self, tins: Sequence[str]) -> None:
        self.add(tins)
        for tin in tins[1:]:
            self.parent[self.find(tin)] = self.find(tins[0])

    def all(self) -> list[list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for tin in sorted(self.parent):
            found[self.find(tin)].append(tin)
        return list(found.values())


def _tied_by_row(connection: Connection, tins: Sequence[str]) -> Iterator[set[str]]:
    """For each contact row of these companies that names several: all its companies."""
    companies = goldens.members_of(connection, COMPANY, tins)
    rows = {row for members in companies.values() for row in members}
    contacts = {contact for _, contact in links.naming(connection, rows)}
    for tied in links.tins_of(connection, contacts).values():
        if len(tied) > 1:
            yield tied


def _tied_by_key(connection: Connection, tins: Sequence[str]) -> Iterator[set[str]]:
    """For each person known in these companies: where it stood, and where its rows stand now."""
    keys = sorted(goldens.contacts_in(connection, tins))
    stood = goldens.golden_tins(connection, keys)
    members = goldens.members_of(connection, CONTACT, keys)
    now = links.tins_of(connection, {row for rows in members.values() for row in rows})
    for key in keys:
        tied = stood[key].union(*(now.get(row, ()) for row in members[key]))
        if len(tied) > 1:
            yield tied


def batches(groups: Iterable[list[str]]) -> Iterable[list[list[str]]]:
    """The groups in batches of some hundred TINs; a group is never cut."""
    batch: list[list[str]] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += len(group)
        if size >= _TINS_PER_TRANSACTION:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def consolidate(ledger: Ledger, run: Run, groups: Sequence[Sequence[str]]) -> int:
    """Rebuild the contacts of these groups of TINs. Returns how many persons they hold."""
    return ledger.transact(lambda connection: _consolidate(connection, run, groups))


class _Piece(msgspec.Struct):
    rows: dict[RowKey, ContactRow]
    tins: dict[str, set[str]]


def _consolidate(connection: Connection, run: Run, groups: Sequence[Sequence[str]]) -> int:
    every = [tin for group in groups for tin in group]
    keys = sorted(goldens.contacts_in(connection, every))
    kept = goldens.kept_goldens(connection, CONTACT, keys)
    members = goldens.members_of(connection, CONTACT, keys)
    key_of = {row: key for key, rows in members.items() for row in rows}
    born_of = {key: known.born for key, known in kept.items()}
    clusters: list[tuple[list[ContactRow], set[str]]] = []
    for piece in _pieces(connection, groups):
        for rows in cluster(list(piece.rows.values()), piece.tins):
            clusters.append((rows, {tin for row in rows for tin in piece.tins[row.ref]}))
    people = [rows for rows, _ in clusters]
    for row, former in former_persons.come_back(connection, people, key_of).items():
        key_of[row], born_of[former.key] = former.key, former.born
    ids = _ids(connection, people, key_of, born_of)
    made = [
        goldens.Made(
            key,
            *merge_contact(key, rows, tins),
            [(row.source, row.source_id) for row in rows],
        )
        for key, (rows, tins) in zip(ids, clusters, strict=True)
    ]
    goldens.keep(connection, run, CONTACT, made, kept, members)
    former_persons.leave(connection, made, kept, members)
    _write_tins(connection, keys, dict(zip(ids, (tins for _, tins in clusters), strict=True)))
    _write_aliases(connection, made, kept, key_of)
    return len(made)


def _pieces(connection: Connection, groups: Sequence[Sequence[str]]) -> list[_Piece]:
    found = [_Piece({}, defaultdict(set)) for _ in groups]
    companies = goldens.members_of(connection, COMPANY, [tin for group in groups for tin in group])
    tin_of = {row: tin for tin, rows in companies.items() for row in rows}
    piece_of = {tin: piece for group, piece in zip(groups, found, strict=True) for tin in group}
    tins: dict[RowKey, set[str]] = defaultdict(set)
    for company, contact in links.naming(connection, tin_of):
        tins[contact].add(tin_of[company])
    for row in _rows(connection, tins):
        own = tins[row.source, row.source_id]
        piece = piece_of[next(iter(own))]
        piece.rows[row.source, row.source_id] = row
        piece.tins[row.ref] = own
    return found


def _rows(connection: Connection, keys: Iterable[RowKey]) -> Iterator[ContactRow]:
    table = schema.rows.c
    for source, ids in links.by_source(keys).items():
        query = sa.select(table.source_id, table.changed_at, table.payload).where(
            table.source == source, table.kind == CONTACT, table.reason == ""
        )
        for chunk in chunks(ids):
            for source_id, changed_at, payload in connection.execute(
                query.where(table.source_id.in_(chunk))
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
    born = sorted(living - kept.keys())
    for chunk in chunks(born):  # who was merged, and is somebody again
        connection.execute(table.delete().where(table.c.kind == CONTACT, table.c.alias.in_(chunk)))
    for alias, key in sorted(merged.items()):
        connection.execute(
            table.update().where(table.c.kind == CONTACT, table.c.key == alias).values(key=key)
        )
    upsert(
        connection,
        table,
        [{"kind": CONTACT, "alias": alias, "key": key} for alias, key in sorted(merged.items())],
    )
