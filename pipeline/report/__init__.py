"""The report of a run: ``report.html`` for people, ``summary.json`` for programs."""

import json
from pathlib import Path

from pipeline.report import russian
from pipeline.report.funnel import funnels
from pipeline.report.history import find_run
from pipeline.report.rendering import render_template
from pipeline.report.report_data import ReportData, read_report_data
from pipeline.report.store_bars import overlap_parts
from pipeline.report.timeline import draw_timeline
from pipeline.report.to_do import to_do
from transforms.core.stores import LISTED, Store
from transforms.ledger.database import Ledger

__all__ = ["render_report", "write_report"]

# Requests a second that a portal allows, for runs whose summary does not say it.
_CRM_RATE = 2.0


def write_report(ledger: Ledger, run_id: str, folder: Path) -> Path:
    """Write ``report.html`` and ``summary.json`` into ``folder`` (made when missing).

    Refusals and requests are those of the run; queues, rejections and stores are shown as the
    ledger holds them now. Neither file holds a name, a phone or an e-mail. The ``summary.json`` of
    a run that ended without numbers holds only its id, command, status and duration.

    Returns:
        The path of ``report.html``.

    Raises:
        LookupError: the ledger has no such run.
        OSError: the folder cannot be written.
    """
    with ledger.read() as connection:
        run = find_run(connection, run_id)
        data = read_report_data(connection, run)
    summary = {
        "run_id": run.run_id,
        "command": run.command,
        "status": run.status,
        "seconds": run.seconds,
        **run.summary,
    }
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    _replace(folder / "summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    _replace(report, render_report(data))
    return report


def render_report(report: ReportData) -> str:
    """Returns the report as one HTML file, in Russian, that needs nothing else."""
    run = report.run
    rejected = sum(rejection.count for rejection in report.rejections)
    rate = float(run.summary.get("crm", {}).get("rate", _CRM_RATE))
    return render_template(
        "report/templates/report.html.j2",
        report=report,
        run=run,
        stores=report.stores,
        listed_stores=[store for store in report.stores if store.state == LISTED],
        named_stores=[
            (store.key, title) for store in report.stores if (title := _store_title(store))
        ],
        to_do=to_do(run, report.dead_letters, report.queues, rejected),
        funnels=funnels(run, report.queues),
        overlaps={
            kind: overlap_parts(counts, report.stores) if len(report.stores) > 1 else []
            for kind, counts in report.overlaps.items()
        },
        timeline=draw_timeline(report.minutes, rate * 60),
    )


def _store_title(store: Store) -> str:
    """Returns what the report says of a store besides its key; empty when that says all."""
    title = "" if store.key in store.title.split() else store.title
    state = russian.STORE_STATES.get(store.state, "")
    return f"{title} ({state})" if title and state else title or state


def _replace(path: Path, text: str) -> None:
    # A reader sees the previous file or this one, never half of it.
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
