"""Rows that a whole reading no longer finds are refused, with all that hangs on them."""

import pytest

from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    SILENT,
    VERDICTS,
    column,
    company_row,
    contact_row,
    outcomes,
    rebuild,
    run_once,
    snapshot,
    take_up,
)
from transforms import stages
from transforms.core.identity import Run
from transforms.core.outcomes import GONE_FROM_STORE, OUTSIDE
from transforms.core.records import COMPANY, CONTACT, Row
from transforms.core.stores import LISTED, WITHDRAWN, Store, Stores
from transforms.ledger import accounting, schema
from transforms.ledger.database import Ledger
from transforms.ledger.rows.refusals import refused_originals
from transforms.ledger.runs import settle_run
from transforms.ledger.stores import write_stores

BASE = [
    company_row("A:1", ACTIVE, name="Ромашка"),
    company_row("A:2", OTHER, name="Лютик"),
    company_row("A:3", SILENT),
    company_row("A:4", "123", reason="bad_tin_format"),
    company_row("A:5", CLOSED),
    company_row("B:1", ACTIVE, name="Ромашка Б"),
    contact_row("A:1", ["1"], name="Иванов Пётр"),
    contact_row("A:2", ["2"], name="Сидоркин Лев"),
    contact_row("A:3", ["3"], name="Лютикова Анна"),
    contact_row("A:4", ["1", "2"], name="Ведьмин Ян"),
    contact_row("B:1", ["1"], name="Петров Иван"),
]
WHOLE_A = [("A", COMPANY), ("A", CONTACT)]


def read_whole(
    ledger: Ledger, rows: list[Row], parts: list[tuple[str, str]], attempts: int = 1
) -> Run:
    """A run that reads these rows, and with them all that the parts have."""
    run, touched = take_up(ledger, rows)
    lost = [stages.refuse_gone_rows(ledger, run, parts) for _ in range(attempts)]
    touched.add(lost[-1])
    rebuild(ledger, run, touched, VERDICTS)
    with ledger.read() as connection:
        accounting.check_nothing_lost(connection, run)
    settle_run(ledger, run, {})
    return run


def numbers(ledger: Ledger, run: Run) -> tuple[dict[str, int], dict[str, int], int]:
    with ledger.read() as connection:
        read = accounting.read_counts(connection, run)
        for kind in (COMPANY, CONTACT):
            accounting.row_outcomes(connection, run, kind)
        return (
            accounting.count_gone(connection, run),
            accounting.count_departures(connection, run),
            sum(sum(counts.values()) for counts in read.values()),
        )


@pytest.mark.parametrize("attempts", [1, 2])
def test_what_a_whole_reading_misses_is_gone_with_all_consequences(
    ledger: Ledger, attempts: int
) -> None:
    run_once(ledger, BASE)
    left = [row for row in BASE if (row.kind, row.source, row.source_id) != (COMPANY, "A", "2")]
    left = [row for row in left if (row.kind, row.source, row.source_id) != (CONTACT, "A", "1")]
    run = read_whole(ledger, left, WHOLE_A, attempts)
    state = outcomes(ledger)
    assert state["company A:2"] == state["contact A:1"] == GONE_FROM_STORE
    assert state["contact A:2"] == "company_refused"
    assert state["contact A:4"] == "golden A-4"
    assert OTHER not in snapshot(ledger).companies
    assert numbers(ledger, run) == (
        {COMPANY: 1, CONTACT: 1},
        {COMPANY: 1, CONTACT: 2},
        len(left),
    )


