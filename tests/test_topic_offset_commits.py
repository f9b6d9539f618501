"""Offsets that could not be committed are later: with the next ones, or when nothing more comes."""

import time

import pytest
from confluent_kafka import KafkaError, KafkaException

from transforms.ledger.database import open_ledger
from transforms.stores.topic import offset_commits
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.offset_commits import OffsetCommits

AWAY = KafkaException(KafkaError(KafkaError.NOT_COORDINATOR))


class Group:
    """The brokers' state of the group; each failure is raised once, in the call that it is for."""

    def __init__(self):
        self.offsets, self.troubles = {0: 0, 1: 0}, []

    def committed(self, numbers):
        self._answer("committed")
        return {number: self.offsets[number] for number in numbers}

    def commit(self, offsets):
        self._answer("commit")
        self.offsets.update(offsets)

    def close(self):
        self.offsets = dict(self.offsets)

    def _answer(self, question):
        if question in self.troubles:
            self.troubles.remove(question)
            raise AWAY


@pytest.fixture
def group(monkeypatch):
    group = Group()
    monkeypatch.setattr(offset_commits, "TopicClient", lambda _: group)
    return group


@pytest.fixture
def commits_of(group, tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    opened = []

    def commits(**more):
        opened.append(OffsetCommits(ledger, 1, TopicAccess("127.0.0.1:1", "t", "g"), **more))
        return opened[-1]

    yield commits
    for one in opened:
        one.close()
    ledger.close()


@pytest.mark.parametrize("trouble", ["committed", "commit"])
def test_with_the_next_ones(group, commits_of, trouble):
    commits = commits_of()
    group.troubles = [trouble]
    assert commits.add_finished([(0, 0, 7), (1, 0, 3)]) == {}
    assert group.offsets == {0: 0, 1: 0}
    assert commits.add_finished([(0, 7, 9)]) == {0: 9, 1: 3}
    assert group.offsets == {0: 9, 1: 3}


@pytest.mark.parametrize("trouble", ["committed", "commit"])
def test_when_nothing_more_comes(group, commits_of, trouble, monkeypatch):
    monkeypatch.setattr(offset_commits, "_RETRY_DELAY", 0.01)
    commits = commits_of()
    group.troubles = [trouble] * 3
    assert commits.add_finished([(0, 0, 7)]) == {}
    deadline = time.monotonic() + 30
    while group.offsets[0] != 7:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_not_when_another_reader_has_begun(group, commits_of):
    commits = commits_of(may_commit=lambda _: False)
    assert commits.add_finished([(0, 0, 7)]) == {}
    assert group.offsets == {0: 0, 1: 0}


def test_not_after_the_end(group, commits_of, monkeypatch):
    monkeypatch.setattr(offset_commits, "_RETRY_DELAY", 0.05)
    commits = commits_of()
    group.troubles = ["commit"]
    commits.add_finished([(0, 0, 7)])
    commits.close()
    time.sleep(0.2)
    assert group.offsets == {0: 0, 1: 0}
