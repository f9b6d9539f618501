"""The watermark that partitions of one process share: nothing that is given out is ever late."""

from hypothesis import given
from hypothesis import strategies as st

from transforms.stores.kafka_clock import TopicClock

STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60)


@given(STEPS)
def test_nothing_is_late_where_the_last_report_is_the_watermark(steps):
    """As on Prism: a step's report counts at once, what it gave out when its next step begins."""
    clock = TopicClock()
    watermark, own, given_out = 0, {}, {}
    for number, moment in steps:
        # What the partition gave out in its step before this one has arrived by now.
        floor = clock.begin(number, own.get(number, 0))
        given_out[number] = max(floor, moment)
        assert given_out[number] >= watermark
        told = clock.report(number, given_out[number])
        assert told >= own.get(number, 0)
        own[number], watermark = told, told
        others = [one for other, one in given_out.items() if other != number]
        assert all(one >= watermark for one in others)


def test_the_slowest_partition_holds_the_others():
    clock = TopicClock()
    assert [clock.begin(0, 5), clock.report(0, 100)] == [5, 100]
    assert [clock.begin(1, 7), clock.report(1, 20)] == [100, 100]


def test_all_go_on_when_all_have_come_further():
    clock = TopicClock()
    clock.begin(0, 10)
    clock.begin(1, 10)
    assert clock.report(0, 50) == 10
    assert clock.report(1, 60) == 10
    assert clock.begin(0, 10) == 50
    assert clock.report(0, 70) == 10
    assert clock.begin(1, 10) == 60
    assert clock.report(1, 60) == 50
