"""Runs that fail: a plain line, exit code 1, no personal data in it, and the next run goes on."""

import pytest

from pipeline import graph
from tests.helpers.installation import party, tin
from transforms.core.errors import StoreError
from transforms.ledger.accounting import NumbersDoNotAddUpError
from transforms.stores import clean_a


@pytest.fixture
def ready(place):
    place.know([party(tin(1), "АЛЬФА")])
    place.company(1, tin(1), name="ООО Альфа")
    return place


def failed(place, told):
    # What a test puts in a step's place exists in this process only.
    ended = place.full("--processes=1", sources=["store_a"])
    assert (ended.code, ended.out) == (1, "")
    [line] = [line for line in ended.err.splitlines() if line.startswith("svod: ")]
    assert told in line
    assert "Traceback" not in ended.err
    assert "Альфа" not in ended.err
    assert place.rows("SELECT status, finished_at IS NULL FROM runs") == [("failed", 0)]
    assert place.svod("status").out.count("failed") == 1


def succeeds(place):
    assert place.full(sources=["store_a"]).code == 0
    assert place.titles() == {tin(1): "ООО «АЛЬФА»"}


def test_a_defect_says_where_it_is_and_quotes_nobody(ready, monkeypatch):
    def broken(raw):
        raise ValueError(raw["name"].decode("cp1251"))

    with monkeypatch.context() as patch:
        patch.setattr(graph.clean_a, "clean_company", broken)
        failed(ready, "svod: the run failed: an unexpected ValueError in test_failures.py, line ")
    assert clean_a.clean_company is not broken
    succeeds(ready)


def test_a_store_that_stops_answering_is_named(ready, monkeypatch):
    def lost(*_):
        raise StoreError("store A does not answer, tried 6 times; last: gone")

    with monkeypatch.context() as patch:
        patch.setattr("transforms.stores.mysql.client.Session.rows", lost)
        failed(ready, "svod: the run failed: store A does not answer, tried 6 times; last: gone")
    succeeds(ready)


def test_numbers_that_do_not_add_up_are_no_success(ready, monkeypatch):
    def wrong(*_):
        raise NumbersDoNotAddUpError("7 rows have no outcome")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.summary.summarize", wrong)
        failed(ready, "svod: 7 rows have no outcome")
    succeeds(ready)


def test_a_ledger_that_fails_in_the_middle_is_told(ready):
    assert ready.svod("status").code == 0
    ready.execute("DROP TABLE rows")
    failed(ready, "svod: the run failed: the ledger failed: no such table: rows")
