"""A store's table, ready to be read: its columns, its key, its time of change, its indexes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from transforms.stores.sql.clock import Clock
from transforms.stores.sql.relation import Column, RawRow
from transforms.stores.sql.url import DialectName

KEY, CHANGE = "svod key", "svod change"
"""Aliases of the id and the time of change where a row's own values cannot be compared with."""


@dataclass(frozen=True)
class KeyColumn:
    """The column by which a table is read: the id, or the time of change.

    ``alias`` is its value's name in a row; ``expression`` stands for it in a query.
    """

    column: Column
    alias: str
    expression: str


@dataclass(frozen=True)
class SqlTable:
    """A table or view. Rows have their values under the names that the configuration uses.

    ``source`` is its quoted name, ``selection`` what is read of each row, ``id_name`` the name of
    the id in it. The hints make the server
    use an index. ``is_unique``: no two rows have the same id. ``instants`` are the aliases whose
    values are UTC without saying so; ``internal`` those that no one has asked for.
    """

    dialect: DialectName
    name: str
    source: str
    selection: str
    id: KeyColumn
    id_name: str = ""
    id_hint: str = ""
    changed_at: KeyColumn | None = None
    clock: Clock | None = None
    change_hint: str = ""
    valid_change: str = ""
    is_unique: bool = True
    has_ranges: bool = True
    instants: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()

    @property
    def select(self) -> str:
        """Returns the query without its conditions."""
        return f"SELECT {self.selection} FROM {self.source}"  # noqa: S608 - quoted names

    def finish(self, rows: list[RawRow]) -> list[RawRow]:
        """Returns the rows as the cleaner gets them."""
        for alias in self.instants:
            for row in rows:
                if isinstance(row[alias], datetime):
                    row[alias] = row[alias].replace(tzinfo=UTC)
        for alias in self.internal:
            for row in rows:
                del row[alias]
        return rows
