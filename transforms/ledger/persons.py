"""Rebuilding contacts: which rows of a company are one person, one golden record a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import goldens, schema
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


def _tied_by_row(connection: Connection, tins: Sequence[str]) -> Iterable[set[str]]:
    """For each contact row of these companies that names several: all its companies."""
    company, link = schema.members.alias(), schema.links.alias()
    other_link, other_company = schema.links.alias(), schema.members.alias()
    query = (
        sa.select(link.c.source, link.c.contact_id, other_company.c.key)
        .select_from(company)
        .join(link, _links_to(link, company))
        .join(
            other_link,
            sa.and_(
                other_link.c.source == link.c.source,
                other_link.c.contact_id == link.c.contact_id,
                other_link.c.company_id != link.c.company_id,
            ),
        )
        .join(other_company, _links_to(other_link, other_company))
        .where(company.c.kind == COMPANY, other_company.c.kind == COMPANY)
        .where(company.c.key.in_(tins), other_company.c.key != company.c.key)
        .add_columns(company.c.key)
    )
    tied: dict[RowKey, set[str]] = defaultdict(set)
    for source, contact_id, other, tin in connection.execute(query):
        tied[source, contact_id] |= {tin, other}
    return tied.values()


def _links_to(link: sa.Alias, company: sa.Alias) -> sa.ColumnElement[bool]:
    return sa.and_(
        link.c.source == company.c.source, link.c.company_id == company.c.source_id
    )


def _tied_by_key(connection: Connection, tins: Sequence[str]) -> Iterable[set[str]]:
    """For each person known in these companies: where it stood, and where its rows stand now."""
    own, other = schema.golden_tins.alias(), schema.golden_tins.alias()
    tied: dict[str, set[str]] = defaultdict(set)
    stood = (
        sa.select(own.c.key, other.c.tin)
        .join(other, other.c.key == own.c.key)
        .where(own.c.tin.in_(tins))
    )
    for key, tin in connection.execute(stood):
        tied[key].add(tin)
    person, company, link = schema.members.alias(), schema.members.alias(), schema.links.alias()
    stand = (
        sa.select(own.c.key, company.c.key)
        .select_from(own)
        .join(person, sa.and_(person.c.kind == CONTACT, person.c.key == own.c.key))
        .join(
            link,
            sa.and_(
                link.c.source == person.c.source, link.c.contact_id == person.c.source_id
            ),
        )
        .join(company, sa.and_(company.c.kind == COMPANY, _links_to(link, company)))
        .where(own.c.tin.in_(tins))
    )
    for key, tin in connection.execute(stand):
        tied[key].add(tin)
    return tied.values()


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
    keys = _keys_of(connection, every)
    kept = goldens.kept_goldens(connection, CONTACT, keys)
    members = goldens.members_of(connection, CONTACT, keys)
    key_of = {row: key for key, rows in members.items() for row in rows}
    clusters: list[tuple[list[ContactRow], set[str]]] = []
    for piece in _pieces(connection, groups):
        for rows in cluster(list(piece.rows.values()), piece.tins):
            clusters.append((rows, {tin for row in rows for tin in piece.tins[row.ref]}))
    ids = _ids([rows for rows, _ in clusters], key_of, kept, _living(connection, clusters))
    made = [
        goldens.Made(
            key,
            *merge_contact(key, rows, tins),
            [(row.source, row.source_id) for row in rows],
        )
        for key, (rows, tins) in zip(ids, clusters, strict=True)
    ]
    goldens.keep(connection, run, CONTACT, made, kept, members)
    _write_tins(connection, keys, dict(zip(ids, (tins for _, tins in clusters), strict=True)))
    _write_aliases(connection, made, kept, key_of)
    return len(made)


def _keys_of(connection: Connection, tins: Sequence[str]) -> list[str]:
    table = schema.golden_tins.c
    found: set[str] = set()
    for chunk in chunks(tins):
        query = sa.select(table.key).where(table.tin.in_(chunk)).distinct()
        found.update(connection.execute(query).scalars())
    return sorted(found)


def _pieces(connection: Connection, groups: Sequence[Sequence[str]]) -> Iterable[_Piece]:
    piece_of = {tin: number for number, group in enumerate(groups) for tin in group}
    found = [_Piece({}, defaultdict(set)) for _ in groups]
    company, link, row = schema.members.alias(), schema.links.alias(), schema.rows.alias()
    query = (
        sa.select(
            company.c.key, row.c.source, row.c.source_id, row.c.changed_at, row.c.payload
        )
        .select_from(company)
        .join(link, _links_to(link, company))
        .join(
            row,
            sa.and_(
                row.c.source == link.c.source,
                row.c.kind == CONTACT,
                row.c.source_id == link.c.contact_id,
            ),
        )
        .where(company.c.kind == COMPANY, row.c.reason == "")
    )
    for chunk in chunks(list(piece_of)):
        for tin, source, source_id, changed_at, payload in connection.execute(
            query.where(company.c.key.in_(chunk))
        ):
            piece = found[piece_of[tin]]
            sourced = piece.rows.get((source, source_id))
            if sourced is None:
                sourced = Sourced(source, source_id, changed_at, decode_contact(payload))
                piece.rows[source, source_id] = sourced
            piece.tins[sourced.ref].add(tin)
    return found


def _born_id(rows: Sequence[ContactRow]) -> str:
    """The id that a new person gets: its first row's, which anyone can look up."""
    first = min(rows, key=lambda row: (row.source, row.source_id))
    return f"{first.source}-{first.source_id}"


