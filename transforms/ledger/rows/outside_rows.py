"""Versions that the configuration leaves out: the rows that they are of are gone, where known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from transforms.core.identity import RowKey
from transforms.core.outcomes import GONE_FROM_STORE, OUTSIDE
from transforms.core.records import (
    COMPANY,
    CONTACT,
    UNKNOWN_KIND,
    Company,
    Contact,
    Kind,
    Row,
    encode,
)
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import look_up

_EMPTY: dict[str, bytes] = {COMPANY: encode(Company("")), CONTACT: encode(Contact())}
_KINDS: tuple[Kind, ...] = (COMPANY, CONTACT)
_DETAIL = "the store's configuration leaves it out (only)"


def with_gone(ledger: Ledger, versions: Sequence[Row]) -> Sequence[Row]:
    """The versions; each that is left out says that its row is gone, of each kind that is known.

    A kind is known when the ledger, or another of the versions, has such a row.
    """
    outside = [row for row in versions if row.reason == OUTSIDE]
    if not outside:
        return versions
    inside = [row for row in versions if row.reason != OUTSIDE]
    known_kinds = _known_kinds(ledger, outside)
    for row in inside:
        known_kinds[row.source, row.source_id].add(row.kind)
    return inside + [
        Row(
            *(row.source, kind, row.source_id, row.changed_at, row.order, ""),
            *(GONE_FROM_STORE, _DETAIL, _EMPTY[kind], row.raw),
        )
        for row in outside
        for kind in (_KINDS if row.kind == UNKNOWN_KIND else (row.kind,))
        if kind in known_kinds[row.source, row.source_id]
    ]


def _known_kinds(ledger: Ledger, rows: Iterable[Row]) -> defaultdict[RowKey, set[str]]:
    kinds: defaultdict[RowKey, set[str]] = defaultdict(set)
    table = schema.rows.c
    keys = {(row.source, row.source_id) for row in rows}
    with ledger.read() as connection:
        for source, ids in group_by_store(keys).items():
            for kind in _KINDS:
                known_ids = look_up(
                    connection, (table.source_id,), table.source_id, ids, source=source, kind=kind
                )
                for (source_id,) in known_ids:
                    kinds[source, source_id].add(kind)
    return kinds
