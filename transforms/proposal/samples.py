"""What was looked at: tables, their columns, and a sample of the values in them."""

from typing import Any

import msgspec


class Column(msgspec.Struct, frozen=True):
    """A column; ``values`` are those of the sample's rows, in their order.

    ``refers_to`` is the table and column of a foreign key. In JSON the name is the path.
    """

    name: str
    values: tuple[Any, ...]
    is_key: bool = False
    refers_to: tuple[str, str] | None = None

    @property
    def filled(self) -> tuple[Any, ...]:
        """Returns the values that are not empty."""
        return tuple(value for value in self.values if value not in (None, ""))


class Table(msgspec.Struct, frozen=True):
    """A table, a sheet or a file; ``place`` is what the configuration says of where it is."""

    name: str
    columns: tuple[Column, ...]
    place: dict[str, Any] = {}

    def column(self, name: str) -> Column:
        """Returns the column of this name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
