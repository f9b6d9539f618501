"""One stream at a time: the newest may write, and ends when it is asked to."""

import threading

import pytest

from transforms.core.secrets import Secret
from transforms.ledger.lock import exclusive, wait_for_exclusive
from transforms.ledger.runs import finish_run, last_run_seq, remark, runs_ended_since, start_run
from transforms.ledger.streams import begin_stream, current_stream, end_stream, mark_stream_ended
from transforms.topic.stream_watch import Stream, StreamWatch

PATIENCE = 30


@pytest.fixture(autouse=True)
def ledger_of_workers(ledger_url, monkeypatch):
    """What a watch opens."""
    monkeypatch.setenv("SVOD_LEDGER", ledger_url)


def is_over(number):
    watch = StreamWatch(Stream(Secret("SVOD_LEDGER"), number))
    try:
        return watch.is_over
    finally:
        watch.close()


def now(ledger):
    with ledger.read() as connection:
        return current_stream(connection)


def test_the_newest_goes_on_until_it_is_told_to_end(ledger):
    assert now(ledger) == (0, False, False)
    first = begin_stream(ledger)
    second = begin_stream(ledger)
    assert 0 > first > second
    assert now(ledger) == (second, False, False)
    assert is_over(first)
    end_stream(ledger, first)
    assert not is_over(second)
    end_stream(ledger, second)
    assert now(ledger) == (second, True, False)
    assert is_over(second)
    mark_stream_ended(ledger, first)
    mark_stream_ended(ledger, second)
    assert now(ledger) == (second, True, True)
    assert not is_over(begin_stream(ledger))


def test_a_ledger_that_is_away_ends_nothing(ledger):
    watch = StreamWatch(Stream(Secret("SVOD_LEDGER"), begin_stream(ledger)))
    with ledger.write() as connection:
        connection.exec_driver_sql("ALTER TABLE streams RENAME TO elsewhere")
    assert not watch.is_over
    watch.close()


def test_who_waits_for_the_lock_gets_it(ledger):
    got = threading.Event()

    def wait():
        with wait_for_exclusive(ledger):
            got.set()

    waiting = threading.Thread(target=wait)
    with exclusive(ledger):
        waiting.start()
        assert not got.wait(0.2)
    assert got.wait(PATIENCE)
    waiting.join()


def test_runs_are_told_once_they_have_ended(ledger):
    start_run(ledger, "full")
    with ledger.read() as connection:
        before = last_run_seq(connection)
    good, bad = start_run(ledger, "x"), start_run(ledger, "x")
    finish_run(ledger, good, "done", {"a": 1})
    start_run(ledger, "other")
    remark(ledger, bad, "away")
    finish_run(ledger, bad, "failed", None)
    start_run(ledger, "x")
    with ledger.read() as connection:
        found = [(one.summary, one.remarks) for one in runs_ended_since(connection, "x", before)]
    assert found == [({"a": 1}, []), (None, ["away"])]
