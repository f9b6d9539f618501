"""Dead letters: input that is no record at all (poison messages, broken partners, cut files)."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.records import DeadLetter
from transforms.ledger import schema
from transforms.ledger.statements import upsert


def record_dead_letters(connection: Connection, run: Run, letters: Sequence[DeadLetter]) -> None:
    """Put dead letters into ``invalid_messages``: each is there once, however often it is read."""
    upsert(
        connection,
        schema.invalid_messages,
        [
            {
                "topic": letter.origin[:255],
                "partition": letter.partition,
                "offset": letter.offset,
                "reason": letter.reason,
                "raw": letter.raw,
                "seen_at": run.started_at,
                "run_id": run.run_id,
            }
            for letter in letters
        ],
    )


def count_dead_letters(connection: Connection, run: Run) -> int:
    """The number of dead letters that this run has read."""
    table = schema.invalid_messages.c
    query = sa.select(sa.func.count()).where(table.run_id == run.run_id)
    return int(connection.execute(query).scalar_one())
