"""``svod explain``: the whole story of a record, exactly."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.explain.story import UnknownRecordError, explain
from tests.helpers.report_ledger import CLOSED, GOOD, UNANSWERED, filled_ledger
from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.database import Ledger


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Run]]:
    folder: Path = tmp_path_factory.mktemp("explain")
    with filled_ledger(folder / "svod.db") as filled_world:
        yield filled_world


def explained(world: tuple[Ledger, Run], name: str) -> list[str]:
    return explain(world[0], name).splitlines()


def test_a_company_in_the_crm_is_told_from_its_rows_to_its_ids(world: tuple[Ledger, Run]) -> None:
    lines = explained(world, GOOD)
    moment = world[1].started_at
    expiry_line = next(line for line in lines if line.startswith("   good until "))
    loaded_line = next(line for line in lines if line.startswith("   company 15"))
    assert lines == [
        f"Company {GOOD}: in the CRM as company 15, in full",
        "",
        "1. Rows and cleaning",
        "   A:17, changed 2024-02-11 14:40:12 UTC: valid",
        "      phone: unreadable: спросить Машу",
        f'      original: {{"id": "17", "inn": "{GOOD}", "name": "ООО «Ромашка»"}}',
        "   B:0001000123, changed 2024-02-11 14:40:12 UTC: valid",
        f'      original: {{"id": "0001000123", "inn": "{GOOD}", "name": "Ромашка"}}',
        "2. TIN",
        "   the control digits agree",
        "3. Register",
        "   active (ACTIVE), as of 2024-02-11 14:40:12 UTC, asked for",
        expiry_line,
        "4. Consolidation",
        f"   tin: {GOOD}",
        "   title: ООО «Ромашка»   <- register",
        "   address: 198096, г. Санкт-Петербург   <- register",
        "   accounts: 40602810700000000025 (BIK 049805746)   <- A:17",
        "   phones: +78121234567   <- A:17",
        "   emails: info@romashka.example   <- A:17",
        "   site: romashka.example   <- B:0001000123",
        "   orders: 3, 12,346.50 RUB, the last on 2024-02-01   <- all its rows",
        "   stores: A, B",
        "   members: A:17, B:0001000123",
        "   contacts: A-17, A-6",
        "5. CRM",
        loaded_line,
        "   item: 15",
    ]
    assert loaded_line.startswith(f"   company 15, in full, last written {moment[:10]}")


def test_a_number_of_a_company_and_of_a_contact_tells_both(world: tuple[Ledger, Run]) -> None:
    lines = explained(world, "а:17")  # typed with the keyboard in Russian
    company, contact = lines.index("A:17 (company)"), lines.index("A:17 (contact)")
    assert lines[company + 2 : contact - 1] == explained(world, GOOD)
    assert lines[contact + 2 :] == explained(world, "A-17")


def test_a_contact_names_the_winner_of_each_field(world: tuple[Ledger, Run]) -> None:
    lines = explained(world, "A-17")
    assert lines[0] == "Contact A-17: in the CRM as contact 25, in full"
    assert lines[lines.index("2. Their companies") : lines.index("4. CRM")] == [
        "2. Their companies",
        f"   A:17: part of company {GOOD}",
        f"   B:0001000123: part of company {GOOD}",
        "3. Consolidation",
        "   key: A-17",
        "   last_name: Иванов   <- A:17",
        "   first_name: Пётр   <- A:17",
        "   middle_name: Сергеевич   <- B:0002000456",
        "   position: Директор   <- B:0002000456",
        f"   tins: {GOOD}",
        "   phones: +79211234567   <- A:17",
        "   emails: ivanov@romashka.example   <- B:0002000456",
        "   members: A:17, B:0002000456",
    ]


def test_a_partner_is_found_without_its_leading_zeros(world: tuple[Ledger, Run]) -> None:
    assert explained(world, "b:2000456")[2:] == explained(world, "A-17")


@pytest.mark.parametrize(
    ("name", "first", "outcome"),
    [
        (
            CLOSED,
            f"Company {CLOSED}: not in the CRM; no row stands for it:"
            " refused, not_active (LIQUIDATED), since {moment}",
            "   not_active (LIQUIDATED), as of 2024-02-11 14:40:12 UTC, from a bulk file",
        ),
        (
            UNANSWERED,
            f"Company {UNANSWERED}: not in the CRM; no row stands for it:"
            " deferred, register_no_answer, since {moment}",
            "   no answer is known: not asked, or the register did not answer",
        ),
        (
            "A:18",
            "A:18 (company)",
            "   A:18, changed 2024-02-11 14:40:12 UTC:"
            " refused, bad_tin_checksum (as cleaning says it), since {moment}",
        ),
        ("A:4", "A:4 (contact)", "   A:20: refused, not_active (LIQUIDATED), since {moment}"),
        ("A:5", "A:5 (contact)", "   A:999: unknown: its store has not sent it"),
        (
            "A:5",
            "A:5 (contact)",
            "   A:5, changed 2024-02-11 14:40:12 UTC:"
            " deferred, waiting_for_company, since {moment}",
        ),
        ("A-6", "Contact A-6: not in the CRM: the CRM rejects it", "   never loaded"),
        (
            "1717586110",
            "Company 1717586110: not in the CRM; no row stands for it:"
            " refused, bad_tin_checksum (as cleaning says it), since {moment}",
            "   bad_tin_checksum: the control digits do not agree",
        ),
    ],
)
def test_why_not(world: tuple[Ledger, Run], name: str, first: str, outcome: str) -> None:
    moment = world[1].started_at
    lines = explained(world, name)
    assert lines[0] == first.format(moment=moment)
    assert outcome.format(moment=moment) in lines


def test_a_merged_contact_and_one_that_left_the_stores(tmp_path: Path) -> None:
    with filled_ledger(tmp_path / "svod.db") as (ledger, _):
        with ledger.write() as connection:
            connection.execute(
                schema.aliases.insert().values(kind="contact", alias="B-9", key="A-17")
            )
            connection.execute(
                schema.crosswalk.insert().values(
                    kind="contact",
                    key="A-9",
                    crm_id=99,
                    version="0" * 16,
                    loaded_at="2024-01-01T00:00:00Z",
                    created_run=1,
                    updated_run=1,
                )
            )
        lines = explain(ledger, "B-9").splitlines()
        assert lines[:2] == [
            "Contact A-17: in the CRM as contact 25, in full",
            "B-9 was merged into it.",
        ]
        assert "   merged into it: B-9" in lines
        assert explain(ledger, "A-9").splitlines() == [
            "Contact A-9: in the CRM as contact 99; no row stands for it",
            "",
            "1. Rows and cleaning",
            "   no store has a row of it any more",
            "2. Their companies",
            "3. Consolidation",
            "   no record: none of its rows is good",
            "4. CRM",
            "   contact 99, not in full, last written 2024-01-01T00:00:00Z",
        ]


@pytest.mark.parametrize("name", ["7728168971", "A:404", "B:404", "A-404", "", "x" * 5000, "'; --"])
def test_what_is_unknown_is_said_plainly(world: tuple[Ledger, Run], name: str) -> None:
    with pytest.raises(UnknownRecordError, match=r"^nothing is known of .*: give a TIN"):
        explain(world[0], name)
