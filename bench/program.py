"""``python -m bench.program PROGRAM STAGE TASK``: one program up to one stage, in this process.

Prints a line of JSON, see ``Measured``. The environment holds what a run's does.
"""

import sys
import time

import msgspec

from bench import beam_program, plain
from bench.memory import PeakMemory
from bench.task import Found, Task, contents
from pipeline.options import LEDGER
from transforms.ledger.database import open_ledger

PROGRAMS = {"Beam": beam_program.STAGES, "plain": plain.STAGES}


class Measured(msgspec.Struct, frozen=True):
    """Seconds from the first step to the last, the processes' peak memory in MB, what was found."""

    seconds: float
    peak: float
    found: Found


def measure(program: str, stage: str, task: Task) -> Measured:
    """Do the work; what is told about it is gathered outside of the time and the memory."""
    chosen = PROGRAMS[program][stage]
    with PeakMemory() as peak:
        start = time.perf_counter()
        found = chosen.work(task)
        seconds = time.perf_counter() - start
    ledger = open_ledger(LEDGER.value())
    try:
        return Measured(seconds, peak.megabytes, found | contents(ledger, chosen.tables))
    finally:
        ledger.close()


def main() -> None:
    """Measure what the arguments name."""
    program, stage, task = sys.argv[1:]
    measured = measure(program, stage, msgspec.json.decode(task, type=Task))
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()
