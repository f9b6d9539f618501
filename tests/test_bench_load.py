"""``bench.load``: its clock leaps over waits, and each way loads the right records."""

import threading
import time
from contextlib import closing

import pytest

from bench.load import main, measure, ours
from bench.load_clock import LeapingClock
from bench.load_rivals import with_one_call_a_record
from bench.load_world import records_of


def test_clock_leaps_to_who_is_due_next() -> None:
    woken: list[tuple[str, float]] = []

    def wait(clock: LeapingClock, name: str, seconds: float) -> None:
        began = clock.now()
        clock.sleep(seconds)
        woken.append((name, clock.now() - began))

    began = time.monotonic()
    with closing(LeapingClock()) as clock:
        waits = {"day": 86_400.0, "hour": 3600.0, "minute": 60.0}
        threads = [threading.Thread(target=wait, args=(clock, *item)) for item in waits.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = time.monotonic() - began
    assert [name for name, _ in woken] == ["minute", "hour", "day"]
    for name, seconds in woken:
        assert waits[name] <= seconds <= waits[name] + took
    assert took < 3600


def test_clock_runs_as_the_walls_while_nobody_waits_for_it() -> None:
    with closing(LeapingClock()) as clock:
        before = time.monotonic(), clock.now()
        time.sleep(0.2)
        after = time.monotonic(), clock.now()
    assert after[1] - before[1] == pytest.approx(after[0] - before[0], abs=0.05)


def test_ours_takes_less_of_the_portals_time_than_one_call_a_record() -> None:
    records = records_of(0.0005)
    ways = {"ours": ours, "one call": with_one_call_a_record}
    results = [measure(name, way, records, 480.0, ()) for name, way in ways.items()]
    assert [result.wrong for result in results] == [0, 0]
    assert results[0].refused == 0
    assert results[0].hours < results[1].hours
    assert results[0].requests < results[1].requests


def test_only_an_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "yours"])
    assert ended.value.code == 2
    assert "'yours'" in capsys.readouterr().err
