"""What becomes of a row, and of those that hang on it, as stores and register change."""

from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    SILENT,
    VERDICTS,
    answer,
    column,
    company_row,
    contact_row,
    outcomes,
    rebuild,
    run_once,
    snapshot,
    take_up,
)
from transforms.consolidation import companies
from transforms.core.records import COMPANY, CONTACT, Row
from transforms.ledger import accounting, schema
from transforms.ledger.accounting import NumbersDoNotAddUpError
from transforms.ledger.base.answers import save_answers
from transforms.ledger.database import Ledger
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.rows.versions import newest
from transforms.ledger.runs import start_run

BASE = (
    company_row("A:1", ACTIVE, name="Ромашка"),
    company_row("A:2", CLOSED),
    company_row("A:3", SILENT),
    company_row("A:4", "123", reason="bad_tin_format"),
    company_row("B:1", ACTIVE, name="Ромашка Б"),
    contact_row("A:1", ["1"], name="Иванов Пётр"),
    contact_row("A:2", ["2"], name="Сидоркин Лев"),
    contact_row("A:3", ["3"], name="Лютикова Анна"),
    contact_row("A:4", ["4"], name="Ведьмин Ян"),
    contact_row("A:5", ["404"], name="Петрова Ия"),
    contact_row("A:6", [], reason="no_company", name="Кот Том"),
    contact_row("B:1", ["1"], name="Иванов Петр"),
)
AT_FIRST = {
    "company A:1": f"golden {ACTIVE}",
    "company A:2": "not_active",
    "company A:3": "register_no_answer",
    "company A:4": "bad_tin_format",
    "company B:1": f"golden {ACTIVE}",
    "contact A:1": "golden A-1",
    "contact A:2": "company_refused",
    "contact A:3": "waiting_for_company",
    "contact A:4": "company_refused",
    "contact A:5": "waiting_for_company",
    "contact A:6": "no_company",
    "contact B:1": "golden A-1",
}


@pytest.mark.parametrize(
    ("changes", "verdicts", "differing"),
    [
        ([], {}, {}),
        # A row is refused, or deleted: the others of its TIN carry the company.
        (
            [company_row("A:1", "1", 2, reason="bad_tin_checksum")],
            {},
            {
                "company A:1": "bad_tin_checksum",
                "contact A:1": "company_refused",
                "contact B:1": "golden A-1",
            },
        ),
        (
            [company_row(ref, ACTIVE, 2, reason="deleted_in_store") for ref in ("A:1", "B:1")],
            {},
            {
                "company A:1": "deleted_in_store",
                "company B:1": "deleted_in_store",
                "contact A:1": "company_refused",
                "contact B:1": "company_refused",
            },
        ),
        # A refused row becomes good, and its contacts follow.
        (
            [company_row("A:4", OTHER, 2)],
            {},
            {"company A:4": f"golden {OTHER}", "contact A:4": "golden A-4"},
        ),
        # A row changes its TIN: to an active one, a closed one, one without an answer.
        (
            [company_row("A:1", OTHER, 2)],
            {},
            {"company A:1": f"golden {OTHER}", "contact B:1": "golden B-1"},
        ),
        (
            [company_row("A:1", CLOSED, 2)],
            {},
            {"company A:1": "not_active", "contact A:1": "company_refused"},
        ),
        (
            [company_row("A:1", SILENT, 2)],
            {},
            {"company A:1": "register_no_answer", "contact A:1": "waiting_for_company"},
        ),
        # A contact moves: to another company, to a refused one, to one that is not known, to none.
        (
            [contact_row("A:1", ["4"], 2), company_row("A:4", OTHER, 2)],
            {},
            {
                "company A:4": f"golden {OTHER}",
                "contact A:4": "golden A-4",
                "contact B:1": "golden B-1",
            },
        ),
        ([contact_row("A:1", ["2"], 2)], {}, {"contact A:1": "company_refused"}),
        ([contact_row("A:1", ["404"], 2)], {}, {"contact A:1": "waiting_for_company"}),
        ([contact_row("A:1", [], 2, reason="no_company")], {}, {"contact A:1": "no_company"}),
        # Several companies: the good one counts; then what may still come; only then refused.
        (
            [contact_row("A:2", ["2", "1", "404"], 2, name="Сидоркин Лев")],
            {},
            {"contact A:2": "golden A-2"},
        ),
        ([contact_row("A:2", ["2", "404"], 2)], {}, {"contact A:2": "waiting_for_company"}),
        ([contact_row("A:2", ["2", "4"], 2)], {}, {}),
        # The company that a contact waits for comes: good, refused, without an answer.
        (
            [company_row("A:404", OTHER)],
            {},
            {"company A:404": f"golden {OTHER}", "contact A:5": "golden A-5"},
        ),
        (
            [company_row("A:404", "", reason="missing_tin")],
            {},
            {"company A:404": "missing_tin", "contact A:5": "company_refused"},
        ),
        ([company_row("A:404", SILENT)], {}, {"company A:404": "register_no_answer"}),
        # The register answers at last.
        ([], {SILENT: "active"}, {"company A:3": f"golden {SILENT}", "contact A:3": "golden A-3"}),
        (
            [],
            {SILENT: "not_in_register"},
            {"company A:3": "not_in_register", "contact A:3": "company_refused"},
        ),
        # An old version changes nothing.
        ([company_row("A:1", OTHER, 0), contact_row("A:1", [], 0, reason="no_company")], {}, {}),
    ],
)
def test_rows_go_from_one_outcome_to_another(
    ledger: Ledger, changes: list[Any], verdicts: dict[str, str], differing: dict[str, str]
) -> None:
    run_once(ledger, BASE)
    assert outcomes(ledger) == AT_FIRST
    run = run_once(ledger, changes, {**VERDICTS, **verdicts})
    found = outcomes(ledger)
    assert found == AT_FIRST | differing
    with ledger.read() as connection:
        for kind in (COMPANY, CONTACT):
            counted = accounting.row_outcomes(connection, run, kind)
            total = (
                counted["valid"]
                + sum(counted["invalid"].values())
                + sum(counted["deferred"].values())
            )
            assert total == len({(c.source, c.source_id) for c in changes if c.kind == kind})
    run_once(ledger, [*BASE, *changes], {**VERDICTS, **verdicts})
    assert outcomes(ledger) == found


