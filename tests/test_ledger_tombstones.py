"""Deletions that do not say when they were, or of what kind, in any order with its versions."""

from itertools import permutations

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.ledger_runs import ACTIVE, company_row, contact_row
from tests.helpers.ledgers import empty
from transforms.core.records import NO_PARTITION, UNKNOWN_KIND, Row, message_order
from transforms.ledger import schema
from transforms.ledger.database import open_ledger
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.runs import start_run

FIRST = message_order(0, 0)


def gone(ref, at, order=FIRST):
    source, _, number = ref.partition(":")
    return Row(source, UNKNOWN_KIND, number, at, order, "", "", "", b"", b'{"deleted":true}')


def state(ledger):
    rows = schema.rows.c
    invalid = [table.c for table in (schema.invalid_companies, schema.invalid_contacts)]
    known = sa.select(rows.kind, rows.source_id, rows.changed_at, rows.reason)
    refused = sa.union_all(*(sa.select(table.source_id, table.reason) for table in invalid))
    with ledger.read() as connection:
        return tuple(
            sorted(map(tuple, connection.execute(query).all())) for query in (known, refused)
        )


def test_it_deletes_what_is_known(ledger):
    run = start_run(ledger, "delta")
    remember(ledger, run, [company_row("B:1", ACTIVE, 5), contact_row("B:2", ["1"], 5)])
    touched = remember(ledger, run, [gone("B:1", 6), gone("B:2", 6), gone("B:3", 6)])
    assert state(ledger) == (
        [("company", "1", 5, "deleted_in_store"), ("contact", "2", 5, "deleted_in_store")],
        [("1", "deleted_in_store"), ("2", "deleted_in_store")],
    )
    assert (touched.tins, touched.companies, touched.contacts) == (
        {ACTIVE},
        {("B", "1")},
        {("B", "2")},
    )


def test_other_stores_and_rows_stay(ledger):
    run = start_run(ledger, "delta")
    rows = [company_row("A:1", ACTIVE, 5), company_row("B:11", ACTIVE, 5)]
    remember(ledger, run, rows)
    before = state(ledger)
    remember(ledger, run, [gone("B:1", 6)])
    assert state(ledger) == before


@pytest.mark.parametrize("at", [4, 6, 8])
def test_in_any_order_and_any_cut_it_comes_to_the_same(tmp_path, at):
    versions = [company_row("B:1", ACTIVE, 5), company_row("B:1", ACTIVE, 7), gone("B:1", at)]
    found = set()
    for number, order in enumerate(permutations(versions)):
        for cut in range(4):
            opened = open_ledger(f"sqlite:///{tmp_path}/{at}-{number}-{cut}.db")
            run = start_run(opened, "delta")
            for part in (order[:cut], order[cut:], order[:1]):
                remember(opened, run, list(part))
            rows, _ = state(opened)
            found.add(tuple(rows))
            opened.close()
    newest = ("company", "1", 7, "deleted_in_store" if at == 8 else "")
    assert found == {(newest,)}


def test_of_equal_time_the_later_offset_decides(ledger):
    run = start_run(ledger, "delta")
    remember(
        ledger,
        run,
        [
            company_row("B:1", ACTIVE, 5, order=message_order(0, 3)),
            gone("B:1", 5, message_order(0, 4)),
        ],
    )
    assert state(ledger)[0] == [("company", "1", 5, "deleted_in_store")]
    remember(ledger, run, [company_row("B:1", ACTIVE, 5, order=message_order(0, 5))])
    assert state(ledger)[0] == [("company", "1", 5, "")]
    remember(ledger, run, [gone("B:1", 5, message_order(0, 4))])
    assert state(ledger)[0] == [("company", "1", 5, "")]


def test_a_killed_run_leaves_nothing_half_done(ledger):
    run = start_run(ledger, "delta")
    remember(ledger, run, [company_row("B:1", ACTIVE, 5)])
    remember(ledger, run, [gone("B:1", 6)])
    again = start_run(ledger, "delta")
    remember(ledger, again, [gone("B:1", 6)])
    assert state(ledger)[0] == [("company", "1", 5, "deleted_in_store")]


def event(offset, at, partition=0):
    return company_row("B:1", ACTIVE, at, order=message_order(partition, offset))


def null(offset, sent_at, partition=0):
    return gone("B:1", sent_at, message_order(partition, offset))


TODAY = 100


