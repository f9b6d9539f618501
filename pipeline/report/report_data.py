"""All that a report shows, read from the ledger in one moment."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from pipeline.report.base_queries import (
    Minute,
    Queue,
    StoreRows,
    Verdicts,
    count_overlap,
    count_store_rows,
    count_verdicts,
    read_crm_minutes,
    read_queues,
)
from pipeline.report.cleaning_notes import NoteCount, count_notes
from pipeline.report.history import PastRun, last_runs
from pipeline.report.refusals import (
    DeadLetters,
    Refusal,
    Rejection,
    read_dead_letters,
    read_refusals,
    read_rejections,
)
from pipeline.report.russian import KINDS
from transforms.core.stores import Store
from transforms.ledger.stores import read_stores

_RUNS = 12


class ReportData(msgspec.Struct, frozen=True):
    """A run, and the base as it stands; counts by kind are for ``company`` and ``contact``."""

    stores: Sequence[Store]
    run: PastRun
    past_runs: list[PastRun]
    refusals: dict[str, list[Refusal]]
    rejections: list[Rejection]
    queues: list[Queue]
    dead_letters: list[DeadLetters]
    store_rows: Mapping[tuple[str, str], StoreRows]
    overlaps: dict[str, dict[tuple[str, ...], int]]
    verdicts: Verdicts
    minutes: list[Minute]
    notes: list[NoteCount]


def read_report_data(connection: Connection, run: PastRun) -> ReportData:
    """Returns what the ledger holds on the run, on the base, and on its stores."""
    stores = list(read_stores(connection))
    return ReportData(
        stores=stores,
        run=run,
        past_runs=last_runs(connection, _RUNS),
        refusals={kind: read_refusals(connection, run, kind) for kind in KINDS},
        rejections=read_rejections(connection),
        queues=read_queues(connection),
        dead_letters=read_dead_letters(connection, run),
        store_rows=count_store_rows(connection),
        overlaps={kind: count_overlap(connection, kind, stores) for kind in KINDS},
        verdicts=count_verdicts(connection),
        minutes=read_crm_minutes(connection, run.run_id),
        notes=count_notes(connection, run),
    )
