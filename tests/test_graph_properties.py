"""Rows come in any order, cut into any runs, some of them cut off: the ledger says the same."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    SILENT,
    VERDICTS,
    Snapshot,
    ask,
    company_row,
    outcomes,
    rebuild,
    run_once,
    snapshot,
    take_up,
)
from tests.helpers.ledgers import empty, open_ledger
from tests.helpers.row_histories import histories
from transforms.consolidation import companies, connected_components, contact_standing, persons
from transforms.core.identity import Run
from transforms.core.records import Row
from transforms.ledger.database import Ledger


def run_until(ledger: Ledger, rows: list[Row], how: str) -> Run:
    """A run that is cut off after a step."""
    if how == "whole":
        return run_once(ledger, rows)
    run, touched = take_up(ledger, rows)
    if how != "remembered":
        ask(ledger, run, touched.tins, VERDICTS)
    if how in ("companies", "resolved", "refreshed"):
        affected = companies.consolidate(ledger, run, sorted(touched.tins)) | touched.companies
    if how in ("resolved", "refreshed"):
        with ledger.read() as connection:
            named = contact_standing.contacts_of(connection, sorted(affected))
        contact_standing.resolve(ledger, run, sorted(touched.contacts | named))
    if how == "refreshed":
        persons.refresh(ledger, run, connected_components.dirty_components(ledger, run))
    return run


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
        for module in (contact_standing, connected_components):
            patch.setattr(module, "HOT_KEY_LIMIT", 2)
        # What becomes of a few rows is drafted before it is written of others.
        for module in (contact_standing, persons):
            patch.setattr(module, "_ROWS_PER_BATCH", 3)
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