@pytest.mark.parametrize(
    ("history", "alive"),
    [
        # Made anew, though its deletion was sent after that.
        ([event(0, 1), null(1, TODAY), event(2, 6)], True),
        ([event(0, 6), null(1, TODAY), event(2, 6)], True),
        # An old event that comes behind the deletion.
        ([event(0, 6), null(1, TODAY), event(2, 1)], False),
        ([event(0, 1), null(1, TODAY), event(2, 6), null(3, TODAY)], False),
        ([event(0, 6), null(1, TODAY), null(2, TODAY), event(3, 7)], True),
        # Files: what had changed when the deletion was sent is gone.
        ([company_row("B:1", ACTIVE, 6), null(1, TODAY), event(2, 5)], False),
        ([company_row("B:1", ACTIVE, 6), null(1, TODAY), event(2, 6)], True),
        ([null(1, TODAY), company_row("B:1", ACTIVE, 6)], False),
        ([null(1, TODAY), company_row("B:1", ACTIVE, TODAY + 1)], True),
        # Keys have moved to a new partition: its offsets are no measure.
        ([event(7, 1), null(8, 50), event(0, 60, partition=3)], True),
        ([event(7, 1), null(8, 50), event(9, 40, partition=3)], False),
        # Of an ``op`` of delete that names its time, but not its kind.
        ([event(0, 6), gone("B:1", 5, message_order(NO_PARTITION, 1))], True),
        ([event(0, 6), gone("B:1", 7, message_order(NO_PARTITION, 1)), event(2, 6)], False),
        ([event(0, 6), gone("B:1", 7, message_order(NO_PARTITION, 1)), event(2, 7)], True),
    ],
)
def test_a_deletion_without_a_time_is_as_old_as_what_it_deletes(ledger, history, alive):
    run = start_run(ledger, "delta")
    for order in permutations(history):
        for size in (1, len(order)):
            empty(ledger)
            for start in range(0, len(order), size):
                remember(ledger, run, list(order[start : start + size]))
            assert [row[3] for row in state(ledger)[0]] == ["" if alive else "deleted_in_store"]
            before = state(ledger)
            remember(ledger, run, list(order))
            assert state(ledger) == before


def test_a_deletion_that_names_its_kind_is_there_before_its_row(ledger):
    run = start_run(ledger, "delta")
    bare = msgspec.structs.replace(null(4, TODAY), kind="contact", reason="deleted_in_store")
    remember(ledger, run, [bare])
    assert state(ledger) == ([("contact", "1", 0, "deleted_in_store")], [("1", "deleted_in_store")])
    remember(ledger, run, [contact_row("B:1", ["1"], 6)])
    assert state(ledger)[0] == [("contact", "1", 6, "deleted_in_store")]
    remember(ledger, run, [contact_row("B:1", ["1"], 6, order=message_order(0, 5))])
    assert state(ledger)[0] == [("contact", "1", 6, "")]


@st.composite
def topics(draw):
    """Versions of one row, in any order cut into runs: a partition's events, and a file's."""
    times = st.integers(1, 5)
    kinds = draw(st.lists(st.sampled_from((event, event, null)), min_size=1, max_size=5))
    versions = [of_kind(offset, draw(times)) for offset, of_kind in enumerate(kinds)]
    versions += [company_row("B:1", ACTIVE, at) for at in draw(st.lists(times, max_size=2))]
    shuffled = draw(st.permutations([*versions, *draw(st.lists(st.sampled_from(versions)))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    return versions, [
        shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    ]


def expected(versions):
    """What is left of the row, by the rule as it is told: ``(changed_at, reason)`` or nothing."""
    told = [row for row in versions if row.payload]
    nulls = [row for row in versions if not row.payload]
    if not told:
        return []
    newest = max(told, key=lambda row: (row.changed_at, row.order))
    if not nulls:
        return [(newest.changed_at, "")]
    offset, sent_at = max(row.order for row in nulls), max(row.changed_at for row in nulls)
    deleted = [
        row.changed_at
        for row in told
        if (row.order < offset if row.order else row.changed_at <= sent_at)
    ]
    gone_by = max(deleted, default=0), offset
    if (newest.changed_at, newest.order) > gone_by:
        return [(newest.changed_at, "")]
    return [(gone_by[0], "deleted_in_store")]


# On a server it takes a minute.
@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(topic=topics())
def test_any_order_and_any_cut_leave_what_the_rule_says(ledger, topic):
    versions, runs = topic
    empty(ledger)
    run = start_run(ledger, "delta")
    for part in runs:
        remember(ledger, run, part)
    assert [(row[2], row[3]) for row in state(ledger)[0]] == expected(versions)
