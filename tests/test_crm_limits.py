"""The pace: never over the portal's limits, and close to them, by a clock of the tests' own."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Iterator

import pytest

from transforms.crm.limits.operating_time import Spent
from transforms.crm.limits.request_rate import Limits, MethodBudget, Usage


class Clock:
    """A clock that only moves when a caller sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limits_of(clock: Clock, **settings: float) -> Limits:
    return Limits(**settings, clock=clock, sleep=clock.sleep)


def spend(limits: Limits, method: str, *spent: Spent, **usage: object) -> None:
    """One request, answered at once."""
    permit = limits.acquire({method: 1})
    limits.release(permit, Usage(spent=list(spent), **usage))


class TestRequests:
    def test_burst_goes_at_once_and_the_rest_at_the_rate(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=2, burst=50)
        for _ in range(48):
            spend(limits, "a")
        assert clock.slept == 0
        for _ in range(20):
            spend(limits, "a")
        assert clock.slept == pytest.approx(10 / 0.98)
        assert limits.budget().level == pytest.approx(48)

    def test_a_request_on_its_way_does_not_drain(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=2, burst=4)
        permit = limits.acquire({"a": 1})
        clock.sleep(80)
        assert limits.budget().level == 1
        limits.release(permit, Usage())
        assert limits.budget().level == 1
        clock.sleep(0.25)
        assert limits.budget().level == pytest.approx(1 - 0.5 * 0.98)

    def test_what_never_arrived_is_not_counted(self, clock: Clock) -> None:
        limits = limits_of(clock)
        spend(limits, "a", arrived=False)
        assert limits.budget().level == 0
        assert limits.statistics.requests == 0

    def test_refusals_are_waited_out_ever_longer(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=100, burst=10)
        waits = []
        for _ in range(9):
            before = clock.slept
            spend(limits, "a", over_rate=True)
            waits.append(round(clock.slept - before))
        assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
        spend(limits, "a")
        spend(limits, "a", over_rate=True)
        before = clock.slept
        spend(limits, "a")
        assert round(clock.slept - before) == 1

    def test_requests_refused_together_are_one_refusal(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=100, burst=10)
        permits = [limits.acquire({"a": 1}) for _ in range(5)]
        for permit in permits:
            limits.release(permit, Usage(over_rate=True))
        limits.acquire({"a": 1})
        assert round(clock.slept) == 1

    def test_statistics_and_callback(self, clock: Clock) -> None:
        reports = []
        limits = Limits(rate=2, burst=3, clock=clock, sleep=clock.sleep)
        limits.on_request = lambda *numbers: reports.append(numbers)
        spend(limits, "a")
        spend(limits, "a", over_operating=frozenset({"b"}))
        spend(limits, "a", arrived=False)
        assert reports == [(1, 0, 0), (1, 1, 510), (0, 0, 510)]
        statistics = limits.statistics
        assert (statistics.requests, statistics.refused, statistics.seconds_waited) == (
            2,
            1,
            pytest.approx(1 / 0.98),
        )


class TestOperatingTime:
    def test_waits_before_the_next_call_would_cross_the_limit(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=1000, operating=480)
        for _ in range(47):
            spend(limits, "a", Spent("a", 10))
        assert clock.slept == 0
        spend(limits, "a", Spent("a", 10))
        assert clock.slept == pytest.approx(600)
        assert limits.budget().methods["a"].spent == 10

    def test_other_methods_go_on(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=1000, operating=480)
        spend(limits, "a", Spent("a", 480))
        spend(limits, "b", Spent("b", 1))
        assert clock.slept == 0

    def test_what_is_on_its_way_is_set_aside(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=1000, operating=100)
        spend(limits, "a", Spent("a", 20))
        permits = [limits.try_acquire({"a": 1}) for _ in range(3)]
        assert not any(isinstance(permit, float) for permit in permits)
        assert limits.try_acquire({"a": 1}) == 600

    def test_a_batch_counts_each_command(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=1000, operating=100)
        spend(limits, "a", Spent("a", 2))
        assert not isinstance(limits.try_acquire({"batch": 1, "a": 48}), float)
        assert isinstance(limits.try_acquire({"batch": 1, "a": 1}), float)

    def test_a_call_dearer_than_the_limit_goes_alone(self, clock: Clock) -> None:
        limits = limits_of(clock, rate=1000, operating=10)
        for _ in range(3):
            spend(limits, "a", Spent("a", 30))
        assert clock.slept == pytest.approx(1200)

    def test_the_portals_sum_corrects_ours(self, clock: Clock) -> None:
        limits = limits_of(clock, operating=480)
        spend(limits, "a", Spent("a", 1, operating=300))
        assert limits.budget().methods["a"] == MethodBudget(300, 480, 1)
        spend(limits, "a", Spent("a", 1, operating=20))
        assert limits.budget().methods["a"].spent == pytest.approx(20)

    def test_an_old_sum_does_not_hide_later_calls(self, clock: Clock) -> None:
        limits = limits_of(clock, operating=480)
        first, second = limits.acquire({"a": 1}), limits.acquire({"a": 1})
        limits.release(second, Usage(spent=[Spent("a", 5, operating=15)]))
        limits.release(first, Usage(spent=[Spent("a", 10, operating=10)]))
        assert limits.budget().methods["a"].spent == pytest.approx(15)

    def test_guessed_costs_count_and_teach_nothing(self, clock: Clock) -> None:
        limits = limits_of(clock, operating=480)
        spend(limits, "a", Spent("a", 4))
        spend(limits, "a", Spent("a", 0, guessed=True))
        spend(limits, "a", Spent("a", 60, guessed=True))
        assert limits.budget().methods["a"] == MethodBudget(68, 480, 4)

    def test_the_expected_cost_follows_what_calls_cost(self, clock: Clock) -> None:
        limits = limits_of(clock, operating=480)
        spend(limits, "a", Spent("a", 4))
        spend(limits, "a", Spent("a", 2))
        assert limits.budget().methods["a"].average == pytest.approx(3.8)

    @pytest.mark.parametrize(("named_wait", "waited"), [(230.0, 230.0), (None, 60.0), (9e9, 600.0)])
    def test_a_refused_method_waits_until_the_portal_frees_it(
        self, clock: Clock, named_wait: float | None, waited: float
    ) -> None:
        limits = limits_of(clock)
        spend(limits, "a", Spent("a", 1, reset_in=named_wait))
        spend(limits, "a", over_operating=frozenset({"a"}))
        spend(limits, "b")
        assert clock.slept == 0
        spend(limits, "a", Spent("a", 1))
        assert clock.slept == pytest.approx(waited)

    def test_after_a_refusal_one_call_tries_alone(self, clock: Clock) -> None:
        limits = limits_of(clock)
        spend(limits, "a", over_operating=frozenset({"a"}))
        probe = limits.acquire({"a": 1})
        assert limits.try_acquire({"a": 1}) == 1
        limits.release(probe, Usage(spent=[Spent("a", 1)]))
        assert not isinstance(limits.try_acquire({"a": 1}), float)


