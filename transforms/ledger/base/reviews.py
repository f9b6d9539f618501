"""Doubtful pairs that wait for a person's judgement, and all judgements that were ever made."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, row_key, row_ref
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.statements import delete, look_up, upsert


class DoubtfulPair(msgspec.Struct, frozen=True):
    """Two records that may be the same.

    Of contacts both refs are source row references (``A:17``). Of companies the left one is the
    reference of a row without a TIN, the right one a TIN. ``bits`` is the evidence in sum, ``why``
    the reason for which the two are not merged. A piece of ``evidence`` is ``(what was compared,
    how it agrees, bits)``.
    """

    kind: str
    left_ref: str
    right_ref: str
    bits: float
    why: str
    evidence: tuple[tuple[str, str, float], ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[tuple[str, str, float], ...]).decode


def replace_doubtful_pairs(
    connection: Connection, kind: str, refs: Sequence[str], pairs: Iterable[DoubtfulPair]
) -> None:
    """Forget all doubtful pairs with any of ``refs`` in them, and write the given ones."""
    table = schema.doubts
    for column in (table.c.one, table.c.other):
        delete(connection, column, refs, kind=kind)
    upsert(
        connection,
        table,
        [
            {
                "kind": kind,
                "one": pair.left_ref,
                "other": pair.right_ref,
                "bits": pair.bits,
                "why": pair.why,
                "evidence": _encode(pair.evidence).decode(),
            }
            for pair in pairs
        ],
    )


def doubtful_pairs(connection: Connection) -> list[DoubtfulPair]:
    """The pairs that wait for a judgement, the likeliest first."""
    table = schema.doubts.c
    query = sa.select(schema.doubts).order_by(table.bits.desc(), table.kind, table.one, table.other)
    return [
        DoubtfulPair(row.kind, row.one, row.other, row.bits, row.why, _decode(row.evidence))
        for row in connection.execute(query)
    ]


def count_doubtful_pairs(connection: Connection) -> dict[str, int]:
    """The number of pairs that wait for a judgement, by kind."""
    table = schema.doubts.c
    query = sa.select(table.kind, sa.func.count()).group_by(table.kind)
    return {kind: int(count) for kind, count in connection.execute(query)}


def judgements_of(
    connection: Connection, kind: str, refs: Sequence[str]
) -> dict[tuple[str, str], bool]:
    """The judgement of each pair with any of ``refs`` in it, the newest first.

    True: people say that the two are the same.
    """
    table = schema.judgements.c
    columns = table.said_at, table.one, table.other, table.same
    judgements = {
        tuple(row)
        for column in (table.one, table.other)
        for row in look_up(connection, columns, column, refs, kind=kind)
    }
    return {
        (left_ref, right_ref): bool(is_same)
        for _, left_ref, right_ref, is_same in sorted(judgements, reverse=True)
    }


def save_judgements(
    connection: Connection, kind: str, judgements: Mapping[tuple[str, str], bool], said_at: str
) -> None:
    """Remember people's judgements of pairs, the last one of each. The pairs wait no longer.

    ``said_at`` is ISO 8601 in UTC.
    """
    ordered = {
        (min(pair), max(pair)) if kind == CONTACT else pair: is_same
        for pair, is_same in judgements.items()
    }
    upsert(
        connection,
        schema.judgements,
        [
            {
                "kind": kind,
                "one": left_ref,
                "other": right_ref,
                "same": int(is_same),
                "said_at": said_at,
            }
            for (left_ref, right_ref), is_same in sorted(ordered.items())
        ],
    )
    for pair in ordered:
        _delete_doubtful_pair(connection, kind, pair)


def _delete_doubtful_pair(connection: Connection, kind: str, pair: tuple[str, str]) -> None:
    table = schema.doubts
    for left_ref, right_ref in (pair, pair[::-1]):
        connection.execute(
            table.delete().where(
                table.c.kind == kind, table.c.one == left_ref, table.c.other == right_ref
            )
        )


def judged_tins(connection: Connection, rows: Iterable[RowKey]) -> dict[RowKey, str]:
    """The company in the base that each of these rows is by the newest judgement, where one is."""
    row_by_ref = {row_ref(row): row for row in rows}
    table = schema.judgements.c
    columns = table.one, table.other, table.said_at
    newest: dict[RowKey, tuple[str, str]] = {}
    for ref, tin, said_at in look_up(
        connection, columns, table.one, sorted(row_by_ref), kind=COMPANY, same=1
    ):
        row = row_by_ref[ref]
        newest[row] = max(newest.get(row, ("", "")), (said_at, tin))
    tins = _tins_in_base(connection, sorted({tin for _, tin in newest.values()}))
    return {row: tin for row, (_, tin) in newest.items() if tin in tins}


def _tins_in_base(connection: Connection, tins: Sequence[str]) -> set[str]:
    golden = schema.golden.c
    return {key for (key,) in look_up(connection, (golden.key,), golden.key, tins, kind=COMPANY)}


def rows_judged_to_be(connection: Connection, tins: Sequence[str]) -> set[RowKey]:
    """The rows that people judge to be one of these companies."""
    table = schema.judgements.c
    refs = look_up(connection, (table.one,), table.other, tins, kind=COMPANY, same=1)
    return {row_key(ref) for (ref,) in refs}
