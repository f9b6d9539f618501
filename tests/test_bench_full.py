"""``bench.full`` and ``bench.delta`` at a tiny scale: both programs do the same work."""

import re
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench import beam_program, delta, full, plain
from bench.program import Measurement, measure
from bench.register import InstantRegister
from bench.task import Task
from bench.world import World, serve_world
from transforms.register.answer import Answer

STAGES = ["read B", "read, clean B", "read, clean A and B", "…, remember", "…, up to the loader"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serve_world(tmp_path_factory.mktemp("bench"), scale=0.001, seed=1) as world:
        yield world


def test_both_programs_have_the_same_stages():
    assert list(beam_program.STAGES) == list(plain.STAGES) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_both_programs_find_the_same(
    world: World, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    task = Task(world.files, str(world.answers))
    monkeypatch.setenv("SVOD_STORE_A", world.store_a)
    monkeypatch.setenv("SVOD_REGISTER_TOKEN", "none")
    tallies = []
    for program in ("Beam", "plain"):
        monkeypatch.setenv("SVOD_LEDGER", f"sqlite:///{tmp_path}/{program}.db")
        tallies.append(measure(program, stage, task).tally)
    assert tallies[0] == tallies[1] != {}


def test_a_program_is_measured_in_a_process_of_its_own(world: World):
    measured = full._measure(world, "plain", "read, clean B")
    assert sum(map(int, measured.tally.values())) >= world.records_b
    assert measured.seconds > 0
    assert measured.peak > 10
    assert not list(world.folder.glob("tmp*"))


def test_the_world_is_made_once(tmp_path: Path):
    creation_times = []
    for _ in range(2):
        with serve_world(tmp_path, scale=0.0005, seed=2) as world:
            creation_times.append((world.folder / "world.json").stat().st_mtime_ns)
    assert creation_times[0] == creation_times[1]
    assert [path.name for path in tmp_path.iterdir()] == ["scale-0.0005-seed-2"]


def test_the_register_answers_at_once(world: World):
    register = InstantRegister(str(world.answers))
    answers = dict(register.ask_many(["0000000000"]))
    register.close()
    assert isinstance(answers["0000000000"], Answer)
    assert answers["0000000000"].verdict == "not_in_register"


def test_the_table_tells_each_stage(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def measure_stage(_: World, program: str, __: str) -> Measurement:
        return Measurement(2.0 if program == "Beam" else 1.0, 100.0, {"valid": 1})

    monkeypatch.setattr(full, "_measure", measure_stage)
    monkeypatch.setattr(full, "serve_world", lambda *_: nullcontext(world))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    full.main(["--scale", "0.001", "--growth", "--repeat", "1"])
    output = capsys.readouterr().out
    assert re.match(
        r"\d+ cores, load [\d.]+; Python 3\.11\.\d+; phonenumbers\.parse \d+ µs", output
    )
    rows = [line.split("|")[1:-1] for line in output.splitlines() if line.startswith("| ")]
    names = [row[0].strip() for row in rows]
    head = ["", "---"]
    assert names == [*head, *STAGES, *head, *STAGES, "µs a record", "---", *STAGES]
    rate = f"{world.records_b / 2:,.0f}"
    cells = [cell.strip() for cell in rows[2][1:]]
    assert cells == [rate, f"{world.records_b:,}", "0.50", "100", "100"]


def test_programs_that_differ_are_not_compared(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        full, "_measure", lambda _, program, __: Measurement(1.0, 1.0, {program: 1})
    )
    with pytest.raises(full.DifferentWorkError, match=r"^read B: .*Beam.* / .*plain.*"):
        next(full.lines(world, 1))


def test_a_delta_is_measured_on_two_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    delta.main(["--scale", "0.004", "--folder", str(tmp_path)])
    output = capsys.readouterr().out
    [small, large] = [line.split("|")[1:-1] for line in output.splitlines() if line.endswith("% |")]
    assert [int(line[0].replace(",", "")) for line in (small, large)] == [341, 3412]
    assert all(float(cell) > 0 for cell in (*small[1:4], *large[1:4]))
    assert re.search(r"1,000 changed, on the base to that on a tenth: [\d.]+$", output)


def test_growth_compares_microseconds_a_record():
    small = [full.Line("read B", 1000, Measurement(0.01, 1, {}), Measurement(1, 1, {}))]
    large = [full.Line("read B", 10_000, Measurement(0.2, 1, {}), Measurement(1, 1, {}))]
    assert full.growth(small, large).splitlines()[-1] == "| read B | 10.0 | 20.0 | 2.00 |"
