"""Cursors: how far each table of a store is read; they move on once its rows are consolidated."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.statements import upsert


def read_cursors(connection: Connection) -> dict[str, str]:
    """The position of each cursor, by its name."""
    table = schema.cursors.c
    query = sa.select(table.name, table.position)
    return {cursor.name: cursor.position for cursor in connection.execute(query)}


def move_cursors(connection: Connection, positions: Mapping[str, str]) -> None:
    """Note that all up to these positions is read, remembered and consolidated."""
    cursors = [{"name": name, "position": position} for name, position in positions.items()]
    upsert(connection, schema.cursors, cursors)
