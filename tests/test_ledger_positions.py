"""Which offsets may be committed, when windows come to their end in any order."""

from itertools import permutations

import pytest

from transforms.ledger.positions import advance
from transforms.ledger.runs import start_run


def ready(ledger, run, done, committed, topic="t"):
    return ledger.transact(
        lambda connection: advance(connection, run.run_seq, topic, done, committed)
    )


@pytest.mark.parametrize("order", [*permutations([(0, 4), (4, 5), (5, 9)])])
def test_an_offset_is_ready_when_all_before_it_are(ledger, order):
    run, committed, done = start_run(ledger, "delta"), 0, []
    for start, stop in order:
        done.append((start, stop))
        told = ready(ledger, run, [(2, start, stop)], {2: committed})
        reached = committed
        while following := [b for a, b in done if a == reached]:
            [reached] = following
        assert told == ({2: reached} if reached > committed else {})
        committed = reached
    assert committed == 9


def test_what_could_not_be_committed_goes_with_the_next(ledger):
    run = start_run(ledger, "delta")
    assert ready(ledger, run, [(0, 0, 5)], {0: 0}) == {0: 5}
    assert ready(ledger, run, [(0, 5, 8)], {0: 0}) == {0: 8}
    assert ready(ledger, run, [(0, 5, 8)], {0: 8}) == {}


def test_partitions_and_topics_do_not_mix(ledger):
    run = start_run(ledger, "delta")
    assert ready(ledger, run, [(0, 5, 8), (1, 0, 3)], {0: 0, 1: 0}) == {1: 3}
    assert ready(ledger, run, [(0, 0, 5)], {0: 0}, "other") == {0: 5}
    assert ready(ledger, run, [(0, 0, 5)], {0: 0}) == {0: 8}


def test_what_another_run_did_is_no_proof(ledger):
    first = start_run(ledger, "delta")
    assert ready(ledger, first, [(0, 5, 8)], {0: 0}) == {}
    second = start_run(ledger, "delta")
    assert ready(ledger, second, [(0, 0, 5)], {0: 0}) == {0: 5}
