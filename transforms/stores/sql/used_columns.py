"""The columns that a table of the configuration names."""

from collections.abc import Iterator
from typing import Any

import msgspec

from transforms.configuration.structs import Constant, RecordTable

_NO_COLUMNS = {
    *("from_", "files", "kind", "encoding", "header", "delimiter", "company_store"),
    *("cancelled", "is_", "is_not", "filled"),
}


def used_columns(table: RecordTable) -> list[tuple[str, str]]:
    """Returns ``(field, column)`` for each column, where the field is a key of the file.

    >>> from transforms.configuration.builtin import built_in_configuration
    >>> contact = built_in_configuration().store["A"].contact
    >>> used_columns(contact)[:3]
    [('id', 'id'), ('changed_at', 'updated_at'), ('created_at', 'created_at')]
    """
    return list(_columns(table, ""))


def _columns(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, list):
        for item in value:
            yield from _columns(item, field)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _columns(item, f"{field}.{name}")
    elif isinstance(value, msgspec.Struct) and not isinstance(value, Constant):
        yield from _struct_columns(value, field)


def _struct_columns(value: msgspec.Struct, field: str) -> Iterator[tuple[str, str]]:
    for name in value.__struct_fields__:
        if name not in _NO_COLUMNS:
            yield from _columns(getattr(value, name), f"{field}.{name}".lstrip("."))
