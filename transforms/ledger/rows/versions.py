"""Which of several versions of a source row is the newest, whatever the order they come in."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.records import Row
from transforms.core.stores import store_of
from transforms.ledger import schema
from transforms.ledger.statements import look_up


class KnownVersion(msgspec.Struct, frozen=True):
    """What the ledger knows of a row's newest version so far."""

    changed_at: int
    order: int
    fingerprint: str
    tin: str
    reason: str


def newest(versions: Iterable[Row]) -> list[Row]:
    """One version a row: the newest. The result does not depend on the order of ``versions``."""
    best: dict[tuple[str, str, str], Row] = {}
    for row in versions:
        key = (row.source, row.kind, row.source_id)
        other = best.get(key)
        if other is None or _age(row) > _age(other):
            best[key] = row
    return list(best.values())


def _age(row: Row) -> tuple[int, int, bytes]:
    # Copies of a partner with one timestamp have no order of their own, so a fixed rule decides.
    return row.changed_at, row.order, row.raw


def known_versions(
    connection: Connection, source: str, kind: str, ids: Sequence[str]
) -> dict[str, KnownVersion]:
    """The known version of each of these rows of one store and kind."""
    table = schema.rows.c
    columns = (table.source_id, table.changed_at, table.tie_order, table.fingerprint, table.tin)
    return {
        source_id: KnownVersion(*rest)
        for source_id, *rest in look_up(
            connection, (*columns, table.reason), table.source_id, ids, source=source, kind=kind
        )
    }


def originals_of_ties(
    connection: Connection, part: Sequence[Row], known: Mapping[str, KnownVersion]
) -> dict[str, bytes]:
    """The known original of each row that says something else at the very same moment."""
    ties = [
        row.source_id
        for row in part
        if (old := known.get(row.source_id)) is not None
        and (row.changed_at, row.order) == (old.changed_at, old.order)
        and row.fingerprint != old.fingerprint
    ]
    source, kind, table = part[0].source, part[0].kind, schema.rows.c
    columns = table.source_id, table.raw
    return {
        source_id: bytes(raw)
        for source_id, raw in look_up(
            connection, columns, table.source_id, ties, source=source, kind=kind
        )
    }


def is_newer(row: Row, old: KnownVersion, originals: Mapping[str, bytes], now: int) -> bool:
    """Whether a version replaces the known one; ``originals`` are those of ties.

    ``now`` is this moment, in microseconds since the epoch.
    """
    age, old_age = (row.changed_at, row.order), (old.changed_at, old.order)
    if old.changed_at > now and not old.order:
        # Written by a clock that was fast. Waiting until that time has come would lose changes. (Of
        # events of the topic it is known when they came, so none of them is from the future.)
        return row.fingerprint != old.fingerprint
    if age != old_age:
        return age > old_age
    if row.source_id not in originals:
        return False
    # A store that is read as it stands now changes orders without its clock: what is read last is
    # true. And of one original the later cleaning is: the rules have become better.
    return store_of(row.source).last_read_wins or row.raw >= originals[row.source_id]


def says_the_same(row: Row, old: KnownVersion) -> bool:
    """Whether a newer version of a valid row differs in nothing that anything is made of."""
    told = row.changed_at, row.fingerprint, row.tin, row.reason
    return told == (old.changed_at, old.fingerprint, old.tin, "")
