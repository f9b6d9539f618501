"""Work in several processes: the same results in the same order, and nothing left behind."""

import math
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from transforms.clean_batch import clean_partners
from transforms.consolidation import companies
from transforms.core import process_pool
from transforms.core.errors import LedgerError
from transforms.core.identity import Run
from transforms.core.process_pool import ProcessError, ProcessPool, default_size
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import draft
from transforms.stores.mapping.headers import NO_CLOCK_BOUND

NUMBERS = range(-50, 50)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessPool]:
    monkeypatch.setattr(process_pool, "_IN_PLACE", 0)
    pool = ProcessPool(2)
    yield pool
    pool.close()


def process_ids(pool: ProcessPool) -> list[int]:
    list(pool.map(abs, range(10)))
    return [process._process.pid for process in pool._idle]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_results_are_the_same_in_the_same_order(number: int):
    pool = ProcessPool(number)
    assert list(pool.map(operator.neg, NUMBERS)) == [-number for number in NUMBERS]
    assert list(pool.map(abs, NUMBERS)) == [abs(number) for number in NUMBERS]
    pool.close()


def test_a_little_work_starts_no_process():
    pool = ProcessPool(2)
    assert list(pool.map(eval, ["__import__('os').getpid()"])) == [os.getpid()]
    assert not pool._idle
    pool.close()


def test_much_work_is_done_elsewhere(two: ProcessPool):
    answering_ids = set(two.map(eval, ["__import__('os').getpid()"] * 50))
    assert answering_ids <= set(process_ids(two))


def test_no_more_is_taken_ahead_than_keeps_them_busy(two: ProcessPool):
    taken = []

    def items() -> Iterator[int]:
        for number in NUMBERS:
            taken.append(number)
            yield number

    results = two.map(abs, items())
    next(results)
    assert len(taken) < 10
    # What was asked for in vain disturbs nobody.
    results.close()
    assert list(two.map(operator.neg, NUMBERS)) == [-number for number in NUMBERS]


def test_cleaning_there_needs_no_beam(two: ProcessPool):
    partner = {"partner": "1", "category": "1", "last_name": "Иванов"}
    clean = partial(clean_partners, clock_bound=NO_CLOCK_BOUND)
    assert list(two.map(clean, [[partner]] * 9)) == [clean([partner])] * 9
    asked = "[name in __import__('sys').modules for name in ('transforms', 'apache_beam')]"
    assert set(map(tuple, two.map(eval, [asked] * 9))) == {(True, False)}


def test_a_failure_there_quotes_no_data(two: ProcessPool):
    with pytest.raises(ProcessError, match=r"^an unexpected ZeroDivisionError in <string>, line 1"):
        list(two.map(eval, ["'Иванов' and 1 / 0"]))
    with pytest.raises(ProcessError, match=r"^an unexpected ValueError in process_pool\.py, line"):
        list(two.map(math.sqrt, [-1]))
    assert list(two.map(abs, NUMBERS)) == list(map(abs, NUMBERS))


def test_an_error_of_ours_comes_as_it_is(two: ProcessPool):
    work = partial(
        companies._consolidate, run=Run("r", 1, "today"), is_first_attempt=True, priorities={}
    )
    draft_of = partial(draft, Ledger("sqlite://"), work)
    with pytest.raises(LedgerError, match=r"^the ledger failed: no such table: rows$"):
        list(two.map(draft_of, [["7805746764"]]))


def test_a_process_that_has_ended_is_told(two: ProcessPool):
    for pid in process_ids(two):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(
        ProcessError, match=r"has ended \(exit code -9\): is there too little memory"
    ):
        list(two.map(abs, NUMBERS))
    # The next run finds others in their place.
    assert list(two.map(abs, NUMBERS)) == list(map(abs, NUMBERS))


def test_ctrl_c_is_for_the_program(two: ProcessPool):
    for pid in process_ids(two):
        os.kill(pid, signal.SIGINT)
    assert list(two.map(abs, NUMBERS)) == list(map(abs, NUMBERS))


def test_secrets_stay_here(two: ProcessPool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SVOD_CRM", "https://portal/rest/1/code/")
    assert set(two.map(eval, ["'SVOD_CRM' in __import__('os').environ"] * 9)) == {False}


def test_nothing_runs_on_when_closed(two: ProcessPool):
    ids = process_ids(two)
    two.close()
    assert not any(map(running, ids))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_program(number: signal.Signals):
    program = (
        "from transforms.core.process_pool import ProcessPool\n"
        "import signal, time; pool = ProcessPool(2)\n"
        # Who starts the tests may have told all of them to ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "ids = list(pool.map(eval, ['__import__(\"os\").getpid()'] * 60))\n"
        "print(*set(ids[20:]), flush=True)\n"
        "list(pool.map(time.sleep, [0.2] * 1000))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
    ) as started:
        assert started.stdout is not None
        ids = list(map(int, started.stdout.readline().split()))
        assert any(map(running, ids))
        started.send_signal(number)
    deadline = time.monotonic() + 20
    while any(map(running, ids)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_usual_number_is_within_reason():
    assert 1 <= default_size() <= 8
