"""A table of the configuration with its relation in the database: how queries name its parts."""

from dataclasses import dataclass
from functools import cached_property

from transforms.configuration.structs import RecordTable
from transforms.stores.sql.clock import LATEST, Clock
from transforms.stores.sql.dialect import Dialect
from transforms.stores.sql.encoding import TextDecoder
from transforms.stores.sql.relation import Column, Index, Relation
from transforms.stores.sql.table import CHANGE, KEY, KeyColumn, SqlTable


@dataclass(frozen=True)
class MappedTable:
    """A table whose columns are all there. ``names``: the columns that a row is to have."""

    dialect: Dialect
    relation: Relation
    table: RecordTable
    decoder: TextDecoder
    names: tuple[str, ...]

    @cached_property
    def source(self) -> str:
        """The quoted name."""
        names = (self.relation.schema, self.relation.name)
        return ".".join(map(self.dialect.quote, filter(None, names)))

    @property
    def charset(self) -> str:
        """The charset in which columns lie; empty when none does, or the driver decodes them."""
        return "" if self.decoder.mends_texts else self.decoder.mysql_charset

    def column(self, name: object) -> Column | None:
        """Returns the column that a field of the configuration names, if it names one."""
        return self.relation.column(name) if isinstance(name, str) else None

    def place(self, column: Column) -> str:
        """Returns the column with its table's name, so that it is taken for no alias."""
        return f"{self.dialect.quote(self.relation.name)}.{self.dialect.quote(column.name)}"

    def selected(self, column: Column) -> str:
        """Returns the expression that reads a column."""
        return self.dialect.selected(column, self.place(column), self.charset)

    def key(self, name: object, alias: str) -> KeyColumn | None:
        """Returns a column as a key; ``alias`` where a row's value is another than the column's."""
        column = self.column(name)
        if column is None or not isinstance(name, str):
            return None
        is_selected = name in self.names and self.selected(column) == self.place(column)
        return KeyColumn(column, name if is_selected else alias, self.place(column))

    def hint(self, index: Index | None) -> str:
        """Returns what stands behind the table so that this index is used."""
        return self.dialect.hint(index.name) if index else ""

    def sql_table(self, name: str, clock: Clock | None) -> SqlTable:
        """Returns the table, ready to be read; its id is a column that can be a key."""
        key, changed_at = self._id(), self.key(self.table.changed_at, CHANGE)
        internal = [
            column for column in (key, changed_at) if column and column.alias in (KEY, CHANGE)
        ]
        quote = self.dialect.quote
        columns = {name: column for name in self.names if (column := self.column(name))}
        selection = [
            f"{self.selected(column)} AS {quote(name)}" for name, column in columns.items()
        ]
        selection += [f"{column.expression} AS {quote(column.alias)}" for column in internal]
        id_index = self.relation.index_on(key.column.name)
        return SqlTable(
            dialect=self.dialect.name,
            name=name,
            source=self.source,
            selection=", ".join(selection),
            id=key,
            id_name=str(self.table.id),
            id_hint=self.hint(id_index),
            changed_at=changed_at if clock else None,
            clock=clock,
            change_hint=self.hint(self.change_index),
            valid_change=self._valid_change(changed_at, clock),
            is_unique=self.relation.is_unique(key.column.name),
            has_ranges=key.column.type == "integer" and id_index is not None,
            instants=tuple(name for name, column in columns.items() if is_naive_instant(column)),
            internal=tuple(column.alias for column in internal),
        )

    @property
    def change_index(self) -> Index | None:
        """The index by which changed rows are found, in the order of change and id."""
        changed_at, key = self.column(self.table.changed_at), self._id().column
        if changed_at is None:
            return None
        if index := self.relation.index_on(changed_at.name, key.name):
            return index
        index = self.relation.index_on(changed_at.name)
        # The rest of the order, rows of one moment, is sorted in passing, or is the key anyway.
        return index if self.dialect.name == "postgresql" or self._ends_with(key) else None

    def _ends_with(self, key: Column) -> bool:
        return self.relation.ends_with_key and self.relation.primary_key == (key.name,)

    def _id(self) -> KeyColumn:
        key = self.key(self.table.id, KEY)
        if key is None:
            raise ValueError(f"{self.relation.name} has no id")
        return key

    def _valid_change(self, changed_at: KeyColumn | None, clock: Clock | None) -> str:
        if changed_at is None or clock is None:
            return ""
        if clock.kind == "epoch":
            return f"{changed_at.expression} < {clock.value(LATEST)}"
        return self.dialect.valid_time(changed_at.expression, changed_at.column)


def is_naive_instant(column: Column) -> bool:
    """Whether the driver returns the column's moments, which are UTC, without saying so."""
    return column.type == "instant" and not column.is_aware
