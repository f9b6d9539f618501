"""A table in memory: packed rows by id, ids in order, indexes on some fields."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

Row = dict[str, Any]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Table:
    """Rows with ``fields`` and an ``id``; a packed row takes a third of a dict's memory."""

    def __init__(self, fields: Sequence[str], indexed: Iterable[str], first_id: int = 1) -> None:
        self.fields = tuple(fields)
        self.next_id = first_id
        self._rows: dict[int, bytes] = {}
        self._ids: list[int] = []
        self._indexes: dict[str, dict[Any, int | set[int]]] = {name: {} for name in indexed}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row_id: int) -> bool:
        return row_id in self._rows

    def add(self, row: Row) -> int:
        """Stores a new row; returns its id."""
        row_id = self.next_id
        self.restore(row_id, row)
        return row_id

    def restore(self, row_id: int, row: Row) -> None:
        """Stores a row under an id that is greater than all others."""
        self.next_id = row_id + 1
        self._ids.append(row_id)
        self._put(row_id, row)

    def get(self, row_id: int) -> Row | None:
        """Returns the row, or None."""
        packed = self._rows.get(row_id)
        if packed is None:
            return None
        return {"id": row_id, **dict(zip(self.fields, _decode(packed), strict=True))}

    def replace(self, row: Row) -> None:
        """Replaces the row with the id ``row["id"]``."""
        self._unindex(row["id"])
        self._put(row["id"], row)

    def delete(self, row_id: int) -> None:
        """Removes a row."""
        self._unindex(row_id)
        del self._rows[row_id]
        del self._ids[bisect_right(self._ids, row_id) - 1]

    def add_field(self, name: str) -> None:
        """Adds a field, empty in all rows."""
        rows = [self.get(row_id) for row_id in self._ids]
        self.fields = (*self.fields, name)
        for row in rows:
            if row is not None:
                self._rows[row["id"]] = _encode([row.get(field) for field in self.fields])

    def ids(self, after: int = 0) -> Sequence[int]:
        """Returns the ids above ``after``, ascending."""
        return self._ids[bisect_right(self._ids, after) :]

    def rows(self, ids: Iterable[int]) -> Iterator[Row]:
        """Yields the rows of these ids that still exist."""
        for row_id in ids:
            row = self.get(row_id)
            if row is not None:
                yield row

    def is_indexed(self, name: str) -> bool:
        """Whether ``find`` supports the field."""
        return name in self._indexes

    def find(self, name: str, value: Any) -> list[int]:
        """Returns the ids of rows whose indexed field is, or contains, the value; ascending."""
        ids = self._indexes[name].get(value, ())
        return [ids] if isinstance(ids, int) else sorted(ids)

    def shared_values(self, name: str) -> Iterator[tuple[Any, list[int]]]:
        """Yields values of an indexed field that several rows have, with their ids."""
        for value, ids in self._indexes[name].items():
            if isinstance(ids, set) and len(ids) > 1:
                yield value, sorted(ids)

    def _put(self, row_id: int, row: Row) -> None:
        for index, value in self._entries(row):
            ids = index.get(value)
            if ids is None:
                index[value] = row_id
            elif isinstance(ids, int):
                index[value] = {ids, row_id}
            else:
                ids.add(row_id)
        self._rows[row_id] = _encode([row.get(name) for name in self.fields])

    def _unindex(self, row_id: int) -> None:
        for index, value in self._entries(self.get(row_id) or {}):
            ids = index[value]
            if isinstance(ids, set) and len(ids) > 1:
                ids.discard(row_id)
            else:
                del index[value]

    def _entries(self, row: Row) -> Iterator[tuple[dict[Any, int | set[int]], Any]]:
        for name, index in self._indexes.items():
            value = row.get(name)
            if isinstance(value, list):
                yield from ((index, element) for element in dict.fromkeys(value))
            elif value is not None:
                yield index, value
