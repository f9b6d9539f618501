"""The register's answers: remembered, so that a TIN is asked about once."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import chunks, upsert
from transforms.register.answer import Answer, decode_answer, encode_answer

_DAY = 24 * 3600 * 1_000_000
_GOOD_FOR = {"active": 30 * _DAY, "not_active": 30 * _DAY, "not_in_register": 7 * _DAY}


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def fresh_answers(connection: Connection, tins: Sequence[str]) -> dict[str, Answer]:
    """The remembered answers for these TINs that are still good."""
    table = schema.register_answers.c
    query = sa.select(table.tin, table.payload).where(table.expires_at > now())
    return {
        tin: decode_answer(payload)
        for chunk in chunks(tins)
        for tin, payload in connection.execute(query.where(table.tin.in_(chunk)))
    }


def expired_tins(connection: Connection) -> set[str]:
    """TINs whose answer has grown too old to be trusted."""
    table = schema.register_answers.c
    query = sa.select(table.tin).where(table.expires_at <= now())
    return set(connection.execute(query).scalars())


def save_answers(connection: Connection, run_seq: int, answers: Iterable[Answer]) -> int:
    """Remember the answers, but for those older than what is known. Returns how many were new."""
    newest = {answer.tin: answer for answer in sorted(answers, key=lambda answer: answer.as_of)}
    table = schema.register_answers.c
    query = sa.select(table.tin, table.as_of)
    known = {
        tin: as_of
        for chunk in chunks(sorted(newest))
        for tin, as_of in connection.execute(query.where(table.tin.in_(chunk)))
    }
    fresh = [answer for tin, answer in newest.items() if answer.as_of >= known.get(tin, 0)]
    upsert(
        connection,
        schema.register_answers,
        [
            {
                "tin": answer.tin,
                "verdict": answer.verdict,
                "origin": answer.origin,
                "as_of": answer.as_of,
                "expires_at": now() + _GOOD_FOR[answer.verdict],
                "run_seq": run_seq,
                "payload": encode_answer(answer),
            }
            for answer in fresh
        ],
    )
    return len(fresh)


def _today() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


def asked_today(connection: Connection) -> int:
    """How many questions have been put to the register since midnight, UTC."""
    table = schema.register_usage.c
    return (
        connection.execute(sa.select(table.asked).where(table.day == _today())).scalar() or 0
    )


def count_asked(connection: Connection, asked: int) -> None:
    """Add to the questions asked today."""
    total = asked_today(connection) + asked
    upsert(connection, schema.register_usage, [{"day": _today(), "asked": total}])
