"""Connected components of contact rows: what keys, persons or judgements connect to dirty rows.

Only dirty rows and what is connected to them are read. So a delta rebuilds only what it touches,
and ends where a full load would, for a person depends on nothing outside of its component.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from transforms.consolidation.model_learning import learn_if_due
from transforms.core.chunks import chunks
from transforms.core.identity import RowKey, Run, row_key, row_ref
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT
from transforms.ledger.base import goldens
from transforms.ledger.base.reviews import judgements_of
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import read_each
from transforms.ledger.rows import contact_keys, links, rebuild_marks
from transforms.matching.blocking import HOT_KEY_LIMIT
from transforms.matching.union_find import UnionFind

# What one process reads at once.
_ROWS_PER_QUERY, _KEYS_PER_QUERY = 2000, 10_000

_ReadEach = Callable[[Callable[[Connection, Any], Any], Iterable[Any]], Iterator[Any]]
"""Yields what a function of a connection and an item returns, for each of the items."""


def dirty_components(
    ledger: Ledger, run: Run, processes: ProcessPool = IN_PLACE
) -> list[list[str]]:
    """Returns the dirty rows and all rows connected to them, by component, as row references.

    A model is learned first, if the base has become large enough for it.
    """
    learn_if_due(ledger, run, processes)
    with ledger.read() as connection:
        dirty = rebuild_marks.dirty_rows(connection)
        search = _Search(contact_keys.hot_keys(connection))
    search.expand(dirty, lambda work, items: read_each(ledger, work, items, processes))
    if search.heated or search.cooled:

        def save(connection: Connection) -> None:
            contact_keys.update_hot_keys(connection, search.heated, search.cooled)
            rebuild_marks.mark_dirty(connection, search.released)

        ledger.transact(save)
    return [[row_ref(row) for row in component] for component in search.rows.components()]


def component_of(connection: Connection, row: RowKey) -> list[RowKey]:
    """Returns the rows connected to this one, itself included."""
    search = _Search(contact_keys.hot_keys(connection))
    search.expand({row}, lambda work, items: (work(connection, item) for item in items))
    return sorted(search.rows.parent)


class _Search(msgspec.Struct):
    """A breadth-first search over rows and keys.

    ``heated`` keys have become hot, ``cooled`` ones are so no longer; ``released`` rows are those
    that a heated key connected before.
    """

    known_hot: set[int]
    rows: UnionFind[RowKey] = msgspec.field(default_factory=UnionFind)
    visited: set[RowKey] = msgspec.field(default_factory=set)
    keys: set[int] = msgspec.field(default_factory=set)
    heated: set[int] = msgspec.field(default_factory=set)
    cooled: set[int] = msgspec.field(default_factory=set)
    released: set[RowKey] = msgspec.field(default_factory=set)

    def expand(self, rows: set[RowKey], read_each: _ReadEach) -> None:
        """Finds all rows that are connected to these, directly or through others."""
        frontier = rows
        while frontier:
            keys = self._visit(sorted(frontier), read_each) - self.keys
            self.keys |= keys
            self._follow(sorted(keys), read_each)
            frontier = self.rows.parent.keys() - self.visited

    def _visit(self, rows: Sequence[RowKey], read_each: _ReadEach) -> set[int]:
        """Connects the rows to others of their persons and judgements; returns their keys."""
        self.visited.update(rows)
        self._add(rows)
        keys: set[int] = set()
        for neighbours in read_each(_read_neighbours, chunks(rows, _ROWS_PER_QUERY)):
            keys |= neighbours.keys
            self._connect(neighbours.groups)
        return keys

    def _follow(self, keys: Sequence[int], read_each: _ReadEach) -> None:
        """Connects the rows that share one of the keys."""
        # Each key is read once, and in order: neighbouring keys stand in the same page.
        parts = (
            (part, self.known_hot.intersection(part)) for part in chunks(keys, _KEYS_PER_QUERY)
        )
        for blocks in read_each(_read_blocks, parts):
            self._connect(blocks.groups)
            self.cooled |= blocks.cooled
            self.heated |= blocks.heated.keys()
            for rows in blocks.heated.values():
                self.released.update(rows)
                self._add(rows)

    def _connect(self, groups: Iterable[list[RowKey]]) -> None:
        for group in groups:
            self.rows.connect(group)

    def _add(self, rows: Iterable[RowKey]) -> None:
        for row in rows:
            self.rows.connect((row,))


class _Neighbours(NamedTuple):
    """The blocking keys of some rows, and the groups that persons and judgements connect."""

    keys: set[int]
    groups: list[list[RowKey]]


def _read_neighbours(connection: Connection, rows: Sequence[RowKey]) -> _Neighbours:
    persons = sorted(set(links.golden_key_by_row(connection, CONTACT, rows).values()))
    members = goldens.members_of(connection, CONTACT, persons)
    groups = [sorted(person_rows) for person_rows in members.values()]
    judgements = judgements_of(connection, CONTACT, [row_ref(row) for row in rows])
    groups += (list(map(row_key, pair)) for pair in judgements)
    return _Neighbours(contact_keys.keys_of_rows(connection, rows), _without_singles(groups))


class _Blocks(NamedTuple):
    """The groups that some keys connect; the rows of heated keys, by key; and the cooled keys."""

    groups: list[list[RowKey]]
    heated: Mapping[int, list[RowKey]]
    cooled: set[int]


def _read_blocks(connection: Connection, keys_and_hot: tuple[Sequence[int], set[int]]) -> _Blocks:
    keys, known_hot = keys_and_hot
    cooled = {
        key
        for key, count in contact_keys.count_rows(connection, sorted(known_hot)).items()
        if not contact_keys.is_hot(connection, key, count, HOT_KEY_LIMIT)
    }
    cold_keys = [key for key in keys if key not in known_hot or key in cooled]
    rows_by_key = contact_keys.rows_by_key(connection, cold_keys)
    heated = {
        key: rows
        for key, rows in rows_by_key.items()
        if contact_keys.is_hot(connection, key, len(rows), HOT_KEY_LIMIT)
    }
    groups = _without_singles(rows for key, rows in rows_by_key.items() if key not in heated)
    return _Blocks(groups, heated, cooled)


def _without_singles(groups: Iterable[list[RowKey]]) -> list[list[RowKey]]:
    return [group for group in groups if len(group) > 1]


def batches(components: Iterable[list[str]], size: int = 20_000) -> Iterator[list[list[str]]]:
    """Yields the components in batches of about ``size`` rows; no component is cut."""
    batch: list[list[str]] = []
    row_count = 0
    for component in components:
        batch.append(component)
        row_count += len(component)
        if row_count >= size:
            yield batch
            batch, row_count = [], 0
    if batch:
        yield batch
