"""The keys by which contact rows of the base find each other, and the rows still to be rebuilt."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import RowKey
from transforms.ledger import schema
from transforms.ledger.rows.links import group_by_store
from transforms.ledger.rows.source_rows import mark, marked
from transforms.ledger.statements import delete, delete_rows, look_up, upsert
from transforms.matching.profiles import HOT


def replace_keys(connection: Connection, source: str, keys: Mapping[str, Collection[int]]) -> None:
    """Write these rows' keys (none: the row is in the base no more); where they changed, mark them.

    Rows that were tied to one of these by a key that it has no longer are dirty too. Who has the
    same keys looks the same to the matching, as one of them is of the whole row.
    """
    before = _keys_by_row(connection, source, sorted(keys))
    after = {source_id: set(own) for source_id, own in keys.items()}
    changed = [one for one in sorted(after) if after[one] != before.get(one, set())]
    lost = {one: less for one, own in before.items() if (less := own - after[one])}
    dirty = {(source, source_id) for source_id in changed}
    dirty |= _rows_of_few(connection, sorted(set[int]().union(*lost.values())), HOT + len(keys))
    table = schema.contact_keys
    # In the order of the keys: neighbours stand in the same page.
    gone = sorted((key, source, one) for one, own in lost.items() for key in own)
    new = sorted((key, one) for one in changed for key in after[one] - before.get(one, set()))
    delete_rows(connection, table, gone)
    upsert(
        connection,
        table,
        [{"key": key, "source": source, "source_id": source_id} for key, source_id in new],
    )
    mark_dirty(connection, dirty)


def _keys_by_row(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, set[int]]:
    table = schema.contact_keys.c
    columns = table.source_id, table.key
    found: dict[str, set[int]] = defaultdict(set)
    for source_id, key in look_up(connection, columns, table.source_id, ids, source=source):
        found[source_id].add(key)
    return found


def _rows_of_few(connection: Connection, keys: Sequence[int], most: int) -> set[RowKey]:
    """The rows of those keys that not more than ``most`` have: others have tied nobody."""
    few = [
        key
        for key, count in count_rows(connection, keys).items()
        if not is_hot(connection, key, count, most)
    ]
    return {row for rows in rows_by_key(connection, few).values() for row in rows}


def count_rows(connection: Connection, keys: Sequence[int]) -> dict[int, int]:
    """How many rows have each of the keys."""
    table = schema.contact_keys.c
    query = sa.select(table.key, sa.func.count()).group_by(table.key)
    return {
        key: count
        for chunk in chunks(keys)
        for key, count in connection.execute(query.where(table.key.in_(chunk)))
    }


def is_hot(connection: Connection, key: int, count: int, most: int) -> bool:
    """Whether of the ``count`` rows that have the key more than ``most`` look different."""
    if count <= most:
        return False
    own, whole = schema.contact_keys.alias(), schema.contact_keys.alias()
    same_row = sa.and_(own.c.source == whole.c.source, own.c.source_id == whole.c.source_id)
    query = (
        sa.select(whole.c.key)
        .distinct()
        .select_from(own.join(whole, same_row))
        .where(own.c.key == key, whole.c.key < 0)
        .limit(most + 1)
    )
    return len(connection.execute(query).all()) > most


def rows_by_key(connection: Connection, keys: Sequence[int]) -> dict[int, list[RowKey]]:
    """The rows that have each of the keys."""
    table = schema.contact_keys.c
    columns = table.key, table.source, table.source_id
    found: dict[int, list[RowKey]] = defaultdict(list)
    for key, source, source_id in look_up(connection, columns, table.key, keys):
        found[key].append((source, source_id))
    return found


def keys_of_rows(connection: Connection, rows: Iterable[RowKey]) -> set[int]:
    """All keys of these rows."""
    return {
        key
        for source, ids in group_by_store(rows).items()
        for keys in _keys_by_row(connection, source, ids).values()
        for key in keys
    }


def hot_keys(connection: Connection) -> set[int]:
    """The hot keys."""
    return set(connection.execute(sa.select(schema.hot_keys.c.key)).scalars())


def update_hot_keys(connection: Connection, hot: Iterable[int], cold: Iterable[int]) -> None:
    """Remember which keys have become hot, and which are so no longer."""
    table = schema.hot_keys
    upsert(connection, table, [{"key": key} for key in sorted(hot)])
    delete(connection, table.c.key, sorted(cold))


def mark_dirty(connection: Connection, rows: Iterable[RowKey]) -> None:
    """The persons of these rows are to be rebuilt."""
    mark(connection, schema.dirty_contacts, rows)


def dirty_rows(connection: Connection) -> set[RowKey]:
    """The rows whose persons are still to be rebuilt."""
    return marked(connection, schema.dirty_contacts)


def stale_rows(connection: Connection) -> set[RowKey]:
    """The rows that say something else than their persons do."""
    return marked(connection, schema.stale_contacts)


def mark_rebuilt(connection: Connection, rows: Iterable[RowKey]) -> None:
    """The persons of these rows are rebuilt."""
    for source, ids in group_by_store(rows).items():
        for table in (schema.dirty_contacts, schema.stale_contacts):
            delete(connection, table.c.source_id, ids, source=source)
