"""Work on tables whose key is a source row: many rows at once, store by store."""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey
from transforms.ledger.statements import delete


def group_by_store(rows: Iterable[RowKey]) -> dict[str, list[str]]:
    """Row ids by store, sorted: queries go store by store."""
    ids: dict[str, list[str]] = defaultdict(list)
    for source, source_id in rows:
        ids[source].append(source_id)
    # Texts are sorted in a fraction of the time that pairs of texts take.
    return {source: sorted(ids[source]) for source in sorted(ids)}


def delete_entries(
    connection: Connection, table: sa.Table, kind: str, rows: Iterable[RowKey]
) -> None:
    """Delete the rows' entries from a table whose key is ``(source, source_id)``, or with kind."""
    ids_by_source: dict[str, list[str]] = defaultdict(list)
    for source, source_id in rows:
        ids_by_source[source].append(source_id)
    of_kind = {"kind": kind} if "kind" in table.c else {}
    for source, ids in ids_by_source.items():
        delete(connection, table.c.source_id, ids, **of_kind, source=source)
