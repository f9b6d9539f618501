"""Tables and views as a database's catalogue describes them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

RawRow = dict[str, Any]
"""The values of a table's row by column, as the driver returns them."""

Query = Callable[[str, Sequence[object]], list[RawRow]]
"""Sends a query with its parameters; returns all of its rows."""

ColumnType = Literal[
    "integer",
    "number",
    "text",
    "json",
    "binary",
    "uuid",
    "date",
    "datetime",
    "instant",
    "boolean",
    "list",
    "other",
]
"""``datetime`` has no time zone, ``instant`` has; ``list`` has a value of a fixed list (ENUM)."""


class Column(msgspec.Struct, frozen=True):
    """A column; ``charset`` is that of a text in MySQL, ``length`` that of a fixed BINARY.

    ``is_aware``: the driver returns an instant with its offset; it is UTC in any case.
    """

    name: str
    type: ColumnType
    nullable: bool = True
    charset: str = ""
    length: int = 0
    native: str = ""
    is_aware: bool = True


class Index(msgspec.Struct, frozen=True):
    """An index that can find rows by its leading ``columns`` and return them in order."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False


class Relation(msgspec.Struct, frozen=True):
    """A table or a view. ``rows`` is the server's own estimate.

    ``ends_with_key``: each index of the table implicitly ends with the primary key (InnoDB).
    """

    schema: str
    name: str
    is_view: bool
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    rows: int = 0
    primary_key: tuple[str, ...] = ()
    ends_with_key: bool = False

    def column(self, name: str) -> Column | None:
        """Returns the column of this name: letter for letter, else without regard to case.

        >>> table = Relation("", "t", False, (Column("ID", "integer"), Column("Id", "text")))
        >>> table.column("Id").type, table.column("id").type, table.column("x")
        ('text', 'integer', None)
        """
        column: Column | None = match_name(name, self.columns, lambda column: column.name)
        return column

    def index_on(self, *columns: str) -> Index | None:
        """Returns an index whose leading columns are these, the primary key before the rest."""
        matches = [index for index in self.indexes if index.columns[: len(columns)] == columns]
        return min(matches, key=lambda index: index.columns != columns, default=None)

    def is_unique(self, column: str) -> bool:
        """Whether no two rows have the same value of this column, other than NULL."""
        return any(index.unique and index.columns == (column,) for index in self.indexes)


def match_name(name: str, items: Sequence[Any], name_of: Callable[[Any], str]) -> Any:
    """Returns the item of this name: letter for letter, else without regard to case; or None."""
    exact = (item for item in items if name_of(item) == name)
    folded = (item for item in items if name_of(item).casefold() == name.casefold())
    return next(exact, None) or next(folded, None)


def qualified_names(name: str) -> list[tuple[str, str]]:
    """Returns what ``from`` may mean: schema and table, the schema empty for the default.

    >>> qualified_names("customers"), qualified_names("public.customers")
    ([('', 'customers')], [('', 'public.customers'), ('public', 'customers')])
    """
    parts = name.split(".")
    cuts = range(1, len(parts))
    return [("", name), *((".".join(parts[:cut]), ".".join(parts[cut:])) for cut in cuts)]
