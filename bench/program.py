"""``python -m bench.program PROGRAM STAGE TASK``: one program up to one stage, in this process.

Prints a line of JSON, see ``Measured``. The environment holds what a run's does.
"""

import re
import sys
import time
from pathlib import Path

import msgspec

from bench import beam_program, plain
from bench.task import Found, Task, contents
from pipeline.options import LEDGER
from transforms.ledger.database import open_ledger

PROGRAMS = {"Beam": beam_program.STAGES, "plain": plain.STAGES}


class Measured(msgspec.Struct, frozen=True):
    """Seconds from the first step to the last, the process's peak memory in MB, what was found."""

    seconds: float
    peak: float
    found: Found


def measure(program: str, stage: str, task: Task) -> Measured:
    """Do the work; what is told about it is gathered outside of the time and the memory."""
    chosen = PROGRAMS[program][stage]
    start = time.perf_counter()
    found = chosen.work(task)
    seconds, peak = time.perf_counter() - start, _peak()
    ledger = open_ledger(LEDGER.value())
    try:
        return Measured(seconds, peak, found | contents(ledger, chosen.tables))
    finally:
        ledger.close()


def _peak() -> float:
    # Both programs are one process: Beam's workers are threads here. The usual ru_maxrss would
    # also count what the program that started this one held.
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Measure what the arguments name."""
    program, stage, task = sys.argv[1:]
    measured = measure(program, stage, msgspec.json.decode(task, type=Task))
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()
