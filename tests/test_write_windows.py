"""The stream's one writer: it insists, and writes only while its stream is the newest."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.errors import StoreError
from transforms.core.secrets import Secret
from transforms.ledger.database import open_ledger
from transforms.ledger.streams import begin_stream
from transforms.stores.topic.client import TopicAccess
from transforms.topic import write_windows
from transforms.topic.stream_watch import Stream

REGISTER = RegisterAccess("http://127.0.0.1:1", Secret("SVOD_REGISTER_TOKEN"), 1, 1)
NOWHERE = TopicAccess("127.0.0.1:1", "t", "g")


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/svod.db"
    monkeypatch.setenv("SVOD_LEDGER", url)
    monkeypatch.setenv("SVOD_REGISTER_TOKEN", "none")
    monkeypatch.setattr(write_windows, "_SHORTEST", 0.01)
    opened = open_ledger(url)
    yield opened
    opened.close()


class Writer:
    """A writer's bundles; what becomes of them is noted instead of done."""

    def __init__(self, number, outcomes):
        self._outcomes = list(outcomes)
        self.conducted, self.committed = 0, []
        stream = Stream(Secret("SVOD_LEDGER"), number)
        self._fn = write_windows._WriteFn(stream, NOWHERE, REGISTER, None, self._conduct, 1)
        self._fn.setup()
        self._fn._commits.done = self.committed.extend

    def _conduct(self, ledger, work):
        self.conducted += 1
        if error := self._outcomes.pop(0):
            raise error

    def bundle(self, *windows):
        self._fn.start_bundle()
        for positions in windows:
            self._fn.process((0, {"rows": [], "broken": [], "positions": positions}))
        self._fn.finish_bundle()

    def close(self):
        self._fn.teardown()


def test_windows_that_come_at_once_are_done_at_once_and_then_committed(ledger):
    writer = Writer(begin_stream(ledger), [None])
    writer.bundle([(0, 0, 5)], [(0, 5, 7), (1, 0, 1)])
    writer.bundle()
    assert writer.conducted == 1
    assert writer.committed == [(0, 0, 5), (0, 5, 7), (1, 0, 1)]
    writer.close()


def test_a_window_is_tried_again_and_committed_only_when_it_is_done(ledger, caplog):
    trouble = StoreError("somebody's secret")
    writer = Writer(begin_stream(ledger), [trouble, trouble, None])
    writer.bundle([(0, 0, 5)])
    assert writer.conducted == 3
    assert writer.committed == [(0, 0, 5)]
    assert "secret" not in caplog.text
    writer.close()


def test_bundles_that_wait_for_the_writer_are_written_together(ledger):
    number = begin_stream(ledger)
    first, others = Writer(number, [None, None]), [Writer(number, []) for _ in range(3)]
    begun, may_end = threading.Event(), threading.Event()

    def conduct(ledger, work):
        first.conducted += 1
        begun.set()
        assert may_end.wait(20)

    for writer in (first, *others):
        writer._fn._conduct = conduct
        writer._fn._commits.done = first.committed.extend
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(first.bundle, [(0, 0, 5)])]
        assert begun.wait(20)
        ends += [pool.submit(writer.bundle, [(1, at, at + 1)]) for at, writer in enumerate(others)]
        waiting = write_windows._brought(first._fn._stream)
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
    for writer in (first, *others):
        writer.close()


def test_another_stream_takes_over(ledger):
    writer = Writer(begin_stream(ledger), [])
    begin_stream(ledger)
    writer.bundle([(0, 0, 5)])
    assert writer.conducted == 0
    assert writer.committed == []
    writer.close()
