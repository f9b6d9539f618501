"""Live progress: exact lines, on a terminal and elsewhere."""

import io
import os
import pty
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import progress
from pipeline.progress import Lines, ProgressView, Screen, stage_lines
from transforms.core.identity import Run
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.progress import Progress, Stage
from transforms.ledger.runs import start_run

SECOND = 1_000_000
READ = Stage("remember", 853_000, None, 0, 15 * SECOND)
LOAD = Stage("load companies", 12_300, 170_000, 20 * SECOND, 140 * SECOND)
NOW = 143 * SECOND


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Ledger, Run]]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    yield ledger, start_run(ledger, "full")
    ledger.close()


def lines(width: int) -> list[str]:
    return stage_lines([READ, LOAD], NOW, False, width, io.TextIOWrapper(io.BytesIO(), "utf-8"))


def test_a_wide_terminal_shows_everything() -> None:
    assert lines(110) == [
        f"remember         {'━' * 30}              853,000    56,867/s  done in 15 s",
        f"load companies   ━━{'─' * 28}       12,300/170,000       100/s  26 min 17 s left",
    ]


@pytest.mark.parametrize("width", range(1, 140))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(len(line) <= width for line in lines(width))


def test_a_narrow_terminal_keeps_what_matters() -> None:
    assert lines(40) == [
        "remember                     853,000",
        "load companies        12,300/170,000",
    ]
    assert lines(20) == ["remember 853,000", "load companies 12,30"]


def test_what_the_stream_cannot_write_is_not_drawn() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert stage_lines([LOAD], NOW, False, 110, stream)[0].isascii()


def test_colours_unless_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in lines(110)[0]
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[32m━" in lines(110)[0]


def test_the_screen_is_drawn_over_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "21")
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show([READ], NOW, last=False)
    screen.show([READ, LOAD], NOW, last=True)
    assert stream.getvalue() == (
        "\r\x1b[2Kremember 853,000\n"
        "\x1b[1A\r\x1b[2Kremember 853,000\n\r\x1b[2Kload companies 12,30\n"
    )


def test_plain_lines_at_the_begin_every_ten_seconds_and_at_the_end() -> None:
    stream = io.StringIO()
    plain = Lines(stream)
    for second in range(0, 26, 2):
        moment = second * SECOND
        count = 10 * second
        plain.show([Stage("register", count, 240, 0, moment)], moment + 100 * SECOND, last=False)
    assert stream.getvalue().splitlines() == [
        "register: 0/240",
        "register: 100/240, 0.9/s, 2 min 34 s left",
        "register: 200/240, 1.7/s, 24 s left",
        "register: 240/240, 10/s, done in 24 s",
    ]


def test_a_stage_of_unknown_size_ends_when_later_ones_work_without_it() -> None:
    later = Stage("register", 1, 9, 16 * SECOND, 18 * SECOND)
    assert not progress.has_ended([READ, later], 0, last=False)
    later = Stage("register", 1, 9, 16 * SECOND, 19 * SECOND)
    assert progress.has_ended([READ, later], 0, last=False)
    assert progress.has_ended([READ], 0, last=True)


def test_the_view_shows_what_workers_write(world: tuple[Ledger, Run]) -> None:
    ledger, run = world
    stream = io.StringIO()
    with ProgressView(ledger, run, stream):
        Progress(ledger, run, "remember").add(30)
        Progress(ledger, run, "load contacts", total=5).add(5)
    shown = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in shown][-2:] == ["remember: 30", "load contacts: 5/5"]


def test_a_locked_ledger_and_a_closed_stream_do_not_stop_the_run(
    world: tuple[Ledger, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, run = world
    Progress(ledger, run, "remember").add(30)
    locked = iter([True, False])
    real = progress.stages

    def stages(*arguments: object) -> Iterator[Stage]:
        if next(locked, False):
            raise progress.SQLAlchemyError("database is locked")
        return real(*arguments)

    monkeypatch.setattr(progress, "stages", stages)
    monkeypatch.setattr(progress, "_POLL_SECONDS", 0.01)
    stream = io.StringIO()
    with ProgressView(ledger, run, stream):
        for _ in range(1000):
            if stream.getvalue():
                break
            time.sleep(0.01)
    assert stream.getvalue().startswith("remember: 30")
    stream.close()
    with ProgressView(ledger, run, io.StringIO()) as view:
        view._screen = Lines(stream)


def test_a_real_terminal(world: tuple[Ledger, Run]) -> None:
    ledger, run = world
    Progress(ledger, run, "remember").add(30)
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as stream:
            with ProgressView(ledger, run, stream):
                pass
            drawn = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
    assert drawn.startswith("\r\x1b[2Kremember")
