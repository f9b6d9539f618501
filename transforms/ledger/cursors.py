"""How far the stores are read: moved on when what was read is consolidated."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.statements import upsert


def read_cursors(connection: Connection) -> dict[str, str]:
    """Each cursor's position by its name."""
    table = schema.cursors.c
    query = sa.select(table.name, table.position)
    return {cursor.name: cursor.position for cursor in connection.execute(query)}


def move_cursors(connection: Connection, positions: Mapping[str, str]) -> None:
    """All up to these positions is read, remembered and consolidated."""
    cursors = [{"name": name, "position": at} for name, at in positions.items()]
    upsert(connection, schema.cursors, cursors)
