"""The third store's share of the world, and its files as 1C writes them."""

import csv
from collections import Counter

import openpyxl
import pytest

from sandbox.books import write_books
from sandbox.world.identities import Identities
from sandbox.world.sizes import sizes
from sandbox.world.third_store import BOOKS, SHOP, ThirdStore
from sandbox.world.truth import GOLDEN
from sandbox.world.world import World

COUNTS = sizes(0.01)
IDENTITIES = Identities(1, COUNTS)


def third_store(key):
    return ThirdStore(key, 1, COUNTS, IDENTITIES)


@pytest.mark.parametrize("key", [SHOP, BOOKS])
def test_the_truth_has_each_row_and_overlaps_with_the_two_stores(key):
    store = third_store(key)
    truths = list(store.truth())
    rows = [*store.company_rows(), *store.contact_rows()]
    assert [truth.source_id for truth in truths] == [row.id for row in rows]
    assert len({row.id for row in rows}) == len(rows)
    assert [*store.company_rows(), *store.contact_rows()] == rows
    reasons = Counter(truth.outcome for truth in truths)
    assert {GOLDEN, "bad_tin_checksum", "no_name", "waiting_for_company"} < set(reasons)
    world = World(1, 0.01)
    people = {truth.person for truth in world.truth() if truth.kind == "contact"}
    shared_people = [truth for truth in truths if truth.person in people]
    shared_tins = {tin for truth in truths for tin in truth.tins} & world.active_tins()
    assert len(shared_people) > 200
    assert len(shared_tins) > 200


def test_the_books_are_as_1c_writes_them(tmp_path):
    store = third_store(BOOKS)
    write_books(store, tmp_path)
    sheet = openpyxl.load_workbook(tmp_path / "Контрагенты.xlsx").active
    lines = list(sheet.iter_rows(values_only=True))
    assert lines[0][0] == "Справочник: Контрагенты"
    tin, phone = (lines[2].index(column) for column in ("ИНН", "Телефон"))
    kinds = [Counter(type(line[column]) for line in lines[3:]) for column in (tin, phone)]
    assert all(kind[int] > 50 and kind[str] > 5 for kind in kinds)
    # A leading zero is lost.
    assert any(len(str(line[tin])) in (9, 11) for line in lines[3:] if type(line[tin]) is int)
    data = (tmp_path / "КонтактныеЛица.csv").read_text("windows-1251")
    rows = list(csv.reader(data.splitlines(keepends=True), delimiter=";"))
    assert rows[0] == ["Справочник: Контактные лица"]
    assert rows[1][:3] == ["Код", "Код контрагента", "ФИО"]
    assert [row[0] for row in rows[2:]] == [row.id for row in store.contact_rows()]
    assert any(row[4].isdigit() and len(row[4]) == 11 for row in rows[2:])
