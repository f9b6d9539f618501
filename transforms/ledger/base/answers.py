"""The register's answers: remembered, so that a TIN is asked about once."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import now
from transforms.ledger import schema
from transforms.ledger.statements import look_up, upsert
from transforms.register.answer import Answer, decode_answer, encode_answer, newest

_DAY = 24 * 3600 * 1_000_000
_GOOD_FOR = {"active": 30 * _DAY, "not_active": 30 * _DAY, "not_in_register": 7 * _DAY}


def fresh_answers(connection: Connection, tins: Sequence[str]) -> dict[str, Answer]:
    """The remembered answers for these TINs that are still good."""
    table = schema.register_answers.c
    columns, moment = (table.tin, table.expires_at, table.payload), now()
    return {
        tin: decode_answer(payload)
        for tin, expires_at, payload in look_up(connection, columns, table.tin, tins)
        if expires_at > moment
    }


def save_answers(connection: Connection, run_seq: int, found: Sequence[Answer]) -> int:
    """Remember the answers, but for what an older one cannot tell any more. Returns how many."""
    table = schema.register_answers.c
    asked = sorted({answer.tin for answer in found})
    known = {
        tin: decode_answer(payload)
        for tin, payload in look_up(connection, (table.tin, table.payload), table.tin, asked)
    }
    kept = dict(known)
    for answer in found:
        kept[answer.tin] = newest(kept.get(answer.tin), answer)
    changed = [answer for tin, answer in kept.items() if answer != known.get(tin)]
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
            for answer in changed
        ],
    )
    return len(changed)


def expire_refusing_answers(connection: Connection) -> None:
    """Let the register be asked again about every TIN whose rows are refused by its answer."""
    invalid, answers = schema.invalid_companies.c, schema.register_answers
    tins = sa.select(invalid.tin).where(invalid.reason.in_(("not_in_register", "not_active")))
    connection.execute(answers.update().where(answers.c.tin.in_(tins)).values(expires_at=0))


class BulkProgress(NamedTuple):
    """How far a bulk file has been read: up to this document of this member of the archive."""

    member: int
    document: int
    is_done: bool


def bulk_progress(connection: Connection, file: str) -> BulkProgress | None:
    """How far the bulk file has been read; None when it has never been."""
    table = schema.register_files.c
    query = sa.select(table.member, table.document, table.done).where(table.file == file)
    row = connection.execute(query).first()
    return BulkProgress(row.member, row.document, bool(row.done)) if row else None


def save_bulk_progress(connection: Connection, file: str, progress: BulkProgress) -> None:
    """Remember how far the bulk file has been read: a later import goes on from there."""
    upsert(
        connection,
        schema.register_files,
        [
            {
                "file": file,
                "member": progress.member,
                "document": progress.document,
                "done": int(progress.is_done),
            }
        ],
    )


def last_register_usage(connection: Connection) -> tuple[str, int]:
    """The last day on which the register was asked, and how many questions it was asked then."""
    table = schema.register_usage.c
    query = sa.select(table.day, table.asked).order_by(table.day.desc()).limit(1)
    found = connection.execute(query).first()
    return (found.day, found.asked) if found else ("", 0)


def record_register_usage(connection: Connection, day: str, asked: int) -> None:
    """So many questions have been put to the register on that day."""
    upsert(connection, schema.register_usage, [{"day": day, "asked": asked}])
