"""Rows come in any order, cut into any runs, some of them cut off: the ledger says the same."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ledger_world import (
    ACTIVE,
    CLOSED,
    OTHER,
    SILENT,
    VERDICTS,
    Snapshot,
    ask,
    company_row,
    contact_row,
    empty,
    outcomes,
    rebuild,
    run_once,
    snapshot,
    take_up,
)

from transforms.ledger import companies, contact_keys, pieces
from transforms.ledger.database import Ledger, open_ledger
from transforms.records import Row

COMPANY_REFS = ("A:1", "A:2", "A:3", "B:1", "B:2")
CONTACT_REFS = ("A:1", "A:2", "A:3", "B:7", "B:8", "B:9")
NAMES = (
    *("Иванов Пётр Сергеевич", "Иванов Петр", "Иванов П. С.", "Иванов Павел"),
    *("Иванов П.", "Иванов Пётр Ильич", "Сидоркин Лев", "Сидоркин"),
)
MOBILES = ("+79210000001", "+79210000002")


@st.composite
def company_versions(draw: Any, ref: str) -> list[Row]:
    # Store A says something else at another time only; of store B's copies any may be the newest.
    times = st.integers(1, 3 if ref[0] == "B" else 9)
    drawn = draw(
        st.lists(
            st.tuples(
                times,
                st.sampled_from((ACTIVE, ACTIVE, OTHER, CLOSED, SILENT)),
                st.sampled_from(("", "", "", "bad_tin_checksum", "deleted_in_store")),
                st.sampled_from(("Ромашка", "Лютик")),
                st.sampled_from(((), ("+78120000001",), ("+78120000002", "+78120000001"))),
            ),
            min_size=1,
            max_size=3,
            unique_by=None if ref[0] == "B" else (lambda version: version[0]),
        )
    )
    return [
        company_row(ref, tin, at, reason=reason, name=name, phones=phones)
        for at, tin, reason, name, phones in drawn
    ]


@st.composite
def contact_versions(draw: Any, ref: str) -> list[Row]:
    own = [other[2:] for other in COMPANY_REFS if other[0] == ref[0]]
    times = st.integers(1, 3 if ref[0] == "B" else 9)
    drawn = draw(
        st.lists(
            st.tuples(
                times,
                st.lists(st.sampled_from([*own, "404"]), min_size=1, max_size=2, unique=True),
                st.sampled_from(("", "", "", "", "deleted_in_store")),
                st.sampled_from(NAMES),
                st.lists(st.sampled_from(MOBILES), max_size=1),
            ),
            min_size=1,
            max_size=3,
            unique_by=None if ref[0] == "B" else (lambda version: version[0]),
        )
    )
    return [
        contact_row(ref, ids, at, reason=reason, name=name, phones=tuple(phones))
        for at, ids, reason, name, phones in drawn
    ]


@st.composite
def histories(draw: Any) -> tuple[list[Row], list[list[Row]], list[str]]:
    """All row versions, the same in some order cut into runs, and how far each run comes."""
    versions = [
        *(row for ref in COMPANY_REFS for row in draw(company_versions(ref))),
        *(row for ref in CONTACT_REFS for row in draw(contact_versions(ref))),
    ]
    shuffled = draw(st.permutations(versions))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    runs = [
        shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    ]
    how = st.sampled_from(("whole", "whole", "remembered", "asked", "companies"))
    return versions, runs, [draw(how) for _ in runs]


def run_until(ledger: Ledger, rows: list[Row], how: str) -> None:
    """A run that is cut off after a step."""
    if how == "whole":
        run_once(ledger, rows)
        return
    run, touched = take_up(ledger, rows)
    if how != "remembered":
        ask(ledger, run, touched.tins, VERDICTS)
    if how == "companies":
        companies.consolidate(ledger, run, sorted(touched.tins))


def newest_only(versions: list[Row]) -> list[Row]:
    best: dict[tuple[str, str, str], Row] = {}
    for row in sorted(versions, key=lambda row: (row.changed_at, row.order, row.raw)):
        best[row.source, row.kind, row.source_id] = row
    return list(best.values())


def of_one_run(ledger: Ledger, rows: list[Row]) -> Snapshot:
    empty(ledger)
    run_once(ledger, rows)
    return snapshot(ledger)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


ANY_ORDER = settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@ANY_ORDER
@given(history=histories())
def test_any_order_and_any_cut_give_the_same_ledger(
    ledger: Ledger, history: tuple[list[Row], list[list[Row]], list[str]]
) -> None:
    check_any_order(ledger, *history)


@ANY_ORDER
@given(history=histories())
def test_so_they_do_when_keys_become_hot_and_cold_again(
    ledger: Ledger, history: tuple[list[Row], list[list[Row]], list[str]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (contact_keys, pieces):
            patch.setattr(module, "HOT", 2)
        check_any_order(ledger, *history)


def check_any_order(
    ledger: Ledger, versions: list[Row], runs: list[list[Row]], how_far: list[str]
) -> None:
    expected = of_one_run(ledger, versions)
    assert of_one_run(ledger, newest_only(versions)) == expected
    empty(ledger)
    for rows, how in zip(runs, how_far, strict=True):
        run_until(ledger, rows, how)
    run_once(ledger)
    assert snapshot(ledger) == expected
    outcomes(ledger)
    run, touched = take_up(ledger, versions)
    rebuild(ledger, run, touched, VERDICTS)
    assert snapshot(ledger) == expected


@pytest.mark.parametrize("tin", ["", ACTIVE, CLOSED, SILENT])
def test_a_row_that_moves_twice_while_runs_are_cut_off_leaves_nothing_behind(
    ledger: Ledger, tin: str
) -> None:
    """The second move hides the first from whoever looks for what the first run had touched."""
    last = company_row("A:1", tin, 3, reason="" if tin else "missing_tin")
    expected = of_one_run(ledger, [last])
    empty(ledger)
    run_once(ledger, [company_row("A:1", ACTIVE, 1)])
    take_up(ledger, [company_row("A:1", OTHER, 2)])
    run_once(ledger, [last])
    assert snapshot(ledger) == expected