class Model:
    """A portal's limits: a leaky bucket, operating time in one-minute buckets."""

    def __init__(self, rate: float, burst: float, operating: float, aligned: bool) -> None:
        self.rate, self.burst, self.operating, self.aligned = rate, burst, operating, aligned
        self.level, self.seen = 0.0, 0.0
        self.buckets: deque[list[float]] = deque()
        self.taken = self.over_rate = self.over_operating = 0
        self.worked = 0.0

    def take(self, now: float) -> None:
        self.level = max(0.0, self.level - self.rate * (now - self.seen))
        self.seen = now
        self.over_rate += self.level + 1 > self.burst
        self.level += 1
        self.taken += 1

    def work(self, now: float, cost: float) -> Spent:
        while self.buckets and self.buckets[0][0] + 600 <= now:
            self.buckets.popleft()
        self.over_operating += sum(spent for _, spent in self.buckets) > self.operating
        if not self.buckets or now - self.buckets[-1][0] >= 60:
            self.buckets.append([now - now % 60 if self.aligned else now, 0.0])
        self.buckets[-1][1] += cost
        self.worked += cost
        operating = sum(spent for _, spent in self.buckets)
        return Spent("a", cost, operating, self.buckets[0][0] + 600 - now)


def simulate(
    limits: Limits,
    clock: Clock,
    model: Model,
    *,
    workers: int,
    commands: int,
    costs: Iterator[float],
    seconds: float,
    tells_operating: bool,
) -> None:
    """Several workers, each sending one request after the other, for a while."""
    chance, order = random.Random(1), itertools.count()
    calls = {"batch": 1, "a": commands}
    end = clock.now + seconds
    events = [(clock.now, next(order), "ask", None) for _ in range(workers)]

    def at(moment: float, what: str, about: object) -> None:
        heapq.heappush(events, (moment, next(order), what, about))

    while events[0][0] < end:
        clock.now, _, what, about = heapq.heappop(events)
        if what == "ask":
            answer = limits.try_acquire(calls)
            if isinstance(answer, float):
                at(clock.now + min(answer, 1), "ask", None)
            else:
                at(clock.now + chance.uniform(0.01, 0.8), "arrive", answer)
        elif what == "arrive":
            model.take(clock.now)
            work = list(itertools.islice(costs, commands))
            at(clock.now + sum(work), "done", (about, work))
        elif what == "done":
            permit, work = about
            spent = [model.work(clock.now, cost) for cost in work]
            if not tells_operating:
                spent = [Spent("a", cost.seconds) for cost in spent]
            at(clock.now + chance.uniform(0.01, 0.8), "answer", (permit, spent))
        else:
            permit, spent = about
            limits.release(permit, Usage(spent=spent))
            at(clock.now, "ask", None)


def costs_around(mean: float, seed: int) -> Iterator[float]:
    """Costs that differ much from call to call."""
    chance = random.Random(seed)
    while True:
        yield mean * chance.lognormvariate(-0.32, 0.8)


@pytest.mark.parametrize(
    ("tells_operating", "aligned"), [(True, False), (True, True), (False, True)]
)
@pytest.mark.parametrize(
    ("workers", "commands", "mean"),
    [(8, 1, 0.01), (16, 1, 0.05), (4, 50, 0.08), (8, 20, 0.05), (3, 5, 1.0)],
)
def test_never_over_a_limit_and_close_to_one(
    clock: Clock, workers: int, commands: int, mean: float, tells_operating: bool, aligned: bool
) -> None:
    clock.now, seconds = 0.0, 1800.0
    model = Model(2, 50, 480, aligned)
    simulate(
        limits_of(clock),
        clock,
        model,
        workers=workers,
        commands=commands,
        costs=costs_around(mean, seed=workers),
        seconds=seconds,
        tells_operating=tells_operating,
    )
    assert (model.over_rate, model.over_operating) == (0, 0)
    of_requests = model.taken / (50 + 2 * seconds)
    of_operating = model.worked / (480 * seconds / 600)
    assert max(of_requests, of_operating) >= 0.95
