"""Which contact rows hang together: those that keys, persons or judgements tie, around dirty rows.

Only what is dirty and what hangs on it is looked at. A delta so rebuilds what it touches, and gets
what a full load would give, for a person depends on nothing outside of its piece.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
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

# So many are looked up at once, in any process.
_ROWS, _KEYS = 2000, 10_000

_LookUp = Callable[[Callable[[Connection, Any], Any], Iterable[Any]], Iterator[Any]]
"""What a function of a connection and an item finds for each of the items."""


def dirty_pieces(ledger: Ledger, run: Run, processes: ProcessPool = IN_PLACE) -> list[list[str]]:
    """The dirty rows, and those tied to them, in groups that share no person.

    Where the base has become large enough to learn from, that happens first.
    """
    learn_if_due(ledger, run, processes)
    with ledger.read() as connection:
        dirty = rebuild_marks.dirty_rows(connection)
        search = _Search(contact_keys.hot_keys(connection))
    search.spread(dirty, lambda work, items: read_each(ledger, work, items, processes))
    if search.hot or search.cold:

        def remember(connection: Connection) -> None:
            contact_keys.update_hot_keys(connection, search.hot, search.cold)
            rebuild_marks.mark_dirty(connection, search.freed)

        ledger.transact(remember)
    return [[row_ref(row) for row in piece] for piece in search.forest.components()]


def piece_of(connection: Connection, row: RowKey) -> list[RowKey]:
    """The rows that hang together with this one."""
    search = _Search(contact_keys.hot_keys(connection))
    search.spread({row}, lambda work, items: (work(connection, item) for item in items))
    return sorted(search.forest.parent)


class _Around(NamedTuple):
    """The keys of some rows, and what else ties them: stars of two rows or more."""

    keys: set[int]
    stars: list[list[RowKey]]


class _Tied(NamedTuple):
    """What some keys tie: stars of two rows or more; and the rows of those that are hot now."""

    stars: list[list[RowKey]]
    hot: dict[int, list[RowKey]]
    cold: set[int]


class _Search(msgspec.Struct):
    """What has been found so far; ``freed`` rows were tied by a key that has become hot."""

    was_hot: set[int]
    forest: UnionFind[RowKey] = msgspec.field(default_factory=UnionFind)
    seen: set[RowKey] = msgspec.field(default_factory=set)
    keys: set[int] = msgspec.field(default_factory=set)
    hot: set[int] = msgspec.field(default_factory=set)
    cold: set[int] = msgspec.field(default_factory=set)
    freed: set[RowKey] = msgspec.field(default_factory=set)

    def spread(self, rows: set[RowKey], look_up: _LookUp) -> None:
        """Tie these rows to all that they have something in common with, and those to theirs."""
        frontier = rows
        while frontier:
            self._widen(sorted(frontier), look_up)
            frontier = self.forest.parent.keys() - self.seen

    def _widen(self, rows: Sequence[RowKey], look_up: _LookUp) -> None:
        self.seen.update(rows)
        for row in rows:
            self.forest.connect((row,))
        keys: set[int] = set()
        for around in look_up(_around, chunks(rows, _ROWS)):
            keys |= around.keys
            for star in around.stars:
                self.forest.connect(star)
        keys -= self.keys
        self.keys |= keys
        # Each key once, and in their order: neighbours stand in the same page.
        some = ((part, self.was_hot.intersection(part)) for part in chunks(sorted(keys), _KEYS))
        for tied in look_up(_tied, some):
            for star in tied.stars:
                self.forest.connect(star)
            self.cold |= tied.cold
            self.hot |= tied.hot.keys()
            for of_key in tied.hot.values():
                self.freed.update(of_key)
                for row in of_key:
                    self.forest.connect((row,))


def _around(connection: Connection, rows: Sequence[RowKey]) -> _Around:
    persons = sorted(set(links.golden_key_by_row(connection, CONTACT, rows).values()))
    stars = [sorted(own) for own in goldens.members_of(connection, CONTACT, persons).values()]
    judged = judgements_of(connection, CONTACT, [row_ref(row) for row in rows])
    stars += ([row_key(one), row_key(other)] for one, other in judged)
    return _Around(contact_keys.keys_of_rows(connection, rows), _ties(stars))


def _tied(connection: Connection, item: tuple[Sequence[int], set[int]]) -> _Tied:
    keys, was_hot = item
    cold = {
        key
        for key, count in contact_keys.count_rows(connection, sorted(was_hot)).items()
        if not contact_keys.is_hot(connection, key, count, HOT_KEY_LIMIT)
    }
    looked = [key for key in keys if key not in was_hot or key in cold]
    found = contact_keys.rows_by_key(connection, looked)
    hot = {
        key: rows
        for key, rows in found.items()
        if contact_keys.is_hot(connection, key, len(rows), HOT_KEY_LIMIT)
    }
    return _Tied(_ties(rows for key, rows in found.items() if key not in hot), hot, cold)


def _ties(stars: Iterable[list[RowKey]]) -> list[list[RowKey]]:
    return [star for star in stars if len(star) > 1]


def batches(groups: Iterable[list[str]], size: int = 20_000) -> Iterable[list[list[str]]]:
    """The groups in batches of about ``size`` rows; a group is never cut."""
    batch: list[list[str]] = []
    rows = 0
    for group in groups:
        batch.append(group)
        rows += len(group)
        if rows >= size:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
