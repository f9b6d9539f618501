"""Rebuilding contacts: which rows are one person, one golden record a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from sqlalchemy.engine import Connection

from transforms.consolidation import former_persons, model_learning
from transforms.consolidation.pieces import batches
from transforms.core.chunks import chunks
from transforms.core.golden_records import Sourced
from transforms.core.identity import RowKey, Run, row_key
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT, decode_contact
from transforms.ledger import schema
from transforms.ledger.base import goldens, reviews
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows import contact_keys, links, rebuild_marks
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import delete, look_up, upsert
from transforms.matching.blocking import keys_with_digests
from transforms.matching.contacts import DoubtfulPair, MatchingBasis, match_components
from transforms.matching.golden_contact import ContactRow, merge_contact
from transforms.matching.model import model_of
from transforms.matching.profiles import profile_of

# More rows make the other processes wait for the first.
_AT_ONCE = 2000


def consolidate(
    ledger: Ledger, run: Run, groups: Iterable[list[str]], processes: ProcessPool = IN_PLACE
) -> int:
    """Rebuild the persons of these pieces of rows. Returns how many persons they hold.

    No two pieces share a person or a row: what is written of some changes nothing for the others.
    """
    work = partial(_rebuild, run=run)
    return sum(carry_out(ledger, work, batches(groups, _AT_ONCE), processes))


def _rebuild(connection: Connection, groups: list[list[str]], run: Run) -> int:
    refs = [ref for group in groups for ref in group]
    every = [row_key(ref) for ref in refs]
    stood = links.golden_key_by_row(connection, CONTACT, every)
    keys = sorted(set(stood.values()))
    kept = goldens.stored_goldens(connection, CONTACT, keys)
    members = goldens.members_of(connection, CONTACT, keys)
    tins = links.tins_by_contact(connection, every)
    rows = {row.ref: row for row in _rows(connection, every)}
    found = match_components(groups, _basis(connection, rows.values(), tins))
    people = [[rows[ref] for ref in group] for persons in found for group in persons.groups]
    of_person = [
        {tin for row in person for tin in tins[row.source, row.source_id]} for person in people
    ]
    key_of, born_of = dict(stood), {key: known.born for key, known in kept.items()}
    for row, former in former_persons.come_back(connection, people, key_of).items():
        key_of[row], born_of[former.key] = former.key, former.born
    ids = _ids(connection, people, key_of, born_of)
    made = [_made(*one) for one in zip(ids, people, of_person, strict=True)]
    goldens.save_goldens(connection, run, CONTACT, made, kept, members)
    former_persons.leave(connection, made, kept, members)
    _write_tins(connection, keys, dict(zip(ids, of_person, strict=True)))
    _write_aliases(connection, made, kept, key_of)
    doubts = [_doubt(one) for persons in found for one in persons.doubtful_pairs]
    reviews.replace_doubtful_pairs(connection, CONTACT, refs, doubts)
    rebuild_marks.mark_rebuilt(connection, every)
    return len(made)


def _made(key: str, person: Sequence[ContactRow], tins: set[str]) -> goldens.NewGolden:
    members = [(row.source, row.source_id) for row in person]
    return goldens.NewGolden(key, *merge_contact(key, person, tins), members)


def refresh(
    ledger: Ledger, run: Run, groups: Iterable[list[str]], processes: ProcessPool = IN_PLACE
) -> None:
    """Merge again the persons outside of these pieces of whose rows some say something else.

    Nothing that the matching looks at is different: they are made of the same rows.
    """
    in_groups = {row_key(ref) for group in groups for ref in group}
    with ledger.read() as connection:
        stale = sorted(rebuild_marks.stale_rows(connection) - in_groups)
    carry_out(ledger, partial(_merge_again, run=run), chunks(stale, _AT_ONCE), processes)


def _merge_again(connection: Connection, rows: Sequence[RowKey], run: Run) -> None:
    keys = sorted(set(links.golden_key_by_row(connection, CONTACT, rows).values()))
    members = goldens.members_of(connection, CONTACT, keys)
    kept = goldens.stored_goldens(connection, CONTACT, keys)
    every = sorted(row for of_person in members.values() for row in of_person)
    tins = links.tins_by_contact(connection, every)
    row_of = {(row.source, row.source_id): row for row in _rows(connection, every)}
    made = [
        _made(
            key,
            [row_of[row] for row in members[key]],
            {tin for row in members[key] for tin in tins[row]},
        )
        for key in keys
    ]
    goldens.save_goldens(connection, run, CONTACT, made, kept, members)
    rebuild_marks.mark_rebuilt(connection, rows)


def basis_of(connection: Connection, rows: Sequence[RowKey]) -> MatchingBasis:
    """What the matching judges these rows by."""
    return _basis(connection, _rows(connection, rows), links.tins_by_contact(connection, rows))


def _basis(
    connection: Connection, rows: Iterable[ContactRow], tins: Mapping[RowKey, set[str]]
) -> MatchingBasis:
    profiles = {
        row.ref: profile_of(row.record, own)
        for row in rows
        if (own := tins.get((row.source, row.source_id)))
    }
    said = reviews.judgements_of(connection, CONTACT, sorted(profiles))
    hot = contact_keys.hot_keys(connection)
    if hot:
        hot &= contact_keys.keys_of_rows(connection, map(row_key, profiles))
    judgements = {frozenset(pair): same for pair, same in said.items()}
    model = model_of(model_learning.current(connection))
    return MatchingBasis(profiles, model, keys_with_digests(profiles, hot), judgements)


def _rows(connection: Connection, keys: Iterable[RowKey]) -> Iterator[ContactRow]:
    """The valid contact rows among these."""
    table = schema.rows.c
    columns = table.source_id, table.changed_at, table.payload
    for source, ids in group_by_store(keys).items():
        for source_id, changed_at, payload in look_up(
            connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
        ):
            yield Sourced(source, source_id, changed_at, decode_contact(bytes(payload)))


def _doubt(pair: DoubtfulPair) -> reviews.DoubtfulPair:
    return reviews.DoubtfulPair(
        CONTACT,
        *pair.refs,
        round(pair.bits, 2),
        pair.reason,
        tuple((comparison, result, round(bits, 2)) for comparison, result, bits in pair.evidence),
    )


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
        known = goldens.stored_goldens(connection, CONTACT, list(wanted.values()))
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
    gone: dict[str, list[str]] = defaultdict(list)
    for tin, key in sorted(before - after):
        gone[tin].append(key)
    for tin, of_tin in gone.items():
        delete(connection, table.c.key, of_tin, tin=tin)
    upsert(connection, table, [{"tin": tin, "key": key} for tin, key in sorted(after - before)])


def _write_aliases(
    connection: Connection,
    made: Sequence[goldens.NewGolden],
    kept: Mapping[str, goldens.StoredGolden],
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
    # Who was merged into one that is merged now.
    columns = table.c.alias, table.c.key
    before = look_up(connection, columns, table.c.key, sorted(merged), kind=CONTACT)
    now = {alias: merged[key] for alias, key in before if alias not in living} | merged
    upsert(
        connection,
        table,
        [{"kind": CONTACT, "alias": alias, "key": key} for alias, key in sorted(now.items())],
    )
