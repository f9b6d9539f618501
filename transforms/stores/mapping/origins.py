"""Where a table's records come from, and by which rules they become rows."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from transforms.configuration.structs import RecordTable
from transforms.core.records import Kind
from transforms.stores.mapping.ids import IdForm


class Origin(NamedTuple):
    """The records of one table of a store, or of two tables that stand in one place.

    ``id_paths`` says where a record has its id, by the kind of its row; ``digits`` is as in
    ``IdForm``. ``configuration`` is all that the store's configuration says of these records.
    """

    source: str
    id_paths: tuple[tuple[Kind, str], ...]
    digits: int
    configuration: bytes

    def guess_ids(self, kind: Kind, records: Iterable[Any]) -> list[str]:
        """Returns the ids of the records' rows of this kind; mostly, for a path may say more.

        >>> Origin("S", (("company", "head.no"),), 10, b"").guess_ids("company", [{"head.no": 7}])
        ['0000000007']
        """
        path, read = dict(self.id_paths)[kind], IdForm(self.digits).read
        return [read(_value(record, path)) for record in records]


def _value(record: Any, path: str) -> Any:
    value = record.get(path) if isinstance(record, dict) else None
    if value is None and "." in path:
        value = _follow(record, path)
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _follow(record: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def origin_of(
    source: str, tables: Mapping[Kind, RecordTable], digits: int, configuration: bytes
) -> Origin:
    """Returns the origin of the records of these tables."""
    paths = tuple((kind, table.id) for kind, table in tables.items() if isinstance(table.id, str))
    return Origin(source, paths, digits, configuration)
