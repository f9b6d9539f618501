"""Ids of persons: given once, kept as rows come and go, never shared."""

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    VERDICTS,
    ask,
    column,
    company_row,
    contact_row,
    outcomes,
    run_once,
    snapshot,
    take_up,
)
from tests.helpers.ledgers import empty, open_ledger
from transforms.consolidation import connected_components, contact_standing, persons
from transforms.core import process_pool
from transforms.core.records import Row
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.stages import rebuild

MOBILE = ("+79210000001",)
COMPANIES = [company_row("A:1", ACTIVE), company_row("A:2", OTHER), company_row("B:1", ACTIVE)]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    run_once(ledger, COMPANIES)
    yield ledger
    ledger.close()


def ids(ledger: Ledger) -> dict[str, str]:
    """Each contact row's person."""
    return {
        ref.removeprefix("contact "): end.removeprefix("golden ")
        for ref, end in outcomes(ledger).items()
        if ref.startswith("contact ") and end.startswith("golden ")
    }


def aliases(ledger: Ledger) -> dict[str, str]:
    with ledger.read() as connection:
        return dict(
            connection.execute(sa.select(schema.aliases.c.alias, schema.aliases.c.key)).all()
        )


def named(ref: str, name: str, at: int = 1, company: str = "1") -> Row:
    return contact_row(ref, [company], at, name=name, phones=MOBILE)


def test_an_id_survives_the_row_that_gave_it(ledger: Ledger) -> None:
    run_once(ledger, [named("A:5", "Иванов Пётр"), named("B:7", "Иванов Пётр")])
    assert ids(ledger) == {"A:5": "A-5", "B:7": "A-5"}
    run_once(ledger, [contact_row("A:5", ["1"], 2, reason="deleted_in_store")])
    assert ids(ledger) == {"B:7": "A-5"}
    run_once(ledger, [named("A:3", "Иванов Пётр"), named("A:5", "Сидоркин Лев", 3)])
    assert ids(ledger) == {"B:7": "A-5", "A:3": "A-5", "A:5": "A-5.2"}


def test_a_merge_keeps_the_older_id_and_remembers_the_other(ledger: Ledger) -> None:
    run_once(ledger, [named("B:7", "Иванов Пётр")])
    run_once(ledger, [named("A:5", "Лютикова Анна")])
    run_once(ledger, [named("A:5", "Иванов Пётр", 2)])
    assert ids(ledger) == {"A:5": "B-7", "B:7": "B-7"}
    assert aliases(ledger) == {"A-5": "B-7"}
    # Who is somebody again has the old id back, and is no alias any more.
    run_once(ledger, [named("A:5", "Лютикова Анна", 3)])
    assert ids(ledger) == {"A:5": "A-5", "B:7": "B-7"}
    assert aliases(ledger) == {}


def test_who_comes_back_into_the_base_has_the_id_back(ledger: Ledger) -> None:
    """The CRM still holds the person: a new id would make a second one there."""
    run_once(ledger, [named("B:7", "Иванов Пётр")])
    run_once(ledger, [named("A:5", "Иванов Пётр")])
    assert ids(ledger) == {"A:5": "B-7", "B:7": "B-7"}
    closed = [company_row(ref, ACTIVE, 2, reason="deleted_in_store") for ref in ("A:1", "B:1")]
    run_once(ledger, closed)
    assert ids(ledger) == {}
    run_once(ledger, [company_row("A:1", ACTIVE, 3)])
    assert ids(ledger) == {"A:5": "B-7"}
    run_once(ledger, [company_row("B:1", ACTIVE, 3)])
    assert ids(ledger) == {"A:5": "B-7", "B:7": "B-7"}


def test_who_comes_back_to_find_the_id_in_use_gets_another(ledger: Ledger) -> None:
    run_once(ledger, [named("B:7", "Иванов Пётр"), named("A:5", "Иванов Пётр")])
    run_once(ledger, [contact_row(ref, ["1"], 2, reason="no_name") for ref in ("A:5", "B:7")])
    run_once(ledger, [named("A:5", "Иванов Пётр", 3), named("B:7", "Лютикова Анна", 3)])
    assert ids(ledger) == {"A:5": "A-5", "B:7": "B-7"}


def test_aliases_of_who_is_merged_again_lead_to_the_last(ledger: Ledger) -> None:
    run_once(ledger, [named("A:1", "Кот Том")])
    run_once(ledger, [named("A:2", "Лютикова Анна")])
    run_once(ledger, [named("A:3", "Ведьмин Ян")])
    run_once(ledger, [named("A:3", "Лютикова Анна", 2)])
    assert aliases(ledger) == {"A-3": "A-2"}
    run_once(ledger, [named("A:2", "Кот Том", 2), named("A:3", "Кот Том", 3)])
    assert ids(ledger) == {"A:1": "A-1", "A:2": "A-1", "A:3": "A-1"}
    assert aliases(ledger) == {"A-2": "A-1", "A-3": "A-1"}


