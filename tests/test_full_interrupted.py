"""A run may end at any moment, by any means: the next one goes on, and nothing is doubled."""

import itertools
import random
import signal
import threading
import time
from contextlib import closing, contextmanager, suppress
from sqlite3 import OperationalError, connect

import pytest

from sandbox.world.world import World
from tests.helpers.expected_crm import differences
from tests.helpers.installation import party, tin

PATIENCE = 60


def goes_on(place, stage="read"):
    """Whether a run has come to that stage."""
    with (
        suppress(OperationalError),
        closing(connect(f"file:{place.folder / 'svod.db'}?mode=ro", uri=True)) as ledger,
    ):
        query = (
            "SELECT count(*) FROM progress JOIN runs USING (run_id) WHERE stage = ? AND status = ?"
        )
        return bool(ledger.execute(query, (stage, "running")).fetchone()[0])
    return False


def until(truth, process):
    deadline = time.monotonic() + PATIENCE
    while not truth():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def started(place):
    """``svod full`` as a process, which ends with the block."""
    process = place.start(*place.full_arguments())
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def killed_at_request(place, number, moment):
    """Run, and kill it at one of its requests: before the portal has worked, or after."""
    seen = itertools.count(1)
    with started(place) as process:

        def strike(call):
            if call.moment == moment and next(seen) == number:
                process.kill()
                raise ConnectionError

        place.portal.on_request(strike)
        process.wait(PATIENCE)
        place.portal.on_request(None)
    assert process.returncode == -signal.SIGKILL


def test_killed_again_and_again(place):
    world = World(3, 0.002)
    place.fill(world)
    for stage in ("remember", "companies"):
        with started(place) as process:
            until(lambda stage=stage: goes_on(place, stage), process)
    chance = random.Random(17)
    for moment in ("after", "before", "after"):
        # The first three ask whether the portal is fit.
        killed_at_request(place, chance.randrange(4, 12), moment)
    ended = place.full()
    assert ended.code == 0, ended
    assert differences(world, place.ledger, place.portal) == []
    assert dict(place.rows("SELECT status, count(*) FROM runs GROUP BY status")) == {
        "interrupted": 5,
        "done": 1,
    }


@pytest.fixture
def slow(place):
    """An installation whose portal takes its time, so that its runs can be met in the middle."""
    place.know(party(tin(number), f"ФИРМА {number}") for number in range(1, 100))
    for number in range(1, 100):
        place.company(number, tin(number))
        place.contact(number, number)
    place.export()
    go_on = threading.Event()
    seen = itertools.count()

    def wait(_):
        if next(seen) > 12:
            go_on.wait(PATIENCE)

    place.portal.on_request(wait)
    yield place, go_on
    go_on.set()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
)
def test_a_signal_ends_it_and_the_next_run_completes(slow, number, code):
    place, go_on = slow
    with started(place) as process:
        until(lambda: goes_on(place, "load companies"), process)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (code, "")
    assert err.splitlines()[-1] == (
        "svod: interrupted; nothing is lost, the next run goes on from here"
    )
    assert "Traceback" not in err
    assert place.rows("SELECT status FROM runs") == [("interrupted",)]
    go_on.set()
    assert place.full().code == 0
    assert sorted(place.titles()) == [tin(number) for number in range(1, 100)]
    assert len(place.people()) == 99
    assert place.portal.stats.violations == {}


def test_of_two_runs_at_once_the_second_ends(slow):
    place, go_on = slow
    with started(place) as process:
        until(lambda: goes_on(place, "load companies"), process)
        place.portal.on_request(None)
        second = place.full()
        assert second.code == 1
        assert second.out == ""
        assert second.err == (
            "svod: another run is going on with this ledger: wait for its end (svod status shows"
            " how far it is)\n"
        )
        assert "load companies" in place.svod("status").out
        go_on.set()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert len(place.titles()) == 99
    assert place.rows("SELECT status FROM runs") == [("done",)]
