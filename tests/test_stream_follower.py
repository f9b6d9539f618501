"""Following by an engine's job that stops bringing anything."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.follow import stream_and_polls
from pipeline.follow.stream_and_polls import StreamFollower
from pipeline.options import Options
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.runs import finish_run, start_run


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


class Job:
    """A job that the engine keeps for ever."""

    def __init__(self, *_: Any) -> None:
        self.trouble, self.starts, self.is_running = "", 0, False

    def start(self) -> None:
        self.starts, self.is_running = self.starts + 1, True

    def give_up(self, trouble: str) -> None:
        self.trouble, self.is_running = trouble, False


class Followed:
    """A follower of such a job, with that many events to be done."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, events: int) -> None:
        self.job, self.reasons, self._now = Job(), list[str](), 0.0
        monkeypatch.setattr(stream_and_polls, "StreamJob", lambda *_: self.job)
        monkeypatch.setattr(stream_and_polls.time, "monotonic", lambda: self._now)
        lag: Any = SimpleNamespace(events=events, measure=lambda: events)
        teller: Any = SimpleNamespace(failed=lambda reason, pause: self.reasons.append(reason))
        self._follower = StreamFollower(ledger, Options(), lag, teller)
        monkeypatch.setattr(self._follower._polls, "poll", lambda: None)

    def look(self, after: float) -> None:
        """After so many seconds; twice, for what one look finds another one does."""
        self._now += after
        for _ in range(2):
            self._follower.poll()


def test_a_job_that_brings_nothing_of_what_there_is_begins_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = Followed(ledger, monkeypatch, events=5)
    followed.look(0)
    followed.look(200)
    # A run goes on, however long it takes: the CRM has limits.
    run = start_run(ledger, "delta --follow")
    followed.look(1000)
    finish_run(ledger, run, "failed", None)
    followed.look(1)
    followed.look(200)
    assert (followed.job.starts, followed.reasons) == (1, [])
    followed.look(200)
    assert followed.reasons == ["the engine brings nothing of the topic any more: it begins anew"]
    followed.look(10)
    assert (followed.job.starts, len(followed.reasons)) == (2, 1)


def test_a_job_without_anything_to_do_is_running(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = Followed(ledger, monkeypatch, events=0)
    for _ in range(3):
        followed.look(1000)
    assert (followed.job.starts, followed.reasons) == (1, [])
