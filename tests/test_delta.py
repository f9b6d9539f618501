"""``svod delta``: what changed in store A since the last run, and nothing else, reaches the CRM."""

from datetime import datetime, timedelta

import pytest

from tests.helpers.installation import PACE, installation, party, tin
from transforms.fields.time import MOSCOW
from transforms.stores.sql import keyset

ALFA, VEGA, NEVA, ZARYA, KEDR = (tin(number) for number in range(1, 6))
NAMES = {ALFA: "АЛЬФА", VEGA: "ВЕГА", NEVA: "НЕВА", ZARYA: "ЗАРЯ", KEDR: "КЕДР"}
NEWEST = "2024-01-01 12:00:00"
LATER = "2024-05-01 12:00:00"
BEYOND = "2099-01-01 12:00:00"


@pytest.fixture(scope="module")
def kept(mariadb, tmp_path_factory):
    """Store A after a full load, on which a delta has already read the newest rows again."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        place.know(party(inn, name) for inn, name in NAMES.items())
        place.company(1, ALFA, phone="8 812 123-45-67", updated_at="2023-01-01 12:00:00")
        place.company(2, VEGA, updated_at="2023-06-01 12:00:00")
        place.company(3, NEVA)
        place.contact(1, 1, last_name="Абрамов", updated_at="2023-01-01 12:00:00")
        place.contact(2, 2, last_name="Белов")
        assert place.full(sources=["store_a"]).code == 0
        return place.keep()


@pytest.fixture
def loaded(place, kept):
    place.take(kept)
    return place


def read(place):
    """``(companies, contacts)`` of store A that the last run has read."""
    numbers = place.summary()["read"]["A"]
    return numbers["companies"], numbers["contacts"]


def cursors(place):
    return dict(place.rows("SELECT name, position FROM cursors"))


def order(place, number, company, at, total="100.00"):
    place.sql(
        "REPLACE INTO orders (id, company_id, number, status, total, currency, created_at,"
        " updated_at) VALUES (%s, %s, 'n', 'paid', %s, 'RUB', %s, %s)",
        *(number, company, total, NEWEST, at),
    )


def orders_of(place, number):
    [(payload,)] = place.rows(
        f"SELECT payload FROM rows WHERE kind = 'company' AND source_id = '{number}'"
    )
    return payload


def test_nothing_to_do(loaded):
    ended = loaded.delta()
    assert (ended.code, loaded.wrote()) == (0, {})
    # The newest rows are within the window.
    assert read(loaded) == (1, 1)
    assert "Nothing changed" in ended.out
    numbers = loaded.summary()
    assert (
        numbers["command"],
        numbers["companies"]["golden"],
        numbers["companies"]["unchanged"],
    ) == (("delta", 3, 3))


def test_a_change_is_read_and_loaded_by_itself(loaded):
    loaded.change("companies", 1, phone="8 812 765-43-21")
    assert loaded.delta().code == 0
    assert (read(loaded), loaded.wrote()) == ((2, 1), {"crm.item.update": 1})
    assert cursors(loaded)["companies"] == LATER.replace(" ", "T")
    assert loaded.delta().code == 0
    assert (read(loaded), loaded.wrote()) == ((1, 1), {})
    numbers = loaded.summary()["companies"]
    assert (numbers["golden"], numbers["updated"], numbers["unchanged"]) == (3, 0, 3)


def test_many_changes_come_page_by_page(loaded, monkeypatch):
    monkeypatch.setattr(keyset, "PAGE", 2)
    for number in range(11, 16):
        loaded.contact(number, 3, last_name=f"Новиков{'абвгде'[number % 6]}", updated_at=LATER)
    assert loaded.delta().code == 0
    assert read(loaded) == (1, 6)
    assert {f"A-{number}" for number in range(11, 16)} < loaded.people().keys()


def test_a_changed_order_makes_its_company_changed(loaded):
    order(loaded, 1, 1, LATER)
    assert loaded.delta().code == 0
    assert read(loaded) == (2, 1)
    assert b"2024-01-01" in orders_of(loaded, 1)
    assert cursors(loaded)["orders"] == LATER.replace(" ", "T")
    order(loaded, 1, 1, "2024-05-01 12:00:01", total="7.00")
    before = orders_of(loaded, 1)
    assert loaded.delta().code == 0
    assert orders_of(loaded, 1) != before


def test_rows_committed_late_are_found_within_the_window(loaded):
    loaded.company(4, ZARYA, updated_at=LATER)
    assert loaded.delta().code == 0
    loaded.company(5, KEDR, updated_at="2024-05-01 11:45:00")
    loaded.contact(5, 5, updated_at="2024-01-01 11:45:00")
    loaded.change("companies", 1, site="late.example", updated_at="2024-05-01 11:44:59")
    loaded.wrote()
    assert loaded.delta().code == 0
    assert read(loaded) == (2, 2)
    assert loaded.titles()[KEDR] == "ООО «КЕДР»"
    assert "A-5" in loaded.people()
    assert loaded.delta("--store_a_window=16").code == 0
    assert read(loaded) == (3, 2)


def test_a_time_in_the_future_does_not_hide_what_comes_before_it(loaded):
    loaded.change("companies", 1, phone="8 812 765-43-21", updated_at=BEYOND)
    assert loaded.delta().code == 0
    assert cursors(loaded)["companies"] == NEWEST.replace(" ", "T")
    loaded.company(4, ZARYA, updated_at=LATER)
    loaded.wrote()
    assert loaded.delta().code == 0
    assert ZARYA in loaded.titles()
    assert "crm.item.update" not in loaded.wrote()
    # The clock was put right: the row tells an earlier time now, and is true all the same.
    loaded.change("companies", 1, phone="8 812 111-11-12", updated_at="2024-05-01 12:00:01")
    assert loaded.delta().code == 0
    assert loaded.wrote() == {"crm.item.update": 1}


@pytest.mark.parametrize(
    "zero", ["0000-00-00 00:00:00", "2024-00-00 00:00:00", "2024-05-00 07:00:00"]
)
def test_dates_with_zeros_stop_nothing(loaded, zero):
    order(loaded, 1, 1, NEWEST)
    loaded.sql("SET sql_mode = ''")
    for table in ("companies", "contacts", "orders"):
        loaded.sql(f"UPDATE {table} SET updated_at = %s", zero)
    assert loaded.full(sources=["store_a"]).code == 0
    assert loaded.delta().code == 0
    loaded.company(4, ZARYA, updated_at=LATER)
    assert loaded.delta().code == 0
    assert ZARYA in loaded.titles()
    assert cursors(loaded)["companies"] == LATER.replace(" ", "T")


def test_our_own_clock_put_back_loses_nothing(loaded, monkeypatch):
    now = datetime.now(MOSCOW).replace(tzinfo=None, microsecond=0)
    loaded.company(4, ZARYA, updated_at=str(now - timedelta(minutes=1)))
    assert loaded.delta().code == 0
    loaded.execute("UPDATE cursors SET position = '2098-01-01T00:00:00'")
    loaded.company(5, KEDR, updated_at=str(now))
    assert loaded.delta().code == 0
    assert KEDR in loaded.titles()


def test_without_a_full_load_before_it_reads_everything(place):
    place.know(party(inn, name) for inn, name in NAMES.items())
    place.company(1, ALFA, updated_at="2001-01-01 00:00:00")
    place.contact(1, 1, updated_at="2001-01-01 00:00:00")
    assert place.delta().code == 0
    assert read(place) == (1, 1)
    assert set(place.titles()) == {ALFA}
    # The table of orders is empty: whatever comes into it is a change.
    order(place, 1, 1, "2001-01-01 00:00:00")
    assert place.delta().code == 0
    assert b"2024-01-01" in orders_of(place, 1)


def test_an_empty_store(place):
    assert place.delta().code == 0
    place.company(1, ALFA, updated_at="2001-01-01 00:00:00")
    assert place.delta().code == 0
    assert read(place) == (1, 0)
    assert place.summary()["companies"]["invalid"] == {"not_in_register": 1}


@pytest.mark.parametrize(("since", "at"), [("2024-01-01", LATER), ("2024-01-02", NEWEST)])
def test_a_full_load_since_a_date_moves_the_cursor_only_where_it_leaves_no_gap(loaded, since, at):
    loaded.company(4, ZARYA, updated_at=LATER)
    assert loaded.full(f"--since={since}", sources=["store_a"]).code == 0
    assert cursors(loaded)["companies"] == at.replace(" ", "T")


def test_a_run_that_fails_reads_the_same_again(loaded):
    loaded.company(4, ZARYA, updated_at=LATER)
    loaded.sql("RENAME TABLE contacts TO elsewhere")
    ended = loaded.delta()
    assert ended.code == 2
    assert "no table contacts" in ended.err
    loaded.sql("RENAME TABLE elsewhere TO contacts")
    assert cursors(loaded)["companies"] == NEWEST.replace(" ", "T")
    assert loaded.delta().code == 0
    assert ZARYA in loaded.titles()


def test_what_a_run_remembered_and_did_not_consolidate_is_taken_up(loaded):
    """Cut off between the two: the rows are known then, the cursor has not moved."""
    loaded.company(4, ZARYA, updated_at=LATER)
    loaded.execute("CREATE TRIGGER no BEFORE INSERT ON golden BEGIN SELECT RAISE(FAIL, 'no'); END")
    assert loaded.delta().code == 1
    assert cursors(loaded)["companies"] == NEWEST.replace(" ", "T")
    loaded.execute("DROP TRIGGER no")
    loaded.change("companies", 4, is_deleted=0, updated_at="2023-01-01 00:00:00")
    assert loaded.delta().code == 0
    assert ZARYA in loaded.titles()


def test_it_says_what_is_missing(place):
    ended = place.svod("delta", *PACE, left_out=["SVOD_STORE_A"])
    assert ended.code == 2
    assert ended.err == ("svod: --store_a or --store_b_kafka is needed: see svod delta --help\n")
