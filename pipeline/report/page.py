"""The whole report as one HTML file that needs nothing else."""

from importlib.resources import files

import msgspec
from sqlalchemy.engine import Connection

from pipeline.report import funnel, overview, refused_sections, service_sections
from pipeline.report.base_queries import (
    Minute,
    Overlap,
    StoreRows,
    Verdicts,
    Waiting,
    crm_minutes,
    overlap,
    store_rows,
    verdicts,
    waiting,
)
from pipeline.report.history import PastRun, last_runs
from pipeline.report.html import Html, fill
from pipeline.report.notes import Repair, repairs
from pipeline.report.refusals import (
    BrokenInput,
    Refusal,
    Rejection,
    broken_inputs,
    refusals_of,
    rejections,
)
from pipeline.report.russian import KINDS

_RUNS = 12


class Findings(msgspec.Struct, frozen=True):
    """All that the report tells, read from the ledger in one moment."""

    run: PastRun
    runs: list[PastRun]
    refusals: dict[str, list[Refusal]]
    rejections: list[Rejection]
    waiting: list[Waiting]
    broken: list[BrokenInput]
    rows: dict[tuple[str, str], StoreRows]
    overlaps: dict[str, Overlap]
    verdicts: Verdicts
    minutes: list[Minute]
    repairs: list[Repair]


def findings(connection: Connection, run: PastRun) -> Findings:
    """What the ledger says about the run and about the base."""
    return Findings(
        run=run,
        runs=last_runs(connection, _RUNS),
        refusals={kind: refusals_of(connection, run, kind) for kind in KINDS},
        rejections=rejections(connection),
        waiting=waiting(connection),
        broken=broken_inputs(connection, run),
        rows=store_rows(connection),
        overlaps={kind: overlap(connection, kind) for kind in KINDS},
        verdicts=verdicts(connection),
        minutes=crm_minutes(connection, run.run_id),
        repairs=repairs(connection, run),
    )


def render(found: Findings) -> str:
    """The report's HTML, in Russian."""
    run = found.run
    rejected = sum(rejection.count for rejection in found.rejections)
    body = [
        overview.header(run),
        overview.tiles(run),
        overview.to_do(run, found.broken, found.waiting, rejected),
        funnel.funnels(run, found.waiting),
        refused_sections.refusals(found.refusals),
        funnel.stores(run, found.rows, found.overlaps),
        service_sections.register(run, found.verdicts),
        service_sections.crm(run, found.minutes),
        refused_sections.rejections(found.rejections),
        refused_sections.queues(found.waiting),
        refused_sections.broken(found.broken),
        service_sections.repairs(found.repairs),
        service_sections.past_runs(found.runs),
    ]
    return fill(
        '<!doctype html><html lang="ru"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,"><title>{}</title><style>{}</style></head>'
        "<body><main>{}</main><footer>{}</footer></body></html>",
        f"Svod: прогон {run.run_id}",
        Html(files("pipeline.report").joinpath("page.css").read_text(encoding="utf-8")),
        body,
        "Имён, телефонов и почты в этом отчёте нет. Рядом лежит summary.json с теми же числами.",
    )
