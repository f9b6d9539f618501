"""The register's limits, on a clock that the test turns."""

import random
from itertools import pairwise

import pytest

from transforms.register.limiter import DailyBudget, RequestSpacing, SlidingWindow

DAY = 86_400.0
# 2026-11-22 00:00 in Moscow.
MIDNIGHT = 1_795_294_800.0


class Clock:
    """Time that passes only when a caller sleeps, and oversleeps by up to ``late`` seconds."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 1000.0
        self._late = late
        self._random = random.Random(7)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self._random.uniform(0, self._late)


def most_in(passes: list[float], seconds: float) -> int:
    """The most passes that any half-open window of that many seconds holds."""
    return max(sum(start <= moment < start + seconds for moment in passes) for start in passes)


@pytest.mark.parametrize("rate", [1, 2, 7, 30, 100])
@pytest.mark.parametrize("late", [0.0, 0.002, 0.05, 0.5])
def test_no_second_sees_more_than_the_rate(rate: int, late: float):
    clock = Clock(late)
    pace = RequestSpacing(rate, clock, clock.sleep)
    chance = random.Random(rate)
    passes = []
    for _ in range(20 * rate):
        if chance.random() < 0.05:
            clock.now += chance.expovariate(1.0)
        pace.wait()
        passes.append(clock.now)
    # What the server sees is shaken by 20 ms on the way.
    arrivals = sorted(moment + chance.uniform(0, 0.0199) for moment in passes)
    assert most_in(arrivals, 1.0) <= rate


@pytest.mark.parametrize("late", [0.0, 0.005])
def test_the_rate_is_nearly_used_up(late: float):
    clock = Clock(late)
    pace = RequestSpacing(30, clock, clock.sleep)
    started = clock.now
    for _ in range(3000):
        pace.wait()
    assert 29.0 < 3000 / (clock.now - started) < 30.0


def test_a_rate_below_one_is_a_question_every_few_seconds():
    clock = Clock()
    pace = RequestSpacing(0.5, clock, clock.sleep)
    passes = []
    for _ in range(5):
        pace.wait()
        passes.append(clock.now)
    assert all(later - earlier > 2.0 for earlier, later in pairwise(passes))


def test_too_fast_holds_everybody_once():
    clock = Clock()
    pace = RequestSpacing(30, clock, clock.sleep)
    pace.wait()
    pace.hold(2.0)
    pace.hold(1.0)
    pace.wait()
    assert clock.now == 1002.0


def test_connections_come_at_once_up_to_the_limit_of_the_minute():
    clock = Clock()
    window = SlidingWindow(3, 60.0, clock, clock.sleep)
    passes = []
    for _ in range(7):
        window.wait()
        passes.append(clock.now)
    assert passes == [1000.0, 1000.0, 1000.0, 1060.0, 1060.0, 1060.0, 1120.0]


def test_a_day_has_its_questions_and_the_next_day_new_ones():
    clock = Clock()
    clock.now = MIDNIGHT - 1.0
    budget = DailyBudget(2, clock=clock)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    assert (budget.today, budget.remaining) == (("2026-11-21", 2), 0)
    clock.now = MIDNIGHT
    assert (budget.today, budget.remaining) == (("2026-11-22", 0), 2)
    assert budget.take()


@pytest.mark.parametrize(("day", "left"), [("2026-11-22", 3), ("2026-11-21", 10), ("", 10)])
def test_an_earlier_run_of_the_same_day_counts(day: str, left: int):
    clock = Clock()
    clock.now = MIDNIGHT
    assert DailyBudget(10, day, 7, clock).remaining == left


def test_a_smaller_budget_than_was_asked_leaves_nothing():
    clock = Clock()
    clock.now = MIDNIGHT
    budget = DailyBudget(5, "2026-11-22", 7, clock)
    assert (budget.remaining, budget.take()) == (0, False)


def test_a_quota_that_is_gone_comes_back_at_midnight():
    clock = Clock()
    clock.now = MIDNIGHT
    budget = DailyBudget(10, clock=clock)
    budget.exhaust()
    assert (budget.take(), budget.remaining, budget.today) == (False, 0, ("2026-11-22", 0))
    clock.now += DAY
    assert (budget.take(), budget.remaining) == (True, 9)
