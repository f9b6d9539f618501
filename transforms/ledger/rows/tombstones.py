"""Deletions without a time or without a kind: a topic's null values, bare deletes.

They are kept as tombstones, for a version that arrives later may be older than its deletion. Such a
deletion deletes every version of a lower offset in its partition, and of the other versions (a
file's) those that had changed when it was sent. It is as old as the newest version that it deletes:
so an older event that arrives after it does not bring the row back; one that is not older does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey
from transforms.core.outcomes import DELETED_BY_MESSAGE, DELETED_IN_STORE
from transforms.core.records import (
    COMPANY,
    CONTACT,
    NO_PARTITION,
    UNKNOWN_KIND,
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
_DELETED = (DELETED_IN_STORE, DELETED_BY_MESSAGE)


class _Version(NamedTuple):
    source: str
    source_id: str
    kind: str
    changed_at: int
    order: int


def with_deletions(ledger: Ledger, versions: Sequence[Row]) -> list[Row]:
    """The versions; each deletion among them is replaced by one version for each kind it deletes.

    That is the kind that the deletion names, or of which the ledger or another of the versions has
    such a row. While there is none, the deletion is only remembered. Deletions that the ledger
    remembers are added where they meet one of the versions.
    """
    rows = [row for row in versions if row.payload]
    deletions = [row for row in versions if not row.payload]
    if deletions:
        ledger.transact(lambda connection: _save(connection, deletions))
    with ledger.read() as connection:
        tombstones = _tombstones(connection, ((row.source, row.source_id) for row in versions))
        known = list(_known_versions(connection, tombstones))
    if not tombstones:
        return rows
    return rows + _deleted_versions(tombstones, (*known, *_versions(rows, deletions, tombstones)))


def _versions(
    rows: Iterable[Row], deletions: Iterable[Row], tombstones: Mapping[RowKey, Row]
) -> Iterator[_Version]:
    """The rows that have a tombstone, and the kinds that deletions name, as versions."""
    for row in rows:
        if (row.source, row.source_id) in tombstones:
            yield _version(row)
    for row in deletions:
        # It may name a kind of which there is no version yet.
        if row.kind != UNKNOWN_KIND:
            yield _version(row)._replace(changed_at=0)


def _deleted_versions(tombstones: Mapping[RowKey, Row], versions: Iterable[_Version]) -> list[Row]:
    """Each tombstone as a row of each kind of its versions, as old as the newest one it deletes."""
    ages: dict[tuple[str, str, str], int] = {}
    for version in versions:
        key = version.source, version.source_id, version.kind
        deletion = tombstones[version.source, version.source_id]
        ages[key] = max(_age(deletion, version), ages.get(key, 0))
    return [
        msgspec.structs.replace(
            tombstones[source, source_id], kind=kind, changed_at=age, payload=_EMPTY[kind]
        )
        for (source, source_id, kind), age in sorted(ages.items())
    ]


def _version(row: Row) -> _Version:
    return _Version(row.source, row.source_id, row.kind, row.changed_at, row.order)


def _age(deletion: Row, version: _Version) -> int:
    """The least ``changed_at`` with which the deletion deletes this version; 0: it does not."""
    if not _deletes(deletion, version):
        return 0
    # The offset says nothing of a version of another partition: the time of sending has to.
    return version.changed_at if version.order <= deletion.order else deletion.changed_at


def _deletes(deletion: Row, version: _Version) -> bool:
    if _share_partition(deletion, version):
        return version.order <= deletion.order
    return (version.changed_at, version.order) <= (deletion.changed_at, deletion.order)


def _share_partition(deletion: Row, version: Row | _Version) -> bool:
    return partition_of(deletion.order) == partition_of(version.order) != NO_PARTITION


def _later(deletion: Row, rival: Row) -> Row:
    """The later of two deletions of a row; in one partition it is also as new as either of them."""
    if not _share_partition(deletion, rival):
        return max(deletion, rival, key=lambda row: (row.changed_at, row.order, row.raw))
    later = max(deletion, rival, key=lambda row: (row.order, row.raw))
    changed_at = max(deletion.changed_at, rival.changed_at)
    return msgspec.structs.replace(later, changed_at=changed_at)


def _save(connection: Connection, deletions: Sequence[Row]) -> None:
    latest = _tombstones(connection, ((row.source, row.source_id) for row in deletions))
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


def _tombstones(connection: Connection, keys: Iterable[RowKey]) -> dict[RowKey, Row]:
    """The remembered deletion of each of these rows."""
    table = schema.tombstones.c
    columns = table.source_id, table.changed_at, table.tie_order, table.raw
    tombstones: dict[RowKey, Row] = {}
    for source, ids in _distinct_ids(keys).items():
        # Most ledgers hold none: a full load then asks once, not for each of its rows.
        any_tombstone = sa.select(table.source).where(table.source == source).limit(1)
        if connection.execute(any_tombstone).first() is None:
            continue
        for source_id, changed_at, order, raw in look_up(
            connection, columns, table.source_id, ids, source=source
        ):
            tombstones[source, source_id] = Row(
                source, UNKNOWN_KIND, source_id, changed_at, order, "", *_DELETED, b"", bytes(raw)
            )
    return tombstones


def _known_versions(connection: Connection, keys: Iterable[RowKey]) -> Iterator[_Version]:
    table = schema.rows.c
    columns = table.source_id, table.changed_at, table.tie_order
    for source, ids in _distinct_ids(keys).items():
        for kind in (COMPANY, CONTACT):
            for source_id, changed_at, order in look_up(
                connection, columns, table.source_id, ids, source=source, kind=kind
            ):
                yield _Version(source, source_id, kind, changed_at, order)


def _distinct_ids(keys: Iterable[RowKey]) -> dict[str, list[str]]:
    ids: dict[str, set[str]] = defaultdict(set)
    for source, source_id in keys:
        ids[source].add(source_id)
    return {source: sorted(source_ids) for source, source_ids in ids.items()}
