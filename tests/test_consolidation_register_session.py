"""One session of the register for all its users in a process."""

from typing import Any

import pytest

from transforms.consolidation import register_questions
from transforms.consolidation.register_questions import RegisterAccess, shared_session
from transforms.core.secrets import Secret

ACCESS = RegisterAccess("http://127.0.0.1:1", Secret("SVOD_REGISTER_TOKEN"), 1, 1)


class Client:
    """A client that is opened and closed."""

    events: list[str]

    def __init__(self, *_: Any, **__: Any) -> None:
        self.events.append("opened")

    def close(self) -> None:
        self.events.append("closed")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    events: list[str] = []
    monkeypatch.setattr(Client, "events", events, raising=False)
    monkeypatch.setattr(register_questions, "RegisterClient", Client)
    monkeypatch.setenv("SVOD_REGISTER_TOKEN", "none")
    return events


def test_the_first_user_opens_it_and_the_last_one_closes_it(events: list[str]) -> None:
    first, second = shared_session(ACCESS), shared_session(ACCESS)
    with second as session:
        with first as same_session:
            assert same_session is session
        assert events == ["opened"]
    assert events == ["opened", "closed"]


def test_a_user_that_leaves_first_takes_it_from_nobody(events: list[str]) -> None:
    first, second = shared_session(ACCESS), shared_session(ACCESS)
    session = first.__enter__()
    with second as same_session:
        first.__exit__(None, None, None)
        assert same_session is session
        assert events == ["opened"]
    assert events == ["opened", "closed"]


def test_it_is_closed_when_a_user_fails(events: list[str]) -> None:
    with pytest.raises(RuntimeError), shared_session(ACCESS):
        raise RuntimeError
    assert events == ["opened", "closed"]
    with shared_session(ACCESS):
        assert events[2:] == ["opened"]