def test_an_active_company_becomes_inactive_and_active_again(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    golden = snapshot(ledger)
    for verdict, of_row, of_contact in (
        ("not_active", "not_active", "company_refused"),
        ("not_in_register", "not_in_register", "company_refused"),
    ):
        _expire(ledger, ACTIVE)
        run_once(ledger, [], {**VERDICTS, ACTIVE: verdict})
        found = outcomes(ledger)
        assert (found["company A:1"], found["contact A:1"]) == (of_row, of_contact)
        assert found["company B:1"] == of_row
        assert ACTIVE not in column(ledger, schema.golden, "key")
    _expire(ledger, ACTIVE)
    run_once(ledger, [])
    assert snapshot(ledger) == golden


def test_a_company_in_the_base_stays_there_while_the_register_is_silent(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    _expire(ledger, ACTIVE)
    run = run_once(ledger, BASE, {**VERDICTS, ACTIVE: None})
    assert ACTIVE in column(ledger, schema.golden, "key")
    with ledger.read() as connection:
        counted = accounting.row_outcomes(connection, run, COMPANY)
    assert counted == {
        "valid": 0,
        "invalid": {"not_active": 1, "bad_tin_format": 1},
        "deferred": {"register_no_answer": 3},
    }
    # A row that leaves it meanwhile is no longer its own, and neither are that row's contacts.
    run = run_once(
        ledger, [company_row("A:1", "", 2, reason="missing_tin")], {**VERDICTS, ACTIVE: None}
    )
    with ledger.read() as connection:
        counted = accounting.row_outcomes(connection, run, COMPANY)
    assert counted == {"valid": 0, "invalid": {"missing_tin": 1}, "deferred": {}}
    assert snapshot(ledger).companies[ACTIVE][2] == {"B:1"}
    assert snapshot(ledger).invalid["contact A:1"][1] == "company_refused"
    run_once(ledger)
    assert outcomes(ledger)["company B:1"] == f"golden {ACTIVE}"


def _expire(ledger: Ledger, tin: str) -> None:
    table = schema.register_answers
    with ledger.write() as connection:
        connection.execute(table.update().where(table.c.tin == tin).values(expires_at=1, as_of=1))


def test_a_refusal_is_there_once_keeps_its_first_time_and_leaves(ledger: Ledger) -> None:
    table = schema.invalid_companies
    first = run_once(ledger, BASE)
    with ledger.write() as connection:
        connection.execute(
            table.update().values(first_seen_at="2024-01-01", last_seen_at="2024-01-02")
        )
    second = run_once(ledger, BASE)
    ledger.transact(lambda connection: accounting.touch_refusals(connection, second))
    query = sa.select(table).where(table.c.source_id == "4")
    with ledger.read() as connection:
        (row,) = connection.execute(query)
    assert (row.first_seen_at, row.last_seen_at, row.run_id) == (
        "2024-01-01",
        second.started_at,
        second.run_id,
    )
    third = run_once(ledger, [company_row("A:4", "99", 2, reason="bad_tin_checksum")])
    with ledger.read() as connection:
        (row,) = connection.execute(query)
    assert (row.first_seen_at, row.reason, row.run_id) == (
        "2024-01-01",
        "bad_tin_checksum",
        third.run_id,
    )
    assert b'"bad_tin_checksum"' in row.record.encode()
    run_once(ledger, [company_row("A:4", OTHER, 3)])
    with ledger.read() as connection:
        assert connection.execute(query).all() == []
    assert first.run_seq < second.run_seq < third.run_seq


def test_since_when_a_row_waits_is_kept(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    with ledger.write() as connection:
        connection.execute(schema.deferred.update().values(since="2024-01-01"))
    run_once(ledger, BASE)
    assert set(column(ledger, schema.deferred, "since")) == {"2024-01-01"}


@pytest.mark.parametrize("versions", [(1, 2), (2, 1)])
@pytest.mark.parametrize("apart", [True, False])
def test_the_newest_version_wins_and_a_later_offset_breaks_ties(
    ledger: Ledger, versions: tuple[int, int], apart: bool
) -> None:
    for shift in (0, 10):
        rows = [
            company_row(
                "B:9",
                ACTIVE,
                at=5 if shift else at,
                order=at if shift else 0,
                name=f"Имя {at + shift}",
            )
            for at in versions
        ]
        for part in [[row] for row in rows] if apart else [rows]:
            run_once(ledger, part)
        assert snapshot(ledger).companies[ACTIVE][0].title == f"Имя {2 + shift}"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_copies_of_one_moment_a_fixed_one_wins(
    ledger: Ledger, order: tuple[int, int]
) -> None:
    copies = [company_row("B:9", ACTIVE, name=name) for name in ("Альфа", "Омега")]
    for number in order:
        run_once(ledger, [copies[number]])
    (other,) = newest(copies)
    assert column(ledger, schema.rows, "raw") == [other.raw]


def test_of_one_original_the_later_cleaning_wins(ledger: Ledger) -> None:
    """Rules become better: what they make of the same record replaces what was made before."""
    row = company_row("B:9", "78", reason="bad_tin_format")
    for fixed in (company_row("B:9", ACTIVE), company_row("B:9", OTHER, name="Я"), row):
        better = msgspec.structs.replace(fixed, raw=row.raw)
        run_once(ledger, [better])
        assert column(ledger, schema.rows, "fingerprint") == [better.fingerprint]


def test_store_a_is_read_as_it_stands_now(ledger: Ledger) -> None:
    """Its orders change without its clock."""
    for name in ("Омега", "Альфа", "Омега"):
        run_once(ledger, [company_row("A:9", ACTIVE, name=name)])
        assert snapshot(ledger).companies[ACTIVE][0].title == name


@pytest.mark.parametrize("after", ["remember", "companies"])
def test_a_run_that_was_cut_off_is_finished_by_the_next(ledger: Ledger, after: str) -> None:
    run, touched = take_up(ledger, BASE)
    if after == "companies":
        ledger.transact(
            lambda connection: save_answers(
                connection, run.run_seq, [answer(ACTIVE, "active"), answer(CLOSED, "not_active")]
            )
        )
        companies.consolidate(ledger, run, sorted(touched.tins))
    run_once(ledger)
    assert outcomes(ledger) == AT_FIRST
    # And once that is done it is not done again.
    run, touched = take_up(ledger)
    assert (touched.tins, touched.companies, touched.contacts) == ({SILENT}, set(), set())
    assert column(ledger, schema.runs, "status") == ["interrupted", "interrupted", "running"]


@pytest.mark.parametrize(
    ("row", "differing"),
    [
        (company_row("A:1", ACTIVE, 2, phones=("+78120000002",)), set()),
        (company_row("B:9", ACTIVE, 2), {("B", "9")}),
        (company_row("A:1", OTHER, 2), {("A", "1")}),
    ],
)
def test_contacts_are_looked_at_again_only_where_their_company_row_stands_differently(
    ledger: Ledger, row: Row, differing: set[tuple[str, str]]
) -> None:
    run_once(ledger, BASE)
    run, touched = take_up(ledger, [row])
    tins = sorted(touched.tins - {SILENT})
    first = companies.consolidate(ledger, run, tins, is_first_attempt=True)
    assert first == differing
    assert companies.consolidate(ledger, run, tins) >= differing | {("B", "1")}


def test_answers_that_came_from_files_or_grew_old_are_taken_up(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    bulk = start_run(ledger, "register import")
    ledger.transact(
        lambda connection: save_answers(
            connection,
            bulk.run_seq,
            [answer(CLOSED, "active", origin="bulk"), answer("7701", "active")],
        )
    )
    _, touched = take_up(ledger)
    assert touched.tins == {CLOSED, SILENT}
    _expire(ledger, ACTIVE)
    _, touched = take_up(ledger)
    assert touched.tins == {CLOSED, SILENT, ACTIVE}


def test_what_is_read_again_is_seen_and_touches_nothing(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    run = start_run(ledger, "full")
    touched = remember(ledger, run, BASE)
    assert (touched.tins, touched.companies, touched.contacts) == (set(), set(), set())
    with ledger.read() as connection:
        assert accounting.read_counts(connection, run) == {
            "A": {"companies": 4, "contacts": 6},
            "B": {"companies": 1, "contacts": 1},
        }


@pytest.mark.parametrize("rebuilt", [True, False])
def test_an_event_that_comes_once_more_touches_nothing(ledger: Ledger, rebuilt: bool) -> None:
    def versions(order: int, name: str = "Кот Том") -> list[Row]:
        contact = contact_row("B:1", ["9"], 5, order=order, name=name)
        return [company_row("B:9", ACTIVE, 5, order=order), contact]

    (run_once if rebuilt else take_up)(ledger, versions(1))
    _, touched = take_up(ledger, versions(3))
    # What the first run was cut off from is still to be done.
    told = (set(), set()) if rebuilt else ({ACTIVE}, {("B", "1")})
    assert (touched.tins, touched.contacts) == told
    # Its place counts: what came between them is older.
    run_once(ledger, versions(2, "Пёс Рекс"))
    assert [one.last_name for one, *_ in snapshot(ledger).contacts.values()] == ["Кот"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (schema.members.delete(), "none"),
        (
            schema.deferred.insert().values(
                kind=COMPANY, source="A", source_id="4", tin="", reason="x", since=""
            ),
            "two outcomes",
        ),
    ],
)
def test_numbers_that_do_not_add_up_are_told(ledger: Ledger, spoil: Any, message: str) -> None:
    run = run_once(ledger, BASE)
    with ledger.write() as connection:
        connection.execute(spoil)
    with ledger.read() as connection, pytest.raises(NumbersDoNotAddUpError, match=message):
        accounting.row_outcomes(connection, run, COMPANY)


def test_provenance_follows_the_winner_though_the_value_stays(ledger: Ledger) -> None:
    run_once(ledger, [company_row("A:1", ACTIVE, name="Ромашка")])
    (version,) = column(ledger, schema.golden, "version")
    run_once(ledger, [company_row("A:2", ACTIVE, 2, name="Ромашка")])
    golden, provenance, members = snapshot(ledger).companies[ACTIVE]
    assert (golden.title, provenance, members) == ("Ромашка", {"name": "A:2"}, {"A:1", "A:2"})
    # The CRM has nothing to learn from that.
    assert column(ledger, schema.golden, "version") == [version]


def test_rebuilding_twice_writes_nothing(ledger: Ledger) -> None:
    run_once(ledger, BASE)
    run, touched = take_up(ledger)
    touched.tins |= {ACTIVE, CLOSED}
    touched.contacts |= {("A", str(n)) for n in range(1, 7)}
    rebuild(ledger, run, touched, VERDICTS)
    assert set(column(ledger, schema.golden, "run_seq")) == {1}
