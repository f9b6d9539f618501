"""Which contact rows hang together: those that keys, persons or judgements tie, around dirty rows.

Only what is dirty and what hangs on it is looked at. A delta so rebuilds what it touches, and gets
what a full load would give, for a person depends on nothing outside of its piece.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.ledger import contact_keys, goldens, links
from transforms.ledger.database import Ledger
from transforms.ledger.models import learn_if_due
from transforms.ledger.reviews import judgements_of
from transforms.ledger.source_rows import RowKey, Run, row_key, row_ref
from transforms.matching.forest import Forest
from transforms.matching.profiles import HOT
from transforms.processes import HERE, Processes
from transforms.records import CONTACT

_AT_ONCE = 20_000


def dirty_pieces(ledger: Ledger, run: Run, processes: Processes = HERE) -> list[list[str]]:
    """The dirty rows, and those tied to them, in groups that share no person.

    Where the base has become large enough to learn from, that happens first.
    """
    learn_if_due(ledger, run, processes)
    with ledger.read() as connection:
        search = _searched(connection, contact_keys.dirty_rows(connection))
    if search.hot or search.cold:

        def remember(connection: Connection) -> None:
            contact_keys.set_hot(connection, search.hot, search.cold)
            contact_keys.mark_dirty(connection, search.freed)

        ledger.transact(remember)
    return [[row_ref(row) for row in piece] for piece in search.forest.pieces()]


def piece_of(connection: Connection, row: RowKey) -> list[RowKey]:
    """The rows that hang together with this one."""
    return sorted(_searched(connection, {row}).forest.parent)


def _searched(connection: Connection, frontier: set[RowKey]) -> "_Search":
    search = _Search(Forest(), contact_keys.known_hot(connection))
    while frontier:
        ordered = sorted(frontier)
        for start in range(0, len(ordered), _AT_ONCE):
            search.widen(connection, ordered[start : start + _AT_ONCE])
        frontier = search.forest.parent.keys() - search.seen
    return search


class _Search(msgspec.Struct):
    """What has been found so far; ``freed`` rows were tied by a key that has become hot."""

    forest: Forest[RowKey]
    was_hot: set[int]
    seen: set[RowKey] = msgspec.field(default_factory=set)
    keys: set[int] = msgspec.field(default_factory=set)
    hot: set[int] = msgspec.field(default_factory=set)
    cold: set[int] = msgspec.field(default_factory=set)
    freed: set[RowKey] = msgspec.field(default_factory=set)

    def widen(self, connection: Connection, rows: Sequence[RowKey]) -> None:
        """Tie these rows to all that they have something in common with."""
        self.seen.update(rows)
        for row in rows:
            self.forest.star((row,))
        keys = contact_keys.keys_of_rows(connection, rows) - self.keys
        self.keys |= keys
        self._by_keys(connection, keys)
        persons = sorted(set(links.keys_of(connection, CONTACT, rows).values()))
        for members in goldens.members_of(connection, CONTACT, persons).values():
            self.forest.star(sorted(members))
        for pair in judgements_of(connection, CONTACT, [row_ref(row) for row in rows]):
            self.forest.star(map(row_key, pair))

    def _by_keys(self, connection: Connection, keys: set[int]) -> None:
        known = contact_keys.counts(connection, sorted(keys & self.was_hot))
        self.cold |= {
            key
            for key, count in known.items()
            if not contact_keys.is_hot(connection, key, count, HOT)
        }
        looked = sorted((keys - self.was_hot) | (keys & self.cold))
        for key, rows in contact_keys.rows_by_key(connection, looked).items():
            if not contact_keys.is_hot(connection, key, len(rows), HOT):
                self.forest.star(rows)
                continue
            self.hot.add(key)
            self.freed.update(rows)
            for row in rows:
                self.forest.star((row,))


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
