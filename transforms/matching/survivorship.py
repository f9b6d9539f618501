"""Survivorship: which row's value enters a field of the golden record."""

from collections.abc import Iterable, Sequence
from typing import Generic

from transforms.core.golden_records import Provenance, R, Sourced
from transforms.core.records import Address, Extra
from transforms.core.stores import DEFAULT_PRIORITY, Priorities
from transforms.fields import email

_NO_ADDRESS = Address()


def newest_first(rows: Iterable[Sourced[R]], priorities: Priorities) -> list[Sourced[R]]:
    """Returns the rows, newest first; of equally new ones those of the preferred store first.

    >>> rows = [Sourced(source, "7", 1, "") for source in "AB"]
    >>> [row.source for row in newest_first(rows, {"A": 2})]
    ['B', 'A']
    """
    rows = list(rows)
    if len(rows) < 2:
        return rows
    if not priorities:
        return sorted(rows, key=lambda row: (-row.changed_at, row.source, row.source_id))
    rank = priorities.get
    return sorted(
        rows,
        key=lambda row: (
            -row.changed_at,
            rank(row.source, DEFAULT_PRIORITY),
            row.source,
            row.source_id,
        ),
    )


class Survivorship(Generic[R]):
    """Picks each field's value from rows in order, newest first, and records its provenance."""

    def __init__(self, rows: Sequence[Sourced[R]]) -> None:
        self._rows = rows
        self.provenance: Provenance = {}

    def newest(self, field: str) -> str:
        """Returns the newest value that is not empty."""
        for row in self._rows:
            value: str = getattr(row.record, field)
            if value:
                self.provenance[field] = row.ref
                return value
        return ""

    def newest_address(self) -> Address:
        """Returns the newest address that is not empty."""
        for row in self._rows:
            address: Address = getattr(row.record, "address", _NO_ADDRESS)
            if address != _NO_ADDRESS:
                self.provenance["address"] = row.ref
                return address
        return _NO_ADDRESS

    def newest_extra(self) -> Extra:
        """Returns the newest text of each name, sorted by name."""
        texts: dict[str, str] = {}
        for row in self._rows:
            pairs: Extra = getattr(row.record, "extra", ())
            for name, value in pairs:
                if name not in texts:
                    texts[name] = value
                    self.provenance[f"extra.{name}"] = row.ref
        return tuple(sorted(texts.items()))

    def united(self, field: str) -> tuple[str, ...]:
        """Returns each value of all rows once, newest first."""
        values: dict[str, None] = {}
        refs: list[str] = []
        for row in self._rows:
            row_values = getattr(row.record, field)
            if row_values:
                count = len(values)
                values.update(dict.fromkeys(row_values))
                if len(values) > count:
                    refs.append(row.ref)
        if refs:
            self.provenance[field] = " ".join(refs)
        return tuple(values)

    def mailboxes(self) -> tuple[str, ...]:
        """Returns each mailbox of all rows once, newest first, in its newest form."""
        addresses = self.united("emails")
        if len(addresses) < 2:
            return addresses
        forms: dict[str, str] = {}
        for address in addresses:
            forms.setdefault(email.compare_key(address), address)
        if len(forms) < len(addresses):
            self._name_rows_of("emails", set(forms.values()))
        return tuple(forms.values())

    def _name_rows_of(self, field: str, values: set[str]) -> None:
        """Sets as the field's provenance the newest row of each value."""
        refs: list[str] = []
        for row in self._rows:
            row_values = values.intersection(getattr(row.record, field))
            if row_values:
                refs.append(row.ref)
                values -= row_values
        self.provenance[field] = " ".join(refs)
