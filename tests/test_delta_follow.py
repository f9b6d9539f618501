"""``svod delta --follow``: it follows the stores, lives through their outages, and ends well."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest

from tests.installation import PACE, party, tin

PATIENCE = 60
LATER = "2024-05-01 12:00:00"
TINS = [tin(number) for number in range(1, 8)]


@pytest.fixture
def loaded(place):
    place.know(party(inn, f"ФИРМА {inn}") for inn in TINS)
    place.company(1, TINS[0])
    place.contact(1, 1)
    assert place.full(sources=["store_a"]).code == 0
    return place


@contextmanager
def following(place, *options):
    """``svod delta --follow`` as a process, with the lines that it has printed so far."""
    process = place.start("delta", "--follow", "--poll=0.2", *PACE, *options)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr))
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait(PATIENCE)
        reader.join(PATIENCE)
        process.stdout.close()
        process.stderr.close()


def until(truth, process):
    deadline = time.monotonic() + PATIENCE
    while not truth():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_changes_come_one_after_the_other_and_sigterm_ends_it_well(loaded):
    with following(loaded) as (process, lines):
        for number, inn in enumerate(TINS[1:4], 2):
            loaded.company(number, inn, updated_at=LATER)
            until(lambda inn=inn: inn in loaded.titles(), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert lines[0] == "Follows the stores until SIGTERM or Ctrl-C.\n"
    assert lines[-1] == "Stopped; all that was read is done.\n"
    assert "1 companies created" in lines[1]
    assert set(loaded.rows("SELECT command, status, settled FROM runs WHERE run_seq > 1")) == {
        ("delta --follow", "done", 1)
    }
    assert loaded.portal.stats.violations == {}
