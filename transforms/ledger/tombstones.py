"""Deletions that do not say whether a company or a contact is gone, as a topic's null values.

They are kept: a version of the row that comes later may be older than its deletion.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import Ledger, chunks, upsert
from transforms.ledger.versions import newest
from transforms.records import COMPANY, CONTACT, EITHER_KIND, Company, Contact, Row, encode

_EMPTY: dict[str, bytes] = {COMPANY: encode(Company("")), CONTACT: encode(Contact())}
_DELETED = ("deleted_in_store", "the store has deleted it")


def with_deletions(ledger: Ledger, versions: Sequence[Row]) -> list[Row]:
    """The versions, and in the place of each deletion one version for each kind that it deletes.

    That is the kind which the row has in the ledger, or in another of the versions. While there is
    none, the deletion only is remembered.
    """
    told = [row for row in versions if row.kind != EITHER_KIND]
    untold = newest(row for row in versions if row.kind == EITHER_KIND)
    if untold:
        ledger.transact(lambda connection: _keep(connection, untold))
    with ledger.read() as connection:
        ids = defaultdict(set)
        for row in versions:
            ids[row.source].add(row.source_id)
        kinds = {(row.source, row.source_id, row.kind) for row in told}
        kinds.update(_known_kinds(connection, untold))
        kept = {
            (one.source, one.source_id): one
            for source, of_source in ids.items()
            for one in _kept(connection, source, sorted(of_source))
        }
    return told + [
        msgspec.structs.replace(kept[source, source_id], kind=kind, payload=_EMPTY[kind])
        for source, source_id, kind in sorted(kinds)
        if (source, source_id) in kept
    ]


def _keep(connection: Connection, untold: Sequence[Row]) -> None:
    known = {
        (one.source, one.source_id): one
        for source in {row.source for row in untold}
        for one in _kept(
            connection, source, [row.source_id for row in untold if row.source == source]
        )
    }
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
            for row in newest([*untold, *known.values()])
        ],
    )


def _kept(connection: Connection, source: str, ids: Sequence[str]) -> Iterator[Row]:
    table = schema.tombstones.c
    query = sa.select(table.source_id, table.changed_at, table.tie_order, table.raw).where(
        table.source == source
    )
    # Most ledgers hold none: a full load then asks once, not for each of its rows.
    if connection.execute(query.limit(1)).first() is None:
        return
    for chunk in chunks(ids):
        for source_id, changed_at, order, raw in connection.execute(
            query.where(table.source_id.in_(chunk))
        ):
            yield Row(
                source, EITHER_KIND, source_id, changed_at, order, "", *_DELETED, b"", bytes(raw)
            )


def _known_kinds(connection: Connection, untold: Iterable[Row]) -> Iterator[tuple[str, str, str]]:
    table = schema.rows.c
    by_source = defaultdict(list)
    for row in untold:
        by_source[row.source].append(row.source_id)
    for source, ids in by_source.items():
        query = sa.select(table.source, table.source_id, table.kind).where(
            table.source == source, table.kind.in_((COMPANY, CONTACT))
        )
        for chunk in chunks(ids):
            for found in connection.execute(query.where(table.source_id.in_(chunk))):
                yield tuple(found)
