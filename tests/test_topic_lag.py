"""The lag of the topic, in events and seconds: a group that keeps up is never far behind."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipeline import topic_lag
from pipeline.topic_lag import Lag
from transforms.core.errors import StoreError
from transforms.stores.topic.client import TopicAccess


@pytest.fixture
def clock(monkeypatch):
    """Seconds, as the module sees them pass."""
    now = [1000.0]
    monkeypatch.setattr(topic_lag.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lag(clock, monkeypatch):
    made = Lag(TopicAccess("127.0.0.1:9", "t", "g"))
    yield made
    made.close()


def lag_after(lag, monkeypatch, offsets):
    monkeypatch.setattr(lag, "_offsets", lambda: offsets)
    return lag.measure()


def test_a_group_that_keeps_up_is_as_late_as_its_last_window(lag, clock, monkeypatch):
    done = 0
    for end in range(10, 100, 10):
        assert lag_after(lag, monkeypatch, {0: (done, end), 1: (5, 5)}) == end - done
        assert lag.seconds == 0
        # A window does all that was there, and more comes meanwhile.
        done = end
        clock[0] += 2
        assert lag.seconds == 2
    assert lag_after(lag, monkeypatch, {0: (90, 90), 1: (5, 5)}) == 0
    assert (lag.seconds, lag.events) == (0.0, {0: 0, 1: 0})


def test_what_is_not_done_gets_older(lag, clock, monkeypatch):
    for end in (10, 20, 30):
        lag_after(lag, monkeypatch, {0: (0, end)})
        clock[0] += 60
    assert lag.seconds == 180
    lag_after(lag, monkeypatch, {0: (10, 30)})
    assert lag.seconds == 120
    lag_after(lag, monkeypatch, {0: (19, 30), 1: (0, 1)})
    assert lag.seconds == 120
    lag_after(lag, monkeypatch, {0: (30, 30), 1: (0, 1)})
    assert lag.seconds == 0
    clock[0] += 1
    # The topic was deleted and made anew.
    lag_after(lag, monkeypatch, {0: (0, 3), 1: (1, 1)})
    assert lag.seconds == 0


def test_who_asks_later_sees_what_came_meanwhile(lag, clock, monkeypatch):
    lag_after(lag, monkeypatch, {0: (0, 1)})
    monkeypatch.setattr(lag, "_offsets", lambda: {0: (0, 7)})
    clock[0] += 1
    lag.refresh()
    assert lag.events == {0: 1}
    clock[0] += 5
    lag.refresh()
    assert (lag.events, lag.seconds) == ({0: 7}, 6)


def test_brokers_that_are_away_leave_what_is_known(lag, clock, monkeypatch):
    lag_after(lag, monkeypatch, {0: (0, 1)})

    def away():
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(lag, "_offsets", away)
    clock[0] += 9
    lag.refresh()
    assert (lag.events, lag.seconds) == ({0: 1}, 9)
    with pytest.raises(StoreError):
        lag.measure()
    lag.close()
    clock[0] += 9
    lag.refresh()
