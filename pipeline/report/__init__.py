"""The report of a run: ``report.html`` for people, ``summary.json`` for programs."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.report.history import find_run
from pipeline.report.page import render_report
from pipeline.report.report_data import read_report_data
from transforms.core.stores import STORES, Store
from transforms.ledger.database import Ledger

__all__ = ["write_report"]


def write_report(
    ledger: Ledger, run_id: str, folder: Path, stores: Sequence[Store] = STORES
) -> Path:
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
        data = read_report_data(connection, run, stores)
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


def _replace(path: Path, text: str) -> None:
    # A reader sees the previous file or this one, never half of it.
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
