"""Stores as the ledger keeps them: any number, by priority and key; nothing else knows which."""

from itertools import permutations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.ledger_runs import (
    ACTIVE,
    company_row,
    contact_row,
    outcomes,
    run_once,
    snapshot,
    take_up,
)
from tests.helpers.ledgers import TWO_STORES, empty
from transforms.configuration.builtin import built_in_configuration
from transforms.configuration.stores import stores_of
from transforms.configuration.structs import (
    ChangesSource,
    CompanyTable,
    Configuration,
    ContactTable,
    FullSource,
    SourceKind,
    StoreTable,
)
from transforms.core.golden_records import Sourced
from transforms.core.records import COMPANY, Row
from transforms.core.stores import ABSENT, LISTED, WITHDRAWN, Store, Stores
from transforms.ledger import accounting, schema
from transforms.ledger.database import Ledger
from transforms.ledger.inspection import find_row
from transforms.ledger.stores import read_stores, stores_of_ledger, write_stores
from transforms.matching.survivorship import newest_first

KEYS = ("shop", "B", "a_2", "Z9")


def rows_of(keys: tuple[str, ...]) -> list[Row]:
    """One company and one person whom all stores know, and of whom each says something else."""
    companies = [
        company_row(f"{key}:1", ACTIVE, 5, name=f"По {key}", site=f"{key}.example".lower())
        for key in keys
    ]
    return companies + [
        contact_row(
            f"{key}:1",
            ["1"],
            5,
            name="Иванов Пётр",
            position=f"Должность {key}",
            phones=("+79211234567",),
        )
        for key in keys
    ]


def file_of(priorities: dict[str, int]) -> Configuration:
    full = FullSource(kind="mysql")
    return Configuration(
        store={key: StoreTable(full=full, priority=rank) for key, rank in priorities.items()}
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ranks=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    order=st.permutations(KEYS),
)
@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
def test_the_order_of_the_file_changes_nothing_and_the_priority_decides(
    ledger: Ledger, ranks: list[int], order: list[str]
) -> None:
    priorities = dict(zip(KEYS, ranks, strict=True))
    states = []
    for keys in (KEYS, tuple(order)):
        empty(ledger)
        write_stores(ledger, stores_of(file_of({key: priorities[key] for key in keys})))
        run_once(ledger, rows_of(keys))
        states.append(snapshot(ledger))
    assert states[0] == states[1]
    winner = min(KEYS, key=lambda key: (priorities[key], key))
    company, provenance, _ = states[0].companies[ACTIVE]
    assert (company.title, provenance["site"]) == (f"По {winner}", f"{winner}:1")
    ((person, origins),) = states[0].contacts.values()
    assert (person.position, origins["position"]) == (f"Должность {winner}", f"{winner}:1")


def test_a_new_priority_consolidates_the_stores_records_anew_once(ledger: Ledger) -> None:
    write_stores(ledger, stores_of(file_of({"shop": 1, "B": 2})))
    run_once(ledger, [*rows_of(("shop", "B")), company_row("shop:7", "7707083893", name="Свой")])
    before = snapshot(ledger)
    write_stores(ledger, stores_of(file_of({"shop": 1, "B": 2})))
    assert not any(touched_by_nothing(ledger))
    write_stores(ledger, stores_of(file_of({"shop": 3, "B": 2})))
    run_once(ledger)
    after = snapshot(ledger)
    assert before.companies[ACTIVE][0].title == "По shop"
    assert after.companies[ACTIVE][0].title == "По B"
    assert [person.position for person, _ in after.contacts.values()] == ["Должность B"]
    assert not any(touched_by_nothing(ledger))


def touched_by_nothing(ledger: Ledger) -> tuple[set[object], ...]:
    """What the next run would rebuild without any row."""
    _, touched = take_up(ledger)
    return set(touched.tins), set(touched.companies), set(touched.contacts)


def test_rows_of_one_moment_stand_by_priority_then_key_then_id() -> None:
    rows = [Sourced(key, number, 1, "") for key in ("b", "a", "c") for number in ("2", "1")]
    newer = Sourced("c", "9", 2, "")
    for given_rows in permutations([*rows[:4], newer]):
        ordered = [row.ref for row in newest_first(given_rows, {"a": 2, "b": 1})]
        assert ordered == ["c:9", "b:1", "b:2", "a:1", "a:2"]
    assert [row.ref for row in newest_first(rows, {})][:3] == ["a:1", "a:2", "b:1"]
    # A store without a priority of its own has the first.
    assert [row.ref for row in newest_first(rows, {"a": 2, "c": 0})][:3] == ["c:1", "c:2", "b:1"]


