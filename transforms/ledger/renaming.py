"""A store that gets another key: all that the ledger keeps of it goes on under the new one.

Contacts keep their ids, although these begin with the key of before: the CRM's cards bear them, and
an id is given once. So that a later store of the former key gives none of them again, the former
key is noted.
"""

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.errors import ConfigurationError
from transforms.core.identity import row_key, row_ref
from transforms.core.records import CONTACT
from transforms.ledger import schema
from transforms.ledger.rows.rebuild_marks import mark_records_of
from transforms.ledger.statements import upsert


class Renaming(msgspec.Struct, frozen=True):
    """A store's key, the one that it had before, and the names of cursors that do not tell it.

    Other cursors are named by store and table: ``shop.contact``. ``cursor_names`` are the new names
    by the former ones.
    """

    key: str
    former_key: str
    cursor_names: Mapping[str, str] = {}


def rename_store(connection: Connection, renaming: Renaming) -> None:
    """Let the rows of the store, and all that hangs on them, go on under the new key.

    Changes nothing when no row has the former key: there was no such store, or it is done already.
    Its records are consolidated anew by the next run, for they name their rows and stores.

    Raises:
        ConfigurationError: rows of both keys are known, and no two stores become one.
    """
    key, former_key = renaming.key, renaming.former_key
    if not has_rows(connection, former_key):
        return
    if has_rows(connection, key):
        raise ConfigurationError(
            f"store.{key}.renamed_from: the ledger has rows of both {former_key} and {key}, and two"
            " stores are not made one: take the line out, or give the store another key"
        )
    _drop_doubles(connection, former_key, key)
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            if column.name == "source" or column.name.endswith("_source"):
                connection.execute(
                    table.update().where(column == former_key).values({column.name: key})
                )
    _rename_cursors(connection, renaming)
    for table in (schema.doubts, schema.judgements):
        _rename_references(connection, table, former_key, key)
    mark_records_of(connection, [key])
    upsert(connection, schema.former_store_keys, [{"key": former_key}])


def has_rows(connection: Connection, key: str) -> bool:
    """Whether the ledger has rows of the store with this key."""
    query = sa.select(schema.rows.c.source).where(schema.rows.c.source == key).limit(1)
    return connection.execute(query).first() is not None


def former_store_keys(connection: Connection) -> set[str]:
    """The keys under which stores were known before they were renamed."""
    return set(connection.execute(sa.select(schema.former_store_keys.c.key)).scalars())


def _drop_doubles(connection: Connection, former_key: str, key: str) -> None:
    """Drop what both keys have: deletions, and the store's title."""
    tombstones = schema.tombstones
    newer_ids = sa.select(tombstones.c.source_id).where(tombstones.c.source == key)
    ids = connection.execute(newer_ids).scalars().all()
    for source_id in ids:
        connection.execute(
            tombstones.delete().where(
                tombstones.c.source == former_key, tombstones.c.source_id == source_id
            )
        )
    connection.execute(schema.stores.delete().where(schema.stores.c.key == former_key))


def _rename_cursors(connection: Connection, renaming: Renaming) -> None:
    table, prefix = schema.cursors, f"{renaming.former_key}."
    query = sa.select(table.c.name).where(
        _begins_with(table.c.name, prefix) | table.c.name.in_(sorted(renaming.cursor_names))
    )
    for name in connection.execute(query).scalars().all():
        new_name = renaming.cursor_names.get(name) or f"{renaming.key}.{name.removeprefix(prefix)}"
        connection.execute(table.delete().where(table.c.name == new_name))
        connection.execute(table.update().where(table.c.name == name).values(name=new_name))


def _rename_references(connection: Connection, table: sa.Table, former_key: str, key: str) -> None:
    """Rename the rows in pairs; judgements of two contacts stand in the order of their rows."""
    prefix = f"{former_key}:"
    query = sa.select(table).where(
        _begins_with(table.c.one, prefix) | _begins_with(table.c.other, prefix)
    )
    pairs = [dict(row._mapping) for row in connection.execute(query)]
    for pair in pairs:
        connection.execute(
            table.delete().where(
                *(table.c[name] == pair[name] for name in ("kind", "one", "other"))
            )
        )
        refs = [_rename_reference(pair[name], former_key, key) for name in ("one", "other")]
        is_ordered = table is schema.judgements and pair["kind"] == CONTACT
        pair["one"], pair["other"] = sorted(refs) if is_ordered else refs
    upsert(connection, table, pairs)


def _rename_reference(ref: str, former_key: str, key: str) -> str:
    source, source_id = row_key(ref)
    return row_ref((key, source_id)) if source == former_key and ":" in ref else ref


def _begins_with(column: sa.Column[str], prefix: str) -> sa.ColumnElement[bool]:
    # No LIKE: a key may have an underscore in it, and on some databases LIKE knows no case.
    return sa.func.substr(column, 1, len(prefix)) == prefix
