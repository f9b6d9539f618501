"""Times of change, marks of deletion, and what counts as newer where a row has no time."""

from decimal import Decimal

import msgspec
import pytest

from tests.helpers.ledgers import open_ledger
from transforms.configuration.structs import CompanyTable, FullSource, StoreTable
from transforms.core.records import COMPANY, Row, decode_company
from transforms.fields import moments
from transforms.ledger import schema
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.runs import start_run
from transforms.stores.mapping.cleaners import compile_store
from transforms.stores.mapping.headers import ClockBound
from transforms.stores.two_stores import clean_partner

TABLE = CompanyTable(id="id", tin="tin", changed_at="changed", created_at="made", deleted="gone")
EXPORTED_AT = 1_732_999_200_000_000


def row(kind: str = "json", zone: str = "Europe/Moscow", **record: object) -> Row:
    full = FullSource(kind=kind, files=["x"])
    store = StoreTable(timezone=zone, full=full, company=TABLE)
    return compile_store("S", store).cleaners[COMPANY](
        {"id": 1, "tin": "7805746764", "changed": None, "made": None, "gone": None, **record}
    )


@pytest.mark.parametrize(
    ("changed", "zone", "moment"),
    [
        ("2024-02-11T17:40:12+03:00", "Asia/Omsk", 1707662412),
        ("2024-02-11 17:40:12", "Europe/Moscow", 1707662412),
        ("2024-02-11 20:40:12", "Asia/Omsk", 1707662412),
        ("11.02.2024 17:40:12", "Europe/Moscow", 1707662412),
        ("11.02.2024 17:40", "Europe/Moscow", 1707662400),
        ("11.02.2024", "Europe/Moscow", 1707598800),
        ("20240211174012", "Europe/Moscow", 1707662412),
        ("20240211", "Europe/Moscow", 1707598800),
        ("/Date(1707662412000)/", "Asia/Omsk", 1707662412),
        ("/Date(1707662412000+0300)/", "Asia/Omsk", 1707662412),
        (1707662412, "Asia/Omsk", 1707662412),
        ("1707662412000", "Asia/Omsk", 1707662412),
        (45333.73625, "Europe/Moscow", 1707662412),
        ("2024-02-10T24:00:00+03:00", "Asia/Omsk", 1707598800),
        ("2024-02-10T23:59:60Z", "Asia/Omsk", 1707609600),
    ],
)
def test_a_time_in_every_form(changed: object, zone: str, moment: int) -> None:
    found = row(zone=zone, changed=changed)
    assert (found.changed_at, found.undated) == (moment * 1_000_000, False)
    assert decode_company(found.payload).notes == ()


@pytest.mark.parametrize("changed", ["вчера", "2024-13-01", "31.02.2024", 17, True, ["2024"]])
def test_what_is_no_time_is_noted_and_counts_as_received(changed: object) -> None:
    found = row(changed=changed, made="2020-01-01")
    assert (found.changed_at, found.undated) == (0, True)
    assert [note.problem for note in decode_company(found.payload).notes] == ["unreadable"]
    partner = {"partner": "1", "category": "2", "changed_at": changed}
    received = clean_partner(partner, clock_bound=ClockBound(EXPORTED_AT + 1, EXPORTED_AT))
    assert (received.changed_at, received.undated) == (EXPORTED_AT, True)


def test_a_row_of_a_database_without_a_change_is_as_old_as_itself() -> None:
    found = row("mysql", changed=None, made="2024-02-11 17:40:12")
    assert (found.changed_at, found.undated) == (1707662412000000, False)


@pytest.mark.parametrize(
    "mark",
    [True, 1, "1", "true", "Y", "X", "да", "Yes", "2024-03-01", "01.03.2024", "20240301120000"],
)
def test_deleted(mark: object) -> None:
    assert row(gone=mark).reason == "deleted_in_store"


@pytest.mark.parametrize(
    "mark",
    [None, "", " ", 0, "0", "N", "n", False, "false", "нет", "0000-00-00", "0000-00-00 00:00:00"],
)
def test_not_deleted(mark: object) -> None:
    found = row(gone=mark, changed="2024-03-01")
    assert (found.reason, decode_company(found.payload).notes) == ("", ())


def test_a_mark_that_says_nothing_known_is_noted() -> None:
    found = row(gone="архив", changed="2024-03-01")
    assert found.reason == ""
    assert [note.field for note in decode_company(found.payload).notes] == ["deleted"]


def partner(name: str, changed_at: object, exported_at: int = 0, order: int = 0) -> Row:
    record = {"partner": "1", "category": "2", "name1": name, "changed_at": changed_at}
    bound = ClockBound(exported_at + 1, exported_at)
    found: Row = clean_partner(record, order, bound)
    return found


def test_an_undated_row_is_never_older_than_what_is_known(tmp_path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")

    def read(*rows: Row) -> tuple[str, int, int]:
        run = start_run(ledger, "full")
        remember(ledger, run, rows)
        with ledger.read() as connection:
            [known] = connection.execute(schema.rows.select()).mappings()
        return decode_company(known["payload"]).name, known["changed_at"], known["run_seq"]

    assert read(partner("Роза", "2024-02-11T17:40:12+03:00"))[:2] == ("Роза", 1707662412000000)
    name, changed_at, run_seq = read(partner("Лилия", "вчера", exported_at=1_600_000_000_000_000))
    assert (name, changed_at) == ("Лилия", 1707662412000001)
    again = read(partner("Лилия", "вчера", exported_at=1_600_000_000_000_000))
    assert again == (name, changed_at, run_seq)
    later = read(partner("Астра", "вчера", exported_at=EXPORTED_AT))
    assert later[:2] == ("Астра", EXPORTED_AT)
    # Without a time of export it counts from the run that sees it differ.
    assert read(partner("Мак", ""))[1] > EXPORTED_AT
    ledger.close()


def test_a_file_that_was_made_before_a_message_came_does_not_undo_it(tmp_path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    for version in (
        partner("Роза", "вчера", exported_at=1_600_000_000_000_000),
        partner("Астра", "2024-02-11T17:40:12+03:00", order=131_072),
        partner("Роза", "вчера", exported_at=1_600_000_000_000_000),
    ):
        remember(ledger, start_run(ledger, "full"), [version])
    with ledger.read() as connection:
        [known] = connection.execute(schema.rows.select()).mappings()
    assert decode_company(known["payload"]).name == "Астра"
    ledger.close()


def test_a_table_without_times_leaves_its_rows_to_the_ledger() -> None:
    table = msgspec.structs.replace(TABLE, changed_at=None)
    store = StoreTable(full=FullSource(kind="csv", files=["x"]), company=table)
    found = compile_store("S", store).cleaners[COMPANY]({"id": "007", "tin": "7805746764"})
    assert (found.source_id, found.changed_at, found.undated) == ("007", 0, False)
    assert decode_company(found.payload).notes == ()


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 1e300, float("nan"), float("inf"), Decimal("sNaN"), Decimal("1e999999")],
    ids=repr,
)
def test_a_number_of_any_size_is_read_or_noted(value):
    moment, notes = moments.parse(value)
    assert moment == 0
    assert [note.problem for note in notes] == ["unreadable"]