def test_a_store_that_the_file_drops_stays_as_long_as_it_has_rows(ledger: Ledger) -> None:
    write_stores(ledger, stores_of(file_of({"shop": 1, "B": 1, "bare": 1})))
    run_once(ledger, rows_of(("shop", "B")))
    before = snapshot(ledger)
    write_stores(ledger, stores_of(file_of({"shop": 1})))
    stores = stores_of_ledger(ledger)
    assert [(store.key, store.state) for store in stores] == [("B", ABSENT), ("shop", LISTED)]
    run = run_once(ledger, rows_of(("shop",)))
    assert snapshot(ledger) == before
    with ledger.read() as connection:
        assert accounting.read_counts(connection, run) == {"shop": {"companies": 1, "contacts": 1}}
    write_stores(ledger, stores_of(file_of({"shop": 1, "B": 1})))
    assert {store.state for store in stores_of_ledger(ledger)} == {LISTED}


@pytest.mark.parametrize(
    ("full", "changes", "last_read_wins"),
    [
        ("mysql", None, True),
        ("postgresql", "kafka", True),
        (None, "cursor", True),
        ("csv", None, False),
        ("json", "kafka", False),
        (None, "kafka", False),
    ],
)
def test_what_is_read_last_wins_in_a_database_only(
    full: SourceKind | None, changes: str | None, last_read_wins: bool
) -> None:
    table = StoreTable(
        title="Магазин «Север»",
        full=FullSource(kind=full) if full else None,
        changes=ChangesSource(kind=changes) if changes else None,  # type: ignore[arg-type]
    )
    (store,) = stores_of(Configuration(store={"shop": table}))
    assert store == Store("shop", "Магазин «Север»", 1, last_read_wins, LISTED)


def test_a_table_without_a_time_of_change_is_undated(ledger: Ledger) -> None:
    table = StoreTable(
        company=CompanyTable(id="id", tin="inn"),
        contact=ContactTable(id="id", company="company", changed_at="changed", company_store="web"),
    )
    write_stores(ledger, stores_of(Configuration(store={"shop": table})))
    assert stores_of_ledger(ledger)["shop"].undated == (COMPANY,)
    assert stores_of_ledger(ledger)["shop"].company_store == "web"


def test_a_withdrawn_store_is_one(ledger: Ledger) -> None:
    table = StoreTable(full=FullSource(kind="mysql"), withdrawn=True)
    write_stores(ledger, stores_of(Configuration(store={"shop": table})))
    with ledger.read() as connection:
        assert [(store.title, store.state) for store in read_stores(connection)] == [
            ("shop", WITHDRAWN)
        ]


def test_the_built_in_stores_are_two_and_their_ledger_says_so(ledger: Ledger) -> None:
    assert list(stores_of_ledger(ledger)) == list(TWO_STORES)
    assert [
        (store.key, store.title, store.priority, store.last_read_wins)
        for store in stores_of(built_in_configuration())
    ] == [("A", "store A", 1, True), ("B", "store B", 1, False)]


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("shop:17", ("shop", "17")),
        (" SHOP : 17 ", ("shop", "17")),
        ("В:0001", ("B", "0001")),
        ("a_2:x:y", ("a_2", "x:y")),
        ("other:1", None),
        ("7805746764", None),
        ("shop:", None),
    ],
)
def test_a_person_may_type_a_key_in_any_case_and_on_either_keyboard(
    text: str, reference: tuple[str, str] | None
) -> None:
    stores = Stores(Store(key, key) for key in KEYS)
    assert stores.parse_reference(text) == reference


def test_an_id_may_be_typed_without_its_zeros_or_with_more(ledger: Ledger) -> None:
    run_once(
        ledger,
        [
            company_row("B:0001000123", ACTIVE),
            company_row("A:17", ACTIVE),
            company_row("A:007", ACTIVE),
            company_row("A:7", ACTIVE),
        ],
    )
    with ledger.read() as connection:
        names = ("B", "1000123"), ("A", "00017"), ("A", "7"), ("A", "07"), ("A", "x7"), ("A", "9")
        assert [find_row(connection, row)[1] for row in names] == [
            *("0001000123", "17", "7", "07", "x7", "9")
        ]


