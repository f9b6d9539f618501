"""Values that cleaning dropped or repaired in a run's rows, or that the portal cannot hold."""

from collections import Counter

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.report.history import PastRun
from transforms.core.outcomes import GONE_FROM_STORE
from transforms.core.records import COMPANY, Note, decode_company, decode_contact
from transforms.ledger import schema

_MOST = 15


class NoteCount(msgspec.Struct, frozen=True):
    """The number of values of one field that had one problem."""

    field: str
    problem: str
    count: int


def count_notes(connection: Connection, run: PastRun) -> list[NoteCount]:
    """Returns the most frequent ones. Reads every row of the run: some seconds a million rows."""
    table = schema.rows.c
    query = sa.select(table.kind, table.payload).where(
        table.seen_run == run.run_seq, table.reason != GONE_FROM_STORE
    )
    counts: Counter[tuple[str, str]] = Counter()
    streamed = connection.execution_options(stream_results=True, yield_per=5000)
    for kind, payload in streamed.execute(query):
        counts.update((note.field, note.problem) for note in notes_of(kind, payload))
    counts.update(_count_unfit_values(connection, run))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [NoteCount(field, problem, count) for (field, problem), count in ordered[:_MOST]]


def _count_unfit_values(connection: Connection, run: PastRun) -> dict[tuple[str, str], int]:
    """The values that the portal's own fields could not hold, as the run has found them."""
    table = schema.unfit_values.c
    query = sa.select(table.field, table.problem, sa.func.count())
    query = query.where(table.run_seq == run.run_seq).group_by(table.field, table.problem)
    return {(field, problem): count for field, problem, count in connection.execute(query)}


def notes_of(kind: str, payload: bytes) -> tuple[Note, ...]:
    """Returns cleaning's notes in a row's payload; none if it holds no cleaned record."""
    try:
        return (decode_company if kind == COMPANY else decode_contact)(payload).notes
    except msgspec.DecodeError:
        return ()
