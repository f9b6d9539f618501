"""Doubtful pairs for somebody to look at, and what people have said of them, for ever."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.statements import delete, look_up, upsert


class DoubtfulPair(msgspec.Struct, frozen=True):
    """Two that may be one. For contacts both are rows; of companies the other one is a TIN."""

    kind: str
    one: str
    other: str
    bits: float
    why: str
    evidence: tuple[tuple[str, str, float], ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[tuple[str, str, float], ...]).decode


def replace_doubtful_pairs(
    connection: Connection, kind: str, refs: Sequence[str], doubts: Iterable[DoubtfulPair]
) -> None:
    """All doubts about these are now the given ones."""
    table = schema.doubts
    for column in (table.c.one, table.c.other):
        delete(connection, column, refs, kind=kind)
    upsert(
        connection,
        table,
        [
            {
                "kind": kind,
                "one": doubt.one,
                "other": doubt.other,
                "bits": doubt.bits,
                "why": doubt.why,
                "evidence": _encode(doubt.evidence).decode(),
            }
            for doubt in doubts
        ],
    )


def doubtful_pairs(connection: Connection) -> list[DoubtfulPair]:
    """What waits for a judgement, the likeliest first."""
    table = schema.doubts.c
    query = sa.select(schema.doubts).order_by(table.bits.desc(), table.kind, table.one, table.other)
    return [
        DoubtfulPair(row.kind, row.one, row.other, row.bits, row.why, _decode(row.evidence))
        for row in connection.execute(query)
    ]


def count_doubtful_pairs(connection: Connection) -> dict[str, int]:
    """How many wait for a judgement, by kind."""
    table = schema.doubts.c
    query = sa.select(table.kind, sa.func.count()).group_by(table.kind)
    return {kind: int(count) for kind, count in connection.execute(query)}


def judgements_of(
    connection: Connection, kind: str, refs: Sequence[str]
) -> dict[tuple[str, str], bool]:
    """What people have said of pairs with any of these in it, the newest first."""
    table = schema.judgements.c
    columns = table.said_at, table.one, table.other, table.same
    found = {
        tuple(row)
        for column in (table.one, table.other)
        for row in look_up(connection, columns, column, refs, kind=kind)
    }
    return {(one, other): bool(same) for _, one, other, same in sorted(found, reverse=True)}


def save_judgements(
    connection: Connection, kind: str, said: Mapping[tuple[str, str], bool], said_at: str
) -> None:
    """Remember what somebody has said of pairs; the last word counts. The pairs wait no more."""
    pairs = {
        (min(pair), max(pair)) if kind == "contact" else pair: same for pair, same in said.items()
    }
    upsert(
        connection,
        schema.judgements,
        [
            {"kind": kind, "one": one, "other": other, "same": int(same), "said_at": said_at}
            for (one, other), same in sorted(pairs.items())
        ],
    )
    table = schema.doubts
    for one, other in pairs:
        for left, right in ((one, other), (other, one)):
            connection.execute(
                table.delete().where(
                    table.c.kind == kind, table.c.one == left, table.c.other == right
                )
            )
