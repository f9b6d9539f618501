"""Where a store's tables are read from files, as the configuration says."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from transforms.configuration.structs import (
    SQL_KINDS,
    AddressMapping,
    BankMapping,
    Condition,
    Constant,
    FullSource,
    OrderSums,
    RecordTable,
    StoreTable,
)

TableName = Literal["company", "contact", "order"]
TABLES: tuple[TableName, ...] = ("company", "contact", "order")

_DELIMITERS = {"tab": "\t", "\\t": "\t"}
# What a table says of the files it is read from, not of its records.
_NO_PATHS = frozenset(
    ("from_", "files", "kind", "encoding", "header", "delimiter", "company_store", "cancelled")
)


class Source(NamedTuple):
    """Where some tables are read, as the configuration says; ``owner`` is the table of
    the configuration file that names the files.
    """

    owner: str
    patterns: tuple[str, ...]
    kind: str
    encoding: str | None
    header: int
    delimiter: str
    place: str


def sources(
    key: str, store: StoreTable, *, of_changes: bool = False
) -> dict[Source, tuple[TableName, ...]]:
    """The tables of a store that files hold, by where they are."""
    groups: dict[Source, tuple[TableName, ...]] = {}
    for name in TABLES:
        table = table_of(store, name)
        source = _source(key, store, name, table, of_changes) if table else None
        if source:
            groups[source] = (*groups.get(source, ()), name)
    return groups


def table_of(store: StoreTable, name: TableName) -> RecordTable | None:
    """What the configuration says of a table of the store."""
    table: RecordTable | None = getattr(store, name)
    return table


def _source(
    key: str, store: StoreTable, name: TableName, table: RecordTable, of_changes: bool
) -> Source | None:
    full = store.full or FullSource(kind="csv")
    kind = table.kind or (full.kind if store.full else None)
    if kind is None or kind in SQL_KINDS:
        return None
    owner, patterns = _patterns(store, name, table, of_changes)
    delimiter = table.delimiter or full.delimiter or ""
    return Source(
        f"store.{key}.{owner}",
        tuple(patterns),
        kind,
        table.encoding or full.encoding,
        table.header or full.header or 0,
        _DELIMITERS.get(delimiter.lower(), delimiter),
        table.from_ or "",
    )


def _patterns(
    store: StoreTable, name: TableName, table: RecordTable, of_changes: bool
) -> tuple[str, list[str]]:
    """The files of a table, and the table of the configuration file that names them."""
    if table.files is not None:
        return name, table.files
    if of_changes and store.changes and store.changes.files:
        return "changes", store.changes.files
    return "full", store.full.files if store.full else []


def column_paths(table: RecordTable | None) -> Iterator[tuple[str, str]]:
    """Yields each path that the mapping of a table names, by the key that names it."""
    for name in table.__struct_fields__ if table else ():
        if name not in _NO_PATHS:
            yield from _paths(name, getattr(table, name))


def _paths(key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield key, value
        case list():
            for element in value:
                yield from _paths(key, element)
        case dict():
            for name, element in value.items():
                yield from _paths(f"{key}.{name}", element)
        case Condition():
            yield f"{key}.field", value.field
        case AddressMapping() | BankMapping() | OrderSums():
            for name in value.__struct_fields__:
                yield from _paths(f"{key}.{name}", getattr(value, name))
        case Constant() | None:
            return