def test_a_row_without_a_time_is_as_new_as_the_run_that_sees_it_differ(ledger: Ledger) -> None:
    dated = Store("B", "B", 2)
    write_stores(
        ledger, Stores([Store("csv", "csv", last_read_wins=False, undated=(COMPANY,)), dated])
    )

    def state() -> tuple[str, int]:
        with ledger.read() as connection:
            query = sa.select(schema.rows.c.changed_at).where(schema.rows.c.source == "csv")
            changed_at = int(connection.execute(query).scalar_one())
        return snapshot(ledger).companies[ACTIVE][0].title, changed_at

    first = run_once(ledger, [company_row("csv:1", ACTIVE, 0, name="Я первая")])
    assert state() == ("Я первая", first.moment)
    # The same again is no newer; what differs is, whatever its content.
    run_once(ledger, [company_row("csv:1", ACTIVE, 0, name="Я первая")])
    assert state() == ("Я первая", first.moment)
    second = run_once(ledger, [company_row("csv:1", ACTIVE, 0, name="А вторая")])
    assert state() == ("А вторая", max(second.moment, first.moment + 1))
    # So it is compared with the rows of other stores by the run's time.
    run_once(ledger, [company_row("B:1", ACTIVE, second.moment - 10**9, name="Старая")])
    assert state()[0] == "А вторая"
    run_once(ledger, [company_row("B:1", ACTIVE, second.moment + 10**9, name="Свежая")])
    assert state()[0] == "Свежая"


def test_contacts_may_name_the_companies_of_another_store(ledger: Ledger) -> None:
    shop, people = Store("shop", "shop"), Store("people", "people")
    rows = [
        company_row("shop:1", ACTIVE, name="Ромашка"),
        company_row("shop:2", "123", reason="bad_tin_format"),
        contact_row("shop:1", ["1"], name="Иванов Пётр"),
        contact_row("people:1", ["1"], name="Сидоркин Лев"),
        contact_row("people:2", ["2"], name="Ведьмин Ян"),
        contact_row("people:3", ["3"], name="Кот Том"),
    ]
    write_stores(ledger, Stores([shop, people]))
    run_once(ledger, rows)
    ends = outcomes(ledger)
    assert {ends[f"contact people:{number}"] for number in (1, 2, 3)} == {"waiting_for_company"}
    # The configuration says whose companies these are: the contacts are resolved anew, once.
    own = Store("people", "people", company_store="shop")
    write_stores(ledger, Stores([shop, own]))
    run_once(ledger)
    linked = {
        "contact shop:1": "golden shop-1",
        "contact people:1": "golden people-1",
        "contact people:2": "company_refused",
        "contact people:3": "waiting_for_company",
    }
    assert linked.items() <= outcomes(ledger).items()
    write_stores(ledger, Stores([shop, own]))
    assert touched_by_nothing(ledger)[2] == set()
    # What becomes of a company reaches the other store's contacts.
    run_once(
        ledger,
        [
            company_row("shop:1", ACTIVE, 2, reason="deleted_in_store"),
            company_row("shop:3", ACTIVE, 2),
        ],
    )
    ends = outcomes(ledger)
    assert ends["contact people:1"] == ends["contact shop:1"] == "company_refused"
    assert ends["contact people:3"] == "golden people-3"
    # A company of its own with that id is none of theirs.
    run_once(ledger, [company_row("people:1", ACTIVE, 2)])
    assert outcomes(ledger)["contact people:1"] == "company_refused"


def test_of_messages_without_a_time_the_later_one_is_newer(ledger: Ledger) -> None:
    write_stores(ledger, Stores([Store("t", "t", undated=(COMPANY,))]))
    for order, name, title in ((7, "Седьмая", "Седьмая"), (6, "Шестая", "Седьмая"), (8, "О", "О")):
        run_once(ledger, [company_row("t:1", ACTIVE, 0, order=order, name=name)])
        assert snapshot(ledger).companies[ACTIVE][0].title == title


def test_the_table_of_stores_takes_the_longest_key_and_title(ledger: Ledger) -> None:
    key = "k" * 16
    write_stores(ledger, Stores([Store(key, "Я" * 300, 2**40)]))
    (store,) = stores_of_ledger(ledger)
    assert (store.key, store.priority) == (key, 2**40)
    assert store.title == "Я" * schema.TITLE_WIDTH
