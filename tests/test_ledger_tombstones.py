"""Deletions that do not say of which kind their row was, in any order with its versions."""

from itertools import permutations

import pytest

from tests.ledger_world import ACTIVE, company_row, contact_row
from transforms.ledger.database import open_ledger
from transforms.ledger.runs import start_run
from transforms.ledger.source_rows import remember
from transforms.records import EITHER_KIND, Row


def gone(ref, at, order=0):
    source, _, number = ref.partition(":")
    return Row(source, EITHER_KIND, number, at, order, "", "", "", b"", b'{"deleted":true}')


@pytest.fixture
def ledger(tmp_path):
    opened = open_ledger(f"sqlite:///{tmp_path}/svod.db")
    yield opened
    opened.close()


def state(ledger):
    with ledger.read() as connection:
        query = "SELECT kind, source_id, changed_at, reason FROM rows ORDER BY kind, source_id"
        rows = list(map(tuple, connection.exec_driver_sql(query)))
        query = "SELECT source_id, reason FROM invalid_companies UNION ALL SELECT source_id, reason"
        refused = list(map(tuple, connection.exec_driver_sql(f"{query} FROM invalid_contacts")))
    return rows, sorted(refused)


def test_it_deletes_what_is_known(ledger):
    run = start_run(ledger, "delta")
    remember(ledger, run, [company_row("B:1", ACTIVE, 5), contact_row("B:2", ["1"], 5)])
    touched = remember(ledger, run, [gone("B:1", 6), gone("B:2", 6), gone("B:3", 6)])
    assert state(ledger) == (
        [("company", "1", 6, "deleted_in_store"), ("contact", "2", 6, "deleted_in_store")],
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
    newest = ("company", "1", 8, "deleted_in_store") if at == 8 else ("company", "1", 7, "")
    assert found == {(newest,)}


def test_of_equal_time_the_later_offset_decides(ledger):
    run = start_run(ledger, "delta")
    remember(ledger, run, [company_row("B:1", ACTIVE, 5, order=3), gone("B:1", 5, 4)])
    assert state(ledger)[0] == [("company", "1", 5, "deleted_in_store")]
    remember(ledger, run, [company_row("B:1", ACTIVE, 5, order=5)])
    assert state(ledger)[0] == [("company", "1", 5, "")]
    remember(ledger, run, [gone("B:1", 5, 4)])
    assert state(ledger)[0] == [("company", "1", 5, "")]


def test_a_killed_run_leaves_nothing_half_done(ledger):
    run = start_run(ledger, "delta")
    remember(ledger, run, [company_row("B:1", ACTIVE, 5)])
    remember(ledger, run, [gone("B:1", 6)])
    again = start_run(ledger, "delta")
    remember(ledger, again, [gone("B:1", 6)])
    assert state(ledger)[0] == [("company", "1", 6, "deleted_in_store")]
