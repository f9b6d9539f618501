"""``python -m bench.full --scale S``: the full load's speed and memory, with and without Beam.

Measures the pipeline and a plain program that does the same work, stage by stage up to the loader,
each stage in a new process. The generated world is kept in the folder for later measurements; the
register answers at once. Scale 1 is 853,000 records.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec
import phonenumbers

from bench.plain import STAGES
from bench.program import PROGRAMS, Measurement
from bench.task import Task
from bench.world import World, serve_world
from pipeline.options import LEDGER, REGISTER_TOKEN, STORE_A

_ROOT = Path(__file__).parents[1]


class DifferentWorkError(Exception):
    """The two programs have different results: their times cannot be compared."""


class Line(msgspec.Struct, frozen=True):
    """One stage: its number of records, and each program's median seconds and greatest peak."""

    stage: str
    records: int
    beam: Measurement
    plain: Measurement


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.full", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=_ROOT / "build" / "bench")
    parser.add_argument("--repeat", type=int, help="default: 3, and 1 from scale 0.5 on")
    parser.add_argument("--growth", action="store_true", help="also a tenth of the scale, compared")
    chosen = parser.parse_args(arguments)
    # A plain SIGTERM would leave the server and the program that is measured behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(facts())
    scales = [chosen.scale / 10, chosen.scale] if chosen.growth else [chosen.scale]
    tables: list[list[Line]] = []
    for scale in scales:
        repeat = chosen.repeat or (3 if scale < 0.5 else 1)
        with serve_world(chosen.folder, scale, chosen.seed) as world:
            print(
                f"\nScale {scale:g}, {world.records:,} records:\n\n{_HEAD}",
                flush=True,
            )
            tables.append([])
            for line in lines(world, repeat):
                tables[-1].append(line)
                print(row(line), flush=True)
    if chosen.growth:
        print(f"\n{growth(*tables)}")


def facts() -> str:
    """Describes the machine, so that numbers of different machines can be compared."""
    times = timeit.repeat(
        lambda: phonenumbers.parse("8 (812) 123-45-67", "RU"), number=1000, repeat=5
    )
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python"
        f" {platform.python_version()}; phonenumbers.parse {min(times) * 1000:.0f} µs"
    )


def lines(world: World, repeat: int) -> Iterator[Line]:
    """Yields a line for each stage; the two programs take turns.

    Raises:
        DifferentWorkError: when their results differ.
    """
    for stage, chosen in STAGES.items():
        runs = [[_measure(world, name, stage) for name in PROGRAMS] for _ in range(repeat)]
        tallies = {msgspec.json.encode(run.tally, order="sorted") for pair in runs for run in pair}
        if len(tallies) > 1:
            raise DifferentWorkError(f"{stage}: " + " / ".join(map(bytes.decode, sorted(tallies))))
        records = world.records_b if chosen.only_b else world.records
        yield Line(stage, records, *map(_median, zip(*runs, strict=True)))


def _median(runs: Sequence[Measurement]) -> Measurement:
    return Measurement(
        median(run.seconds for run in runs), max(run.peak for run in runs), runs[0].tally
    )


def _measure(world: World, program: str, stage: str) -> Measurement:
    """Measures one program up to one stage, in a new process with a new ledger."""
    task = msgspec.json.encode(Task(world.files, str(world.answers))).decode()
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        process = subprocess.run(
            [sys.executable, "-m", "bench.program", program, stage, task],
            cwd=_ROOT,
            env={
                **os.environ,
                STORE_A.variable: world.store_a,
                LEDGER.variable: f"sqlite:///{folder}/ledger.db",
                REGISTER_TOKEN.variable: "none",
            },
            stdout=subprocess.PIPE,
            check=True,
        )
    return msgspec.json.decode(process.stdout, type=Measurement)


_HEAD = (
    "| | Beam, records/s | plain, records/s | Beam/plain | Beam, MB | plain, MB |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
)


def row(line: Line) -> str:
    """Formats a line of the table."""
    beam, plain = line.beam, line.plain
    return (
        f"| {line.stage} | {line.records / beam.seconds:,.0f}"
        f" | {line.records / plain.seconds:,.0f} | {plain.seconds / beam.seconds:.2f}"
        f" | {beam.peak:,.0f} | {plain.peak:,.0f} |"
    )


def growth(small: Sequence[Line], large: Sequence[Line]) -> str:
    """Formats the table of Beam's microseconds a record at both scales."""
    head = "| µs a record | a tenth | whole | growth |\n| --- | ---: | ---: | ---: |"
    rows = []
    for small_line, large_line in zip(small, large, strict=True):
        tenth, whole = (line.beam.seconds / line.records * 1e6 for line in (small_line, large_line))
        rows.append(f"| {small_line.stage} | {tenth:.1f} | {whole:.1f} | {whole / tenth:.2f} |")
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()
