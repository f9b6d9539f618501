"""``svod status``: what stands on the screen, word by word."""

import io
from pathlib import Path

import pytest

from pipeline import status
from pipeline.status import show_status
from tests.helpers.report_ledger import PERSONAL, filled_ledger
from transforms.core.stores import WITHDRAWN, Store, Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.progress import Progress
from transforms.ledger.runs import start_run
from transforms.ledger.stores import write_stores


def shown(ledger: Ledger) -> list[str]:
    stream = io.StringIO()
    show_status(ledger, stream, watch=False)
    return stream.getvalue().splitlines()


def test_an_empty_ledger_has_a_plain_word(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        assert shown(ledger) == ["No run yet: start one with svod full."]
    finally:
        ledger.close()


def test_what_happened_what_waits_and_what_to_do(tmp_path: Path) -> None:
    with filled_ledger(tmp_path / "svod.db") as (ledger, run):
        lines = shown(ledger)
    assert lines[0] == "Last runs"
    assert lines[1].split() == (
        ["run", "command", "started", "(UTC)", "took", "status", "read", "created", "updated"]
    )
    last, first = lines[2].split(), lines[3].split()
    assert [last[0], last[1], *last[-4:]] == [run.run_id, "full", "incomplete", "14", "2", "0"]
    assert first[1] == "delta"
    assert first[-5:] == ["-", "interrupted", "-", "-", "-"]
    assert lines[4:] == [
        "",
        "Stores",
        "  A  store A",
        "  B  store B",
        "",
        "Waits",
        f"  1 company rows: register_no_answer, the oldest since {run.started_at}",
        f"  1 contact rows: waiting_for_company, the oldest since {run.started_at}",
        "Rejected by the CRM",
        "  1 of kind contact: ERROR_CORE",
        "",
        "Next",
        "  register_no_answer: run again when the register answers, or fill its answers from files"
        " (svod register import)",
        "  waiting_for_company: nothing: they are loaded when their company comes",
        "  rejected: correct the data or the portal, then svod replay",
        "  what was refused and why: svod report; about one record: svod explain TIN or STORE:ID",
    ]
    assert not [word for word in PERSONAL if word in "\n".join(lines)]


def test_it_says_which_stores_the_configuration_no_longer_has(tmp_path: Path) -> None:
    with filled_ledger(tmp_path / "svod.db") as (ledger, _):
        write_stores(
            ledger, Stores([Store("shop", "Север"), Store("A", "store A", state=WITHDRAWN)])
        )
        lines = shown(ledger)
    start = lines.index("Stores")
    assert lines[start : start + 4] == [
        "Stores",
        "  A     store A; withdrawn: it is not read, its rows are refused as gone_from_store",
        "  B     store B; no longer in the configuration: it is not read, its rows and links stay",
        "  shop  Север",
    ]


def test_a_running_run_shows_its_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        run = start_run(ledger, "full")
        assert f"Going on: {run.run_id}" in shown(ledger)
        assert "  nothing done yet" in shown(ledger)
        Progress(ledger, run, "register", total=200).add(50)
        lines = shown(ledger)
        stage = lines[lines.index(f"Going on: {run.run_id}") + 1]
        assert stage.split()[0] == "register"
        assert "50/200" in stage
        assert lines[-1] == "  watch it: svod status --watch"
        with ledger.write() as connection:
            connection.execute(schema.progress.update().values(updated_at=1_000_000))
        assert [line for line in shown(ledger) if "no progress for" in line]
    finally:
        ledger.close()


def test_watching_ends_with_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(status.time, "sleep", sleep)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        stream = io.StringIO()
        show_status(ledger, stream, watch=True)
    finally:
        ledger.close()
    assert stream.getvalue() == "No run yet: start one with svod full.\n" * 3