def test_a_split_leaves_the_id_to_the_larger_part(ledger: Ledger) -> None:
    run_once(ledger, [named(f"A:{n}", "Иванов Пётр") for n in range(1, 6)])
    assert set(ids(ledger).values()) == {"A-1"}
    run_once(ledger, [named(f"A:{n}", "Сидоркин Лев", 2) for n in (1, 2)])
    assert ids(ledger) == {"A:1": "A-1.2", "A:2": "A-1.2", "A:3": "A-1", "A:4": "A-1", "A:5": "A-1"}


def test_a_free_id_is_nobodys_anywhere(ledger: Ledger) -> None:
    """Row 1 leaves its person again and again; each keeps the id that they had."""
    run_once(ledger, [named("A:1", "Кот Том"), named("A:2", "Кот Том"), named("A:3", "Кот Том")])
    run_once(ledger, [named("A:1", "Кот Лев", 2), named("A:4", "Кот Лев"), named("A:5", "Кот Лев")])
    run_once(ledger, [named("A:1", "Кот Ян", 3)])
    assert ids(ledger) == {
        "A:1": "A-1.3",
        **dict.fromkeys(("A:2", "A:3"), "A-1"),
        **dict.fromkeys(("A:4", "A:5"), "A-1.2"),
    }


def test_a_free_id_is_looked_for_in_all_companies(ledger: Ledger) -> None:
    verdicts = {**VERDICTS, CLOSED: "active"}
    run_once(ledger, [company_row("A:3", CLOSED)], verdicts)
    run_once(ledger, [named(f"A:{n}", "Кот Том") for n in (1, 2, 3)])
    others = [named(f"A:{n}", "Кот Лев", 1, "2") for n in (4, 5)]
    run_once(ledger, [named("A:1", "Кот Лев", 2, "2"), *others])
    assert ids(ledger)["A:1"] == "A-1.2"
    run_once(ledger, [named("A:1", "Кот Ян", 3, "3")])
    assert ids(ledger) == {
        "A:1": "A-1.3",
        **dict.fromkeys(("A:2", "A:3"), "A-1"),
        **dict.fromkeys(("A:4", "A:5"), "A-1.2"),
    }


def test_a_person_of_two_companies_is_one_record_of_both(ledger: Ledger) -> None:
    run_once(ledger, [contact_row("A:1", ["1", "2"], name="Кот Том"), named("A:2", "Кот Том")])
    assert ids(ledger) == {"A:1": "A-1", "A:2": "A-1"}
    assert column(ledger, schema.golden_tins, "tin") == sorted([ACTIVE, OTHER])
    run_once(ledger, [contact_row("A:1", ["2"], 2, name="Кот Том")])
    assert ids(ledger) == {"A:1": "A-1", "A:2": "A-2"}