def _living(
    connection: Connection, clusters: Sequence[tuple[list[ContactRow], set[str]]]
) -> set[str]:
    table = schema.golden.c
    query = sa.select(table.key).where(table.kind == CONTACT)
    found: set[str] = set()
    for chunk in chunks([_born_id(rows) for rows, _ in clusters]):
        found.update(connection.execute(query.where(table.key.in_(chunk))).scalars())
    return found


def _ids(
    clusters: Sequence[Sequence[ContactRow]],
    key_of: Mapping[RowKey, str],
    kept: Mapping[str, goldens.Kept],
    living: set[str],
) -> list[str]:
    """An id for each person: the one it has, the older of two, or with a split the larger part's."""
    shares: dict[str, Counter[int]] = defaultdict(Counter)
    for number, rows in enumerate(clusters):
        for row in rows:
            key = key_of.get((row.source, row.source_id))
            if key is not None:
                shares[key][number] += 1
    inherited: dict[int, list[str]] = defaultdict(list)
    for key, counts in shares.items():
        heir = min(counts, key=lambda number: (-counts[number], _born_id(clusters[number])))
        inherited[heir].append(key)
    taken = living | kept.keys()
    ids: list[str] = []
    for number, rows in enumerate(clusters):
        if number in inherited:
            ids.append(min(inherited[number], key=lambda key: (kept[key].born, key)))
        else:
            ids.append(_free_id(_born_id(rows), taken))
            taken.add(ids[-1])
    return ids


def _free_id(wanted: str, taken: set[str]) -> str:
    key, number = wanted, 1
    while key in taken:
        number += 1
        key = f"{wanted}.{number}"
    return key


def _write_tins(
    connection: Connection, keys: Sequence[str], tins: Mapping[str, set[str]]
) -> None:
    table = schema.golden_tins
    before: set[tuple[str, str]] = set()
    for chunk in chunks(keys):
        query = sa.select(table.c.tin, table.c.key).where(table.c.key.in_(chunk))
        before.update((tin, key) for tin, key in connection.execute(query))
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
        if (former := key_of.get(row)) is not None and former in kept and former not in living
    }
    upsert(
        connection,
        schema.aliases,
        [{"kind": CONTACT, "alias": alias, "key": key} for alias, key in sorted(merged.items())],
    )
