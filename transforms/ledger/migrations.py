"""Steps that bring the tables of an older program's ledger up to this program's."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.errors import ConfigurationError
from transforms.ledger import schema
from transforms.ledger.statements import upsert


def bring_up(connection: Connection) -> None:
    """Make the tables that are missing, and fill what an older program did not note."""
    # MySQL makes tables one by one: who was cut off there left some without the version.
    schema.metadata.create_all(connection)
    for table in schema.metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    known = version_of(connection)
    if known is not None and is_older(known):
        _fill_what_is_new(connection, int(known))
    upsert(connection, schema.meta, [{"key": "schema_version", "value": str(schema.VERSION)}])


def _fill_what_is_new(connection: Connection, known: int) -> None:
    """What the program of that version did not note."""
    if known < 2:  # what it had not loaded
        goldens = sa.select(schema.golden.c.kind, schema.golden.c.key)
        connection.execute(schema.unloaded.delete())
        connection.execute(schema.unloaded.insert().from_select(["kind", "key"], goldens))
    # By which keys contacts find each other: the next run matches all of them anew.
    table = schema.rows.c
    contacts = sa.select(table.source, table.source_id).where(
        table.kind == "contact", table.reason == ""
    )
    connection.execute(schema.dirty_contacts.delete())
    connection.execute(
        schema.dirty_contacts.insert().from_select(["source", "source_id"], contacts)
    )


def version_of(connection: Connection) -> str | None:
    """The version of the tables; ``None`` where none is noted."""
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
    return connection.execute(query).scalar()


def is_older(version: str) -> bool:
    """Whether the tables lack something that this program can add."""
    if not version.isdecimal() or int(version) > schema.VERSION:
        raise ConfigurationError(
            f"--ledger: its tables are of version {version}, this program needs {schema.VERSION}:"
            " use the program that made it, or another ledger"
        )
    return int(version) < schema.VERSION
