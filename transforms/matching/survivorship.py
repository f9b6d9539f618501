"""Survivorship: which row's value stands in a field of the golden record."""

from collections.abc import Iterable, Sequence
from typing import Generic

from transforms.core.golden_records import Provenance, R, Sourced
from transforms.core.records import Address


def newest_first(rows: Iterable[Sourced[R]]) -> list[Sourced[R]]:
    """The rows, newest first; the order of rows of one moment is fixed, not accidental."""
    return sorted(rows, key=lambda row: (-row.changed_at, row.source, row.source_id))


class Survivorship(Generic[R]):
    """Picks each field's value from rows that stand newest first, and notes where it came from."""

    def __init__(self, rows: Sequence[Sourced[R]]) -> None:
        self._rows = rows
        self.provenance: Provenance = {}

    def newest(self, field: str) -> str:
        """The newest row's value that says anything."""
        for row in self._rows:
            value: str = getattr(row.record, field)
            if value:
                self.provenance[field] = row.ref
                return value
        return ""

    def newest_address(self) -> Address:
        """The newest address that says anything."""
        for row in self._rows:
            address: Address = getattr(row.record, "address", Address())
            if address != Address():
                self.provenance["address"] = row.ref
                return address
        return Address()

    def united(self, field: str) -> tuple[str, ...]:
        """Every value of every row once, newest first."""
        values: dict[str, None] = {}
        refs: list[str] = []
        for row in self._rows:
            own = getattr(row.record, field)
            if any(value not in values for value in own):
                refs.append(row.ref)
            values.update(dict.fromkeys(own))
        if refs:
            self.provenance[field] = " ".join(refs)
        return tuple(values)
