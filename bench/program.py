"""``python -m bench.program PROGRAM STAGE TASK``: runs one program up to one stage.

Prints a ``Measurement`` as a line of JSON. The environment is that of a run.
"""

import sys
import time
from contextlib import closing

import msgspec

from bench import beam_program, plain
from bench.memory import PeakMemory
from bench.task import Tally, Task, contents
from pipeline.options import LEDGER
from transforms.configuration.builtin import built_in_configuration
from transforms.configuration.stores import stores_of
from transforms.ledger.database import open_ledger
from transforms.ledger.stores import write_stores

PROGRAMS = {"Beam": beam_program.STAGES, "plain": plain.STAGES}


class Measurement(msgspec.Struct, frozen=True):
    """Seconds from the first step to the last, peak memory in MB, and the program's tally."""

    seconds: float
    peak: float
    tally: Tally


def measure(program: str, stage: str, task: Task) -> Measurement:
    """Runs the stage and measures it, but not what the ledger needs before and shows after."""
    chosen = PROGRAMS[program][stage]
    with closing(open_ledger(LEDGER.value())) as ledger:
        write_stores(ledger, stores_of(built_in_configuration()))
    with PeakMemory() as peak:
        start = time.perf_counter()
        tally = chosen.work(task)
        seconds = time.perf_counter() - start
    ledger = open_ledger(LEDGER.value())
    try:
        return Measurement(seconds, peak.megabytes, tally | contents(ledger, chosen.tables))
    finally:
        ledger.close()


def main() -> None:
    """Measures the program and stage that the arguments name."""
    program, stage, task = sys.argv[1:]
    measured = measure(program, stage, msgspec.json.decode(task, type=Task))
    print(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()
