"""Keyset pagination of a table: by id, or by ``(changed_at, id)`` for changed rows.

A page is one short query for the rows behind the last row of the previous page: no ``OFFSET``, gaps
between ids cost nothing, and the server keeps nothing open between two pages. Keys are compared by
the server only, in the order of their column. Where keys are numbers or times, they make ranges of
integers that can be read apart: ids, or seconds. All other keys make one range, ``[0, 1)``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from transforms.stores.sql.client import DIALECTS, Session
from transforms.stores.sql.clock import LATEST, Clock
from transforms.stores.sql.dialect import Condition
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.table import CHANGE, KEY, KeyColumn, SqlTable

PAGE = 1000

_ONE_RANGE = 0, 1
# Texts that are no times, more than which are not looked behind for one that is.
_GARBAGE = 100


@dataclass(frozen=True)
class Keyset:
    """The keys of a table's rows: all of them, or those changed ``since`` a moment by its clock."""

    table: SqlTable
    since: datetime | None = None

    def bounds(self, session: Session) -> tuple[int, int]:
        """Returns the range ``[start, stop)`` of all keys now; it is empty when there is no row."""
        if not self._has_ranges:
            return _ONE_RANGE
        if self.since is None:
            key = self.table.id.expression
            query = f"SELECT MIN({key}) AS first, MAX({key}) AS last FROM {self.table.source}"  # noqa: S608 - quoted names
            [row] = session.rows(query)
            if row["last"] is None:
                return 0, 0
            return max(0, row["first"]), max(0, row["last"]) + 1
        start = max(0, self._clock.position(self.since))
        newest = newest_moment(session, self.table, self.since)
        return (start, start if newest is None else max(start, self._clock.position(newest)) + 1)

    def position(self, row: RawRow) -> int:
        """Returns a row's key as a number of the range."""
        if not self._has_ranges:
            return 0
        if self.since is None:
            key: int = row[self.table.id.alias]
            return key if key > 0 else 0
        return max(0, self._clock.position(self._clock.moment(row[self._keys[0].alias])))

    def pages(self, session: Session, start: int, stop: int) -> Iterator[list[RawRow]]:
        """Yields the rows of ``[start, stop)`` in the order of their keys, ``PAGE`` at a time.

        Where several rows may have one id, a page ends with the last of them.
        """
        values: list[object] = []
        while True:
            conditions = self._conditions(values, start, stop)
            is_last = False
            if not self.table.is_unique:
                values = self._last_values(session, conditions)
                is_last = not values
                conditions += [] if is_last else [_up_to(self._keys, values)]
            rows = self._read(session, conditions)
            if rows and self.table.is_unique:
                is_last = len(rows) < PAGE
                values = [rows[-1][key.alias] for key in self._keys]
            if rows:
                yield self.table.finish(rows)
            if is_last or not rows:
                return

    @property
    def _clock(self) -> Clock:
        if self.table.clock is None:
            raise ValueError(f"{self.table.name} has no time of change")
        return self.table.clock

    @property
    def _keys(self) -> list[KeyColumn]:
        if self.since is None or self.table.changed_at is None:
            return [self.table.id]
        return [self.table.changed_at, self.table.id]

    @property
    def _has_ranges(self) -> bool:
        return self.table.has_ranges if self.since is None else self._clock.has_ranges

    def _conditions(self, values: Sequence[object], start: int, stop: int) -> list[Condition]:
        """Returns the conditions of a page behind ``values``; of the first page without any."""
        names = [key.expression for key in self._keys]
        conditions: list[Condition] = []
        if values:
            conditions.append(DIALECTS[self.table.dialect].after(names, values))
        elif lower := self._lower(start):
            conditions.append((f"{names[0]} >= %s", lower))
        if upper := self._upper(stop):
            conditions.append((f"{names[0]} < %s", upper))
        if self.since is not None and self.table.valid_change:
            conditions.append((self.table.valid_change, []))
        if self.table.id.column.nullable:
            conditions.append((f"{self.table.id.expression} IS NOT NULL", []))
        return conditions

    def _lower(self, start: int) -> list[object]:
        if self.since is None:
            # What is below 0 belongs to the range that begins there.
            return [start] if self._has_ranges and start else []
        moment = self._clock.moment_at(start) if self._has_ranges and start else self.since
        return [self._clock.value(moment)]

    def _upper(self, stop: int) -> list[object]:
        if self.since is None:
            return [stop] if self._has_ranges else []
        moment = self._clock.moment_at(stop) if self._has_ranges else LATEST
        return [self._clock.value(moment)] if moment < datetime.max else []

    def _last_values(self, session: Session, conditions: Sequence[Condition]) -> list[object]:
        """Returns the keys of the last row of a full page; nothing when the page is not full."""
        aliases = (KEY,) if len(self._keys) == 1 else (CHANGE, KEY)
        quote = DIALECTS[self.table.dialect].quote
        selection = ", ".join(
            f"{key.expression} AS {quote(alias)}"
            for key, alias in zip(self._keys, aliases, strict=True)
        )
        rows = session.rows(*self._query(selection, conditions, PAGE))
        return [rows[-1][alias] for alias in aliases] if len(rows) == PAGE else []

    def _read(self, session: Session, conditions: Sequence[Condition]) -> list[RawRow]:
        limit = PAGE if self.table.is_unique else 0
        return session.rows(*self._query(self.table.selection, conditions, limit))

    def _query(self, selection: str, conditions: Sequence[Condition], limit: int) -> Condition:
        hint = self.table.id_hint if self.since is None else self.table.change_hint
        where = " AND ".join(text for text, _ in conditions)
        query = (
            f"SELECT {selection} FROM {self.table.source}{hint}"  # noqa: S608 - quoted names
            f"{' WHERE ' if where else ''}{where}"
            f" ORDER BY {', '.join(key.expression for key in self._keys)}"
            f"{f' LIMIT {limit}' if limit else ''}"
        )
        return query, [value for _, values in conditions for value in values]


def newest_moment(
    session: Session, table: SqlTable, first: datetime, last: datetime | None = None
) -> datetime | None:
    """Returns the newest time of change from ``first`` to ``last``; None when there is none."""
    if table.changed_at is None or table.clock is None:
        return None
    name, clock = table.changed_at.expression, table.clock
    conditions: list[Condition] = [(f"{name} >= %s", [clock.value(first)])]
    if last is not None:
        conditions.append((f"{name} <= %s", [clock.value(last)]))
    if table.valid_change:
        conditions.append((table.valid_change, []))
    limit = _GARBAGE if clock.kind == "text" else 1
    query = (
        f"SELECT {name} AS last FROM {table.source}{table.change_hint}"  # noqa: S608 - quoted names
        f" WHERE {' AND '.join(text for text, _ in conditions)} ORDER BY {name} DESC LIMIT {limit}"
    )
    rows = session.rows(query, [value for _, values in conditions for value in values])
    moments = (clock.find_moment(row["last"]) for row in rows)
    return next((moment for moment in moments if moment), None)


def _up_to(keys: Sequence[KeyColumn], values: Sequence[object]) -> Condition:
    """Returns the condition that a row is not behind ``values``."""
    names = [key.expression for key in keys]
    if len(names) == 1:
        return f"{names[0]} <= %s", list(values)
    change, key = names
    query = f"{change} <= %s AND ({change} < %s OR {key} <= %s)"
    return query, [values[0], values[0], values[1]]
