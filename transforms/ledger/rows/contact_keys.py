"""Blocking keys of the contact rows of the base, as numbers: rows of one person share some.

A key below zero is of the row as a whole: rows that look alike to the matching share it. A key that
too many different rows share is hot, and connects no rows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import RowKey
from transforms.ledger import schema
from transforms.ledger.rows.rebuild_marks import mark_dirty
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import delete, delete_rows, look_up, upsert

_KeysByRow = Mapping[str, set[int]]
_NO_KEYS: frozenset[int] = frozenset()


def replace_keys(
    connection: Connection, source: str, keys: Mapping[str, Collection[int]], hot_above: int
) -> None:
    """Write the keys of one store's rows by row id; mark rows whose keys have changed as dirty.

    A row without keys has left the base. Rows that were tied to one of these by a key that it has
    lost are dirty too, unless more than ``hot_above`` rows share the key. A row whose keys are the
    same looks the same to the matching, as one of them is of the whole row.
    """
    before = _keys_by_row(connection, source, sorted(keys))
    after = {source_id: set(row_keys) for source_id, row_keys in keys.items()}
    changed = [row for row in sorted(after) if after[row] != before.get(row, _NO_KEYS)]
    lost = {row: row_keys - after[row] for row, row_keys in before.items()}
    lost_keys = sorted(set[int]().union(*lost.values()))
    dirty = {(source, source_id) for source_id in changed}
    # The rows written now may have made the key hot, or cold: look at some more.
    dirty |= _rows_of_cold_keys(connection, lost_keys, hot_above + len(keys))
    _write_changes(connection, source, lost, {row: after[row] for row in changed}, before)
    mark_dirty(connection, dirty)


def _write_changes(
    connection: Connection, source: str, lost: _KeysByRow, changed: _KeysByRow, before: _KeysByRow
) -> None:
    # In the order of the keys: neighbours stand in the same page.
    dropped = sorted((key, source, row) for row, row_keys in lost.items() for key in row_keys)
    added = sorted(
        (key, row)
        for row, row_keys in changed.items()
        for key in row_keys - before.get(row, _NO_KEYS)
    )
    delete_rows(connection, schema.contact_keys, dropped)
    upsert(
        connection,
        schema.contact_keys,
        [{"key": key, "source": source, "source_id": source_id} for key, source_id in added],
    )


def _keys_by_row(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, set[int]]:
    table = schema.contact_keys.c
    columns = table.source_id, table.key
    keys: dict[str, set[int]] = defaultdict(set)
    for source_id, key in look_up(connection, columns, table.source_id, ids, source=source):
        keys[source_id].add(key)
    return keys


def _rows_of_cold_keys(connection: Connection, keys: Sequence[int], hot_above: int) -> set[RowKey]:
    """The rows of those keys that are not hot: a hot key connects no rows."""
    cold = [
        key
        for key, count in count_rows(connection, keys).items()
        if not is_hot(connection, key, count, hot_above)
    ]
    return {row for rows in rows_by_key(connection, cold).values() for row in rows}


def count_rows(connection: Connection, keys: Sequence[int]) -> dict[int, int]:
    """The number of rows that have each of the keys."""
    table = schema.contact_keys.c
    query = sa.select(table.key, sa.func.count()).group_by(table.key)
    return {
        key: count
        for chunk in chunks(keys)
        for key, count in connection.execute(query.where(table.key.in_(chunk)))
    }


def is_hot(connection: Connection, key: int, count: int, hot_above: int) -> bool:
    """Whether more than ``hot_above`` of the ``count`` rows that have the key look different."""
    if count <= hot_above:
        return False
    keys, whole_keys = schema.contact_keys.alias(), schema.contact_keys.alias()
    same_row = sa.and_(
        keys.c.source == whole_keys.c.source, keys.c.source_id == whole_keys.c.source_id
    )
    query = (
        sa.select(whole_keys.c.key)
        .distinct()
        .select_from(keys.join(whole_keys, same_row))
        .where(keys.c.key == key, whole_keys.c.key < 0)
        .limit(hot_above + 1)
    )
    return len(connection.execute(query).all()) > hot_above


def rows_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, list[RowKey]]:
    """The rows that have each of the keys."""
    table = schema.contact_keys.c
    columns = table.key, table.source, table.source_id
    rows: dict[int, list[RowKey]] = defaultdict(list)
    for key, source, source_id in look_up(connection, columns, table.key, keys):
        rows[key].append((source, source_id))
    return rows


def keys_of_rows(connection: Connection, rows: Iterable[RowKey]) -> set[int]:
    """All keys of these rows."""
    return {
        key
        for source, ids in group_by_store(rows).items()
        for keys in _keys_by_row(connection, source, ids).values()
        for key in keys
    }


def hot_keys(connection: Connection) -> set[int]:
    """The keys that are noted as hot."""
    return set(connection.execute(sa.select(schema.hot_keys.c.key)).scalars())


def update_hot_keys(connection: Connection, hot: Iterable[int], cold: Iterable[int]) -> None:
    """Note which keys have become hot, and which are hot no longer."""
    table = schema.hot_keys
    upsert(connection, table, [{"key": key} for key in sorted(hot)])
    delete(connection, table.c.key, sorted(cold))
