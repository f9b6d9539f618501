"""The watermark that partitions of one process share: nothing that is given out is ever late."""

from hypothesis import given
from hypothesis import strategies as st

from transforms.core.secrets import Secret
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.watermark import StreamWatermark
from transforms.topic.stream_watch import Stream
from transforms.topic.unbounded import _FollowFn

STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=90)


@given(STEPS)
def test_nothing_is_late_where_the_last_report_is_the_watermark(steps):
    """As on Prism: what a step gives out comes to the runner with its report, some time later."""
    clock = StreamWatermark()
    watermark, floors, begun, ended = 0, {}, {}, {}
    for number, moment in steps:
        if number in ended:
            floor, floors[number] = ended.pop(number)
            assert floor >= watermark, "what was given out is late"
            watermark = max(watermark, floors[number])
        elif number in begun:
            floor = begun.pop(number)
            report = clock.end_step(number, max(floor, moment))
            assert report >= floors.get(number, 0)
            ended[number] = floor, report
        else:
            begun[number] = clock.begin_step(number, floors.get(number, 0))


def test_the_slowest_partition_holds_the_others():
    clock = StreamWatermark()
    assert [clock.begin_step(0, 5), clock.end_step(0, 100)] == [5, 100]
    # What the first one has given out since 5 may still be on its way.
    assert [clock.begin_step(1, 7), clock.end_step(1, 120)] == [100, 5]
    assert [clock.begin_step(0, 100), clock.end_step(0, 130)] == [100, 100]


def test_all_go_on_when_all_have_come_further():
    clock = StreamWatermark()
    clock.begin_step(0, 10)
    clock.begin_step(1, 10)
    assert clock.end_step(0, 50) == 10
    assert clock.end_step(1, 60) == 10
    assert clock.begin_step(0, 10) == 50
    assert clock.end_step(0, 70) == 10
    assert clock.begin_step(1, 10) == 60
    assert clock.end_step(1, 60) == 50


def test_a_reader_that_an_engine_lets_go_takes_no_time_from_the_others(monkeypatch, tmp_path):
    monkeypatch.setenv("SVOD_LEDGER", f"sqlite:///{tmp_path}/ledger.db")
    access = TopicAccess("127.0.0.1:1", "let go", "g")
    idle = _FollowFn(access, Stream(Secret("SVOD_LEDGER"), 1))
    idle.setup()
    # Another one is in the midst of a step, and will give out what is as old as 10.
    StreamWatermark.of(access, 1).begin_step(0, 10)
    idle.teardown()
    StreamWatermark.of(access, 1).begin_step(1, 10)
    assert StreamWatermark.of(access, 1).end_step(1, 50) == 10


def test_another_stream_has_another_time():
    access = TopicAccess("127.0.0.1:1", "two streams", "g")
    first = StreamWatermark.of(access, 1)
    first.begin_step(0, 10)
    second = StreamWatermark.of(access, 2)
    assert second.end_step(1, 50) == 50
    assert StreamWatermark.of(access, 2) is second
    # Nobody asks for the first one's any more.
    assert StreamWatermark.of(access, 1) is not first
