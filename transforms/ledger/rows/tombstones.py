"""Deletions that do not say when they were, or of what kind: a topic's null values, bare deletes.

They are kept, for a version that comes later may be older than its deletion. Such a deletion
deletes every version of a lower offset in its partition, and every other one (a file's) that had
changed when it was sent. It is as old as the newest of those: so an old event behind it does not
bring the row back, and one that is no older does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.records import (
    COMPANY,
    CONTACT,
    EITHER_KIND,
    NO_PARTITION,
    Company,
    Contact,
    Row,
    encode,
    partition_of,
)
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import look_up, upsert

_EMPTY: dict[str, bytes] = {COMPANY: encode(Company("")), CONTACT: encode(Contact())}
_DELETED = ("deleted_in_store", "the store has deleted it")

RowKey = tuple[str, str]


class _Version(NamedTuple):
    source: str
    source_id: str
    kind: str
    changed_at: int
    order: int


def with_deletions(ledger: Ledger, versions: Sequence[Row]) -> list[Row]:
    """The versions, and in the place of each deletion one version for each kind that it deletes.

    That is the kind which it names, or which the row has in the ledger, or in another of the
    versions. While there is none, the deletion only is remembered.
    """
    told = [row for row in versions if row.payload]
    deletions = [row for row in versions if not row.payload]
    if deletions:
        ledger.transact(lambda connection: _keep(connection, deletions))
    with ledger.read() as connection:
        kept = _kept(connection, ((row.source, row.source_id) for row in versions))
        known = list(_known(connection, kept))
    if not kept:
        return told
    rivals = [_version(row) for row in told if (row.source, row.source_id) in kept]
    # It may name a kind of which there is no version yet.
    named = [_version(row)._replace(changed_at=0) for row in deletions if row.kind != EITHER_KIND]
    ages: dict[tuple[str, str, str], int] = {}
    for one in (*rivals, *known, *named):
        key = one.source, one.source_id, one.kind
        ages[key] = max(_age(kept[one.source, one.source_id], one), ages.get(key, 0))
    return told + [
        msgspec.structs.replace(
            kept[source, source_id], kind=kind, changed_at=age, payload=_EMPTY[kind]
        )
        for (source, source_id, kind), age in sorted(ages.items())
    ]


def _version(row: Row) -> _Version:
    return _Version(row.source, row.source_id, row.kind, row.changed_at, row.order)


def _age(deletion: Row, version: _Version) -> int:
    """How old the deletion is at least, for this version's sake."""
    if not _deletes(deletion, version):
        return 0
    # Of another partition the offset says nothing: the time at which it was sent has to.
    return version.changed_at if version.order <= deletion.order else deletion.changed_at


def _deletes(deletion: Row, version: _Version) -> bool:
    if _share_partition(deletion, version):
        return version.order <= deletion.order
    return (version.changed_at, version.order) <= (deletion.changed_at, deletion.order)


def _share_partition(one: Row, other: Row | _Version) -> bool:
    return partition_of(one.order) == partition_of(other.order) != NO_PARTITION


def _later(one: Row, other: Row) -> Row:
    """The later of two deletions of a row; of one partition it is also as new as either of them."""
    if not _share_partition(one, other):
        return max(one, other, key=lambda row: (row.changed_at, row.order, row.raw))
    later = max(one, other, key=lambda row: (row.order, row.raw))
    return msgspec.structs.replace(later, changed_at=max(one.changed_at, other.changed_at))


def _keep(connection: Connection, deletions: Sequence[Row]) -> None:
    latest = _kept(connection, ((row.source, row.source_id) for row in deletions))
    for row in deletions:
        key = row.source, row.source_id
        latest[key] = _later(latest[key], row) if key in latest else row
    upsert(
        connection,
        schema.tombstones,
        [
            {
                "source": row.source,
                "source_id": row.source_id,
                "changed_at": row.changed_at,
                "tie_order": row.order,
                "raw": row.raw,
            }
            for row in latest.values()
        ],
    )


def _kept(connection: Connection, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
    table = schema.tombstones.c
    columns = table.source_id, table.changed_at, table.tie_order, table.raw
    found: dict[RowKey, Row] = {}
    for source, ids in _by_source(keys).items():
        # Most ledgers hold none: a full load then asks once, not for each of its rows.
        one = sa.select(table.source).where(table.source == source).limit(1)
        if connection.execute(one).first() is None:
            continue
        for source_id, changed_at, order, raw in look_up(
            connection, columns, table.source_id, ids, source=source
        ):
            found[source, source_id] = Row(
                source, EITHER_KIND, source_id, changed_at, order, "", *_DELETED, b"", bytes(raw)
            )
    return found


def _known(connection: Connection, keys: Iterable[RowKey]) -> Iterator[_Version]:
    table = schema.rows.c
    columns = table.source_id, table.changed_at, table.tie_order
    for source, ids in _by_source(keys).items():
        for kind in (COMPANY, CONTACT):
            for source_id, changed_at, order in look_up(
                connection, columns, table.source_id, ids, source=source, kind=kind
            ):
                yield _Version(source, source_id, kind, changed_at, order)


def _by_source(keys: Iterable[RowKey]) -> dict[str, list[str]]:
    ids: dict[str, set[str]] = defaultdict(set)
    for source, source_id in keys:
        ids[source].add(source_id)
    return {source: sorted(own) for source, own in ids.items()}
