"""The report of a run: ``report.html`` for people, ``summary.json`` for programs."""

import json
from pathlib import Path

from pipeline.report.history import run_of
from pipeline.report.page import findings, render
from transforms.ledger.database import Ledger

__all__ = ["write_report"]


def write_report(ledger: Ledger, run_id: str, folder: Path) -> Path:
    """Write ``report.html`` and ``summary.json`` into ``folder`` (made when missing).

    The run's refusals and requests are its own; queues, rejections and stores are shown as the
    ledger holds them now. Neither file holds a name, a phone or an e-mail. A run that ended
    without numbers gets a ``summary.json`` that says only which run it is and how it ended.

    Returns:
        The path of ``report.html``.

    Raises:
        LookupError: when the ledger has no such run.
        OSError: when the folder cannot be written.
    """
    with ledger.read() as connection:
        run = run_of(connection, run_id)
        html = render(findings(connection, run))
    known = {"run_id": run.run_id, "command": run.command, "status": run.status}
    summary = {**known, "seconds": run.seconds, **run.summary}
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.html"
    _replace(folder / "summary.json", json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    _replace(report, html)
    return report


def _replace(path: Path, text: str) -> None:
    # Whoever reads it meanwhile sees the old file or the new one, never half of it.
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
