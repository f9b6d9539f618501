"""The stream's one writer: it insists, and writes only while its stream is the newest."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.core.errors import StoreError
from transforms.core.secrets import Secret
from transforms.ledger.database import open_ledger
from transforms.ledger.streams import begin_stream
from transforms.topic.stream_watch import Stream
from transforms.topic.window_writer import Window, WindowQueue, WindowWriter


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger(f"sqlite:///{tmp_path}/svod.db")
    yield opened
    opened.close()


class Writer:
    """A writer; what becomes of its windows is noted instead of done."""

    def __init__(self, ledger, number, outcomes, bring=None, commit=None):
        self._outcomes = list(outcomes)
        self.conducted, self.committed = 0, []
        self.stream = Stream(Secret("SVOD_LEDGER"), number)
        self._writer = WindowWriter(
            ledger,
            self.stream,
            bring or self._bring,
            commit or self.committed.extend,
            shortest_pause=0.01,
        )

    def _bring(self, window):
        self.conducted += 1
        if error := self._outcomes.pop(0):
            raise error

    def bundle(self, *windows):
        held = Window()
        for positions in windows:
            held.extend({"rows": [], "dead_letters": [], "positions": positions})
        self._writer.write(held)


def test_windows_that_come_at_once_are_done_at_once_and_then_committed(ledger):
    writer = Writer(ledger, begin_stream(ledger), [None])
    writer.bundle([(0, 0, 5)], [(0, 5, 7), (1, 0, 1)])
    writer.bundle()
    assert writer.conducted == 1
    assert writer.committed == [(0, 0, 5), (0, 5, 7), (1, 0, 1)]


def test_a_window_is_tried_again_and_committed_only_when_it_is_done(ledger, caplog):
    trouble = StoreError("somebody's secret")
    writer = Writer(ledger, begin_stream(ledger), [trouble, trouble, None])
    writer.bundle([(0, 0, 5)])
    assert writer.conducted == 3
    assert writer.committed == [(0, 0, 5)]
    assert "secret" not in caplog.text


def test_bundles_that_wait_for_the_writer_are_written_together(ledger):
    number = begin_stream(ledger)
    begun, may_end = threading.Event(), threading.Event()

    def bring(window):
        first.conducted += 1
        begun.set()
        assert may_end.wait(20)

    first = Writer(ledger, number, [], bring)
    others = [Writer(ledger, number, [], bring, first.committed.extend) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(first.bundle, [(0, 0, 5)])]
        assert begun.wait(20)
        ends += [pool.submit(writer.bundle, [(1, at, at + 1)]) for at, writer in enumerate(others)]
        waiting = WindowQueue.of(first.stream).windows
        while len(waiting) < 4:
            time.sleep(0.01)
        assert first.committed == []
        may_end.set()
        for end in ends:
            end.result(20)
    assert first.conducted == 2
    assert first.committed[0] == (0, 0, 5)
    assert sorted(first.committed[1:]) == [(1, 0, 1), (1, 1, 2), (1, 2, 3)]
    assert waiting == []


def test_another_stream_takes_over(ledger):
    writer = Writer(ledger, begin_stream(ledger), [])
    begin_stream(ledger)
    writer.bundle([(0, 0, 5)])
    assert writer.conducted == 0
    assert writer.committed == []