def test_they_stay_gone_and_are_counted_by_each_whole_reading(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    left = [row for row in BASE if row.source_id != "2"]
    read_whole(ledger, left, WHOLE_A)
    state = snapshot(ledger)
    second = read_whole(ledger, left, WHOLE_A)
    assert snapshot(ledger) == state
    assert numbers(ledger, second)[:2] == ({COMPANY: 1, CONTACT: 1}, {COMPANY: 0, CONTACT: 0})
    delta = run_once(ledger, [])
    assert numbers(ledger, delta) == ({COMPANY: 0, CONTACT: 0}, {COMPANY: 0, CONTACT: 0}, 0)


@pytest.mark.parametrize("changed_at", [1, 0, 2])
def test_a_row_that_comes_back_is_good_again(ledger: Ledger, changed_at: int) -> None:
    """Also from a backup: older than it was."""
    run_once(ledger, BASE)
    before = outcomes(ledger)
    read_whole(ledger, [row for row in BASE if row.source_id != "2"], WHOLE_A)
    back = [
        company_row("A:2", OTHER, changed_at, name="Лютик"),
        contact_row("A:2", ["2"], changed_at, name="Сидоркин Лев"),
    ]
    run = run_once(ledger, back)
    assert outcomes(ledger) == before
    assert numbers(ledger, run) == ({COMPANY: 0, CONTACT: 0}, {COMPANY: 0, CONTACT: 0}, 2)


def test_an_older_message_does_not_bring_a_row_back(ledger: Ledger) -> None:
    run_once(ledger, [company_row("B:1", ACTIVE, 5, order=7)])
    read_whole(ledger, [], [("B", COMPANY)])
    run_once(ledger, [company_row("B:1", ACTIVE, 4, order=6)])
    assert outcomes(ledger) == {"company B:1": GONE_FROM_STORE}
    run_once(ledger, [company_row("B:1", ACTIVE, 6, order=8)])
    assert outcomes(ledger) == {"company B:1": f"golden {ACTIVE}"}


def test_rows_of_all_outcomes_can_go(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    run = read_whole(ledger, [row for row in BASE if row.source == "B"], WHOLE_A)
    state = outcomes(ledger)
    assert {state[ref] for ref in state if ref.split()[1].startswith("A")} == {GONE_FROM_STORE}
    assert state["company B:1"] == f"golden {ACTIVE}"
    assert numbers(ledger, run)[0] == {COMPANY: 5, CONTACT: 4}
    # No cleaning brings them back: svod replay leaves them alone.
    assert [
        page for kind in (COMPANY, CONTACT) for page in refused_originals(ledger, "A", kind)
    ] == []


def test_only_what_was_read_whole_can_be_gone(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    before = outcomes(ledger)
    read_whole(ledger, [], [])
    assert outcomes(ledger) == before
    read_whole(ledger, [], [("A", COMPANY)])
    state = outcomes(ledger)
    assert state["company A:1"] == GONE_FROM_STORE
    assert state["company B:1"] == f"golden {ACTIVE}"
    assert state["contact A:1"] == "company_refused"


def test_a_run_that_is_cut_off_after_it_leaves_its_work_to_the_next(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    left = [row for row in BASE if row.source_id not in ("2", "3")]
    run, _ = take_up(ledger, left)
    stages.refuse_gone_rows(ledger, run, WHOLE_A)
    run_once(ledger, [])
    state = outcomes(ledger)
    assert {state[f"{kind} A:{n}"] for kind in (COMPANY, CONTACT) for n in (2, 3)} == {
        GONE_FROM_STORE
    }
    assert state["contact A:4"] == "golden A-4"
    assert OTHER not in snapshot(ledger).companies


def test_a_cleaner_may_say_it_of_a_known_row_only(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    outside = [
        company_row("A:1", ACTIVE, 2, reason=GONE_FROM_STORE),
        company_row("A:77", ACTIVE, 2, reason=GONE_FROM_STORE),
    ]
    run = run_once(ledger, outside)
    state = outcomes(ledger)
    assert state["company A:1"] == GONE_FROM_STORE
    assert "company A:77" not in state
    assert numbers(ledger, run)[0] == {COMPANY: 1, CONTACT: 0}
    assert numbers(ledger, run)[2] == 0


def outside(ref: str, at: int, kind: str = "", order: int = 0) -> Row:
    """What a cleaner makes of a record that the configuration leaves out."""
    source, _, source_id = ref.partition(":")
    return Row(source, kind, source_id, at, order, "", OUTSIDE, "", b"", b'{"kind": "person"}')


def test_a_known_row_that_the_configuration_leaves_out_is_gone_in_a_delta_too(
    ledger: Ledger,
) -> None:
    run_once(ledger, BASE)
    rows = [outside("A:1", 1, COMPANY), outside("A:2", 2), outside("A:404", 2), outside("B:1", 0)]
    for _ in range(2):
        run = run_once(ledger, rows)
        state = outcomes(ledger)
        assert state["company A:1"] == state["company A:2"] == GONE_FROM_STORE
        # Where two tables leave it out, the rows of both kinds are gone.
        assert state["contact A:2"] == GONE_FROM_STORE
        assert state["contact A:1"] == "company_refused"
        # Store B's record is older than what is known of its row.
        assert state["company B:1"] == f"golden {ACTIVE}"
        assert not [ref for ref in state if ref.endswith("404")]
        assert numbers(ledger, run)[::2] == ({COMPANY: 2, CONTACT: 1}, 0)
    assert column(ledger, schema.tombstones, "source_id") == []
    run_once(ledger, [row for row in BASE if row.source == "A"])
    assert outcomes(ledger)["contact A:2"] == "golden A-2"


def test_of_the_versions_of_one_run_the_newest_says_whether_the_row_is_inside(
    ledger: Ledger,
) -> None:
    run_once(ledger, [outside("B:1", 1, COMPANY), company_row("B:1", ACTIVE, 2)])
    assert outcomes(ledger) == {"company B:1": f"golden {ACTIVE}"}
    run_once(ledger, [company_row("B:1", ACTIVE, 3), outside("B:1", 4, COMPANY)])
    assert outcomes(ledger) == {"company B:1": GONE_FROM_STORE}
    run_once(ledger, [outside("B:2", 4, COMPANY), company_row("B:2", ACTIVE, 3)])
    assert "company B:2" not in outcomes(ledger)


def test_an_older_version_outside_is_no_sight_of_a_row(ledger: Ledger) -> None:
    run_once(ledger, [company_row("A:1", ACTIVE, 5)])
    read_whole(ledger, [outside("A:1", 4, COMPANY)], [("A", COMPANY)])
    assert outcomes(ledger) == {"company A:1": GONE_FROM_STORE}


def test_a_withdrawn_store_has_no_rows_any_more_until_it_is_read_again(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    before = outcomes(ledger)
    other = Store("B", "store B", last_read_wins=False)
    write_stores(ledger, Stores([Store("A", "store A", state=WITHDRAWN), other]))
    for gone in ({COMPANY: 5, CONTACT: 4}, {COMPANY: 0, CONTACT: 0}):
        run = read_whole(ledger, [], WHOLE_A)
        assert numbers(ledger, run)[0] == gone
        state = outcomes(ledger)
        assert {state[ref] for ref in state if ref.split()[1].startswith("A")} == {GONE_FROM_STORE}
        assert state["contact B:1"] == "golden B-1"
    write_stores(ledger, Stores([Store("A", "store A", state=LISTED), other]))
    run_once(ledger, BASE)
    assert outcomes(ledger) == before
