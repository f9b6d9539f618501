"""The register's answers, remembered so that a TIN is asked about once; and what was asked."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.golden_records import RegisterFacts
from transforms.core.identity import now
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.base.card_sources import REGISTER_FACTS, queue_cards, shown_sources
from transforms.ledger.statements import look_up, upsert
from transforms.register.answer import (
    ACTIVE,
    NOT_ACTIVE,
    NOT_IN_REGISTER,
    Answer,
    Verdict,
    decode_answer,
    encode_answer,
    newest,
)

_DAY = 24 * 3600 * 1_000_000
_GOOD_FOR: Mapping[Verdict, int] = {
    ACTIVE: 30 * _DAY,
    NOT_ACTIVE: 30 * _DAY,
    NOT_IN_REGISTER: 7 * _DAY,
}


def fresh_answers(connection: Connection, tins: Sequence[str]) -> dict[str, Answer]:
    """The remembered answers about these TINs that have not expired."""
    table = schema.register_answers.c
    columns, moment = (table.tin, table.expires_at, table.payload), now()
    return {
        tin: decode_answer(payload)
        for tin, expires_at, payload in look_up(connection, columns, table.tin, tins)
        if expires_at > moment
    }


def register_facts(connection: Connection, tins: Sequence[str]) -> dict[str, RegisterFacts]:
    """What cards show of the remembered answers about these TINs, also of those that expired."""
    table = schema.register_answers.c
    return {
        tin: decode_answer(payload).facts
        for tin, payload in look_up(connection, (table.tin, table.payload), table.tin, tins)
    }


def save_answers(connection: Connection, run_seq: int, answers: Sequence[Answer]) -> int:
    """Remember those answers that are newer than what is remembered. Returns how many."""
    table = schema.register_answers.c
    tins = sorted({answer.tin for answer in answers})
    remembered = {
        tin: decode_answer(payload)
        for tin, payload in look_up(connection, (table.tin, table.payload), table.tin, tins)
    }
    latest = dict(remembered)
    for answer in answers:
        latest[answer.tin] = newest(latest.get(answer.tin), answer)
    changed = [answer for tin, answer in latest.items() if answer != remembered.get(tin)]
    _queue_cards(connection, remembered, changed)
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


def _queue_cards(
    connection: Connection, remembered: Mapping[str, Answer], changed: Sequence[Answer]
) -> None:
    """Let the loader look at the companies whose cards show something that is new."""
    if REGISTER_FACTS in shown_sources(connection, COMPANY):
        tins = [
            answer.tin
            for answer in changed
            if answer.tin not in remembered or remembered[answer.tin].facts != answer.facts
        ]
        queue_cards(connection, COMPANY, tins)


def expire_refusing_answers(connection: Connection) -> None:
    """Let the register be asked again about every TIN whose rows are refused by its answer."""
    invalid, answers = schema.invalid_companies.c, schema.register_answers
    tins = sa.select(invalid.tin).where(invalid.reason.in_((NOT_IN_REGISTER, NOT_ACTIVE)))
    connection.execute(answers.update().where(answers.c.tin.in_(tins)).values(expires_at=0))


class BulkProgress(NamedTuple):
    """The last document of a bulk file that was read, and the archive's member that holds it."""

    member: int
    document: int
    is_done: bool


def bulk_progress(connection: Connection, file: str) -> BulkProgress | None:
    """The progress of reading the bulk file; None when it was never read."""
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
    """The last day on which the register was asked, and the number of questions on that day."""
    table = schema.register_usage.c
    query = sa.select(table.day, table.asked).order_by(table.day.desc()).limit(1)
    usage = connection.execute(query).first()
    return (usage.day, usage.asked) if usage else ("", 0)


def record_register_usage(connection: Connection, day: str, questions: int) -> None:
    """Note the number of questions that were put to the register on that day."""
    upsert(connection, schema.register_usage, [{"day": day, "asked": questions}])
