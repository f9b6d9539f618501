"""Rows that a load has read, but not cleaned: the ledger holds what they would become.

A row keeps the digest of its original record and of the rules by which the record became this row.
Where a later load computes the same digest, cleaning would return the same row again, which is
not newer than itself: the row is only marked as seen.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run, now
from transforms.core.records import Row
from transforms.core.stores import Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.rows.versions import KnownVersion
from transforms.ledger.statements import look_up, update


def holds_rows(ledger: Ledger) -> bool:
    """Whether the ledger holds any row."""
    with ledger.read() as connection:
        return connection.execute(sa.select(schema.rows.c.source).limit(1)).first() is not None


def find_unchanged(
    connection: Connection, source: str, kind: str, digests: Mapping[str, int], run: Run
) -> dict[str, Row]:
    """The rows of one store and kind whose digests, by row id, are those in the ledger.

    Without those that ``run`` itself has written: an engine does a bundle twice, and what is
    touched depends on the rows. Without those of the future, too: time changes what they mean.
    """
    table = schema.rows.c
    columns = (
        *(table.source_id, table.digest, table.changed_at, table.tie_order),
        *(table.reason, table.run_seq),
    )
    moment = now()
    return {
        source_id: Row(
            *(source, kind, source_id, changed_at, order, "", reason, "", b"", b""),
            digest=digest,
        )
        for source_id, digest, changed_at, order, reason, run_seq in look_up(
            connection, columns, table.source_id, list(digests), source=source, kind=kind
        )
        if digest and digest == digests[source_id]
        if run_seq != run.run_seq and changed_at <= moment
    }


def split_unchanged(
    ledger: Ledger, versions: Sequence[Row], stores: Stores
) -> tuple[Sequence[Row], list[Row]]:
    """The versions that are to be compared with the ledger's, and the unchanged ones.

    An unchanged row of which there is another version as well has to be compared with that: it is
    read from the ledger.
    """
    unchanged = {(row.source, row.kind, row.source_id): row for row in versions if row.is_unchanged}
    if not unchanged:
        return versions, []
    others = [row for row in versions if not row.is_unchanged]
    # A deletion may not say of which kind of row it is.
    rivals = {(row.source, row.source_id) for row in others}
    contested: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, kind, source_id in list(unchanged):
        if (source, source_id) in rivals:
            contested[source, kind].append(source_id)
            del unchanged[source, kind, source_id]
    with ledger.read() as connection:
        for (source, kind), ids in contested.items():
            stored = _stored_rows(connection, source, kind, ids)
            if stores.is_undated(source, kind):
                # The ledger dates them; the other versions have no time yet.
                stored = [msgspec.structs.replace(row, changed_at=0) for row in stored]
            others += stored
    return others, list(unchanged.values())


def _stored_rows(connection: Connection, source: str, kind: str, ids: Sequence[str]) -> list[Row]:
    table = schema.rows.c
    columns = (
        *(table.source_id, table.changed_at, table.tie_order, table.tin, table.reason),
        *(table.detail, table.payload, table.raw, table.digest),
    )
    return [
        Row(
            *(source, kind, source_id, changed_at, order, tin, reason, detail),
            payload=bytes(payload),
            raw=bytes(raw),
            digest=digest,
        )
        for source_id, changed_at, order, tin, reason, detail, payload, raw, digest in look_up(
            connection, columns, table.source_id, ids, source=source, kind=kind
        )
    ]


def mark_seen(ledger: Ledger, run: Run, unchanged: Sequence[Row]) -> None:
    """Note that this run has read the rows."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in unchanged:
        groups[row.source, row.kind].append(row.source_id)

    def write(connection: Connection) -> None:
        table = schema.rows.c
        for (source, kind), ids in sorted(groups.items()):
            where: dict[str, Any] = {"source": source, "kind": kind}
            update(connection, table.seen_run, run.run_seq, table.source_id, sorted(ids), **where)

    if groups:
        ledger.transact(write)


def redigested(
    connection: Connection, rows: Sequence[Row], known: Mapping[str, KnownVersion]
) -> set[str]:
    """The ids of rows that are the ledger's own, but for their digests.

    The ledger is of an older program, or the rules have another version and the same result. The
    rows are of one store and kind.
    """
    same = {
        row.source_id: row.raw
        for row in rows
        if row.digest
        and (version := known.get(row.source_id)) is not None
        and row.digest != version.digest
        and _content(row) == _content(version)
    }
    source, kind, table = rows[0].source, rows[0].kind, schema.rows.c
    columns = table.source_id, table.raw
    originals = look_up(connection, columns, table.source_id, list(same), source=source, kind=kind)
    return {source_id for source_id, raw in originals if bytes(raw) == same[source_id]}


def _content(version: Row | KnownVersion) -> tuple[object, ...]:
    return (
        version.changed_at,
        version.order,
        version.tin[: schema.ID_WIDTH],
        version.reason,
        version.fingerprint,
    )
