"""Input that is no record at all: poison messages, broken partners, files cut short."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.records import Broken
from transforms.ledger import schema
from transforms.ledger.statements import upsert


def record(connection: Connection, run: Run, broken: Sequence[Broken]) -> None:
    """Put them into ``invalid_messages``: each is there once, however often it is read."""
    upsert(
        connection,
        schema.invalid_messages,
        [
            {
                "topic": one.origin[:255],
                "partition": one.partition,
                "offset": one.offset,
                "reason": one.reason,
                "raw": one.raw,
                "seen_at": run.started_at,
                "run_id": run.run_id,
            }
            for one in broken
        ],
    )