MOVES = st.lists(
    st.tuples(
        st.sampled_from(("A:1", "A:2", "A:3", "A:4")),
        st.sampled_from(("Кот Том", "Кот Лев", "Кот Ян")),
        st.sampled_from(("1", "2")),
    ),
    min_size=3,
    max_size=14,
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(moves=MOVES)
def test_no_two_persons_ever_share_an_id(ledger: Ledger, moves: list[tuple[str, str, str]]) -> None:
    empty(ledger)
    run_once(ledger, [company_row("A:1", ACTIVE), company_row("A:2", OTHER)])
    for at, (ref, name, company) in enumerate(moves, 1):
        own = (f"+7921{sum(map(ord, name)):07}",)
        run_once(ledger, [contact_row(ref, [company], at, name=name, phones=own)])
    last = {ref: name for ref, name, _ in moves}
    id_of = ids(ledger)
    assert id_of.keys() == last.keys()
    for ref_a in last:
        for ref_b in last:
            assert (id_of[ref_a] == id_of[ref_b]) == (last[ref_a] == last[ref_b])


def test_rows_that_look_alike_make_no_key_hot(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person in many rows stays one; of many people the key says nothing."""
    for module in (contact_standing, connected_components):
        monkeypatch.setattr(module, "HOT_KEY_LIMIT", 2)
    run_once(ledger, [named(f"A:{n}", "Иванов Пётр Ильич") for n in range(1, 6)])
    run_once(ledger, [named("B:1", "Иванов Петр")])
    assert set(ids(ledger).values()) == {"A-1"}
    # The mobile is of three different rows now: it ties nobody, and does again when one has gone.
    run_once(ledger, [named("B:2", "Лютикова Анна")])
    assert len(column(ledger, schema.hot_keys, "key")) == 1
    run_once(ledger, [contact_row("B:2", ["1"], 2, reason="deleted_in_store")])
    assert column(ledger, schema.hot_keys, "key") == []
    assert set(ids(ledger).values()) == {"A-1"}


def dirty_components(ledger: Ledger, rows: Iterable[Row]) -> list[list[str]]:
    """What a run with these rows would rebuild."""
    run, touched = take_up(ledger, rows)
    contact_standing.resolve(ledger, run, sorted(touched.contacts))
    return connected_components.dirty_components(ledger, run)


def test_only_dirty_components_are_rebuilt(ledger: Ledger) -> None:
    others = [contact_row(f"A:{n}", ["1"], name=f"Лютикова{n} Анна") for n in range(10, 20)]
    run_once(ledger, [named("A:1", "Кот Том"), named("B:1", "Кот Том"), *others])
    moved = contact_row("A:1", ["2"], 2, name="Сидоркин Лев")
    assert dirty_components(ledger, [moved]) == [["A:1", "B:1"]]
    run_once(ledger)
    assert dirty_components(ledger, []) == []
    new = contact_row("A:2", ["2"], name="Кот Т.", phones=MOBILE)
    assert dirty_components(ledger, [new]) == [["A:2", "B:1"]]


def test_what_the_matching_does_not_look_at_is_merged_without_it(ledger: Ledger) -> None:
    run_once(ledger, [named("A:1", "Кот Том"), named("B:1", "Кот Том")])
    told = contact_row("B:1", ["1"], 2, name="Кот Том", phones=MOBILE, position="Директор")
    assert dirty_components(ledger, [told]) == []
    # That run was cut off: the next one does what it has left.
    run_once(ledger)
    [(person, provenance)] = snapshot(ledger).contacts.values()
    assert (person.position, provenance["position"]) == ("Директор", "B:1")
    assert column(ledger, schema.stale_contacts, "source_id") == []


def test_what_is_new_of_a_company_leaves_its_people_alone(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(ledger, [named("A:1", "Кот Том"), named("B:1", "Кот Том")])
    merged = []
    monkeypatch.setattr(persons, "merge_contact", lambda *args: merged.append(args))
    run_once(ledger, [company_row("A:1", ACTIVE, 2, phones=("+78120000001",))])
    assert snapshot(ledger).companies[ACTIVE][0].phones == ("+78120000001",)
    assert merged == []


def test_who_comes_back_in_another_batch_shares_no_id(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "_ROWS_PER_BATCH", 1)
    run_once(ledger, [named("A:1", "Кот Том"), named("A:2", "Кот Том")])
    run_once(ledger, [contact_row(f"A:{n}", ["1"], 2, reason="deleted_in_store") for n in (1, 2)])
    assert ids(ledger) == {}
    # They were one person once, and are two now.
    run_once(ledger, [named("A:1", "Кот Том", 3), contact_row("A:2", ["1"], 3, name="Пёс Рекс")])
    assert ids(ledger) == {"A:1": "A-1", "A:2": "A-2"}


def test_in_several_processes_they_are_the_same(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("Кот Том", "Пёс Рекс", "Лютикова Анна", "Кот Т.", "Рекс Пёс")
    rows = [
        contact_row(f"A:{n}", [str(1 + n % 2)], name=name, phones=(f"+7921000000{n % 7}",))
        for n, name in enumerate(islice(cycle(names), 40))
    ]
    run_once(ledger, rows)
    expected = snapshot(ledger)
    assert 1 < len(expected.contacts) < 40
    other = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    for module in (persons, contact_standing):
        monkeypatch.setattr(module, "_ROWS_PER_BATCH", 3)
    monkeypatch.setattr(process_pool, "_IN_PLACE", 0)
    run, touched = take_up(other, [*COMPANIES, *rows])
    ask(other, run, touched.tins, VERDICTS)
    two = process_pool.ProcessPool(2)
    rebuild(other, run, touched, two)
    assert two._idle
    two.close()
    assert snapshot(other) == expected
    other.close()


def test_components_are_handed_on_in_batches() -> None:
    assert list(connected_components.batches([["A:1"] * 700, ["A:2"] * 400, ["A:3"]], 1000)) == [
        [["A:1"] * 700, ["A:2"] * 400],
        [["A:3"]],
    ]
