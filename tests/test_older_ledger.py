"""A ledger that commit 9148ef9 made (schema version 5) is opened by this program and continued.

``tests/data/ledger_9148ef9`` holds the ledger (``ledger.sql``), the portal (``portal.json``) and
store B's export file after that program's ``svod full`` and ``svod delta`` on the stores that
``older`` fills. Between the two runs a person renamed a card in the CRM.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.installation import Installation, organisation, party, person, tin

KEPT = Path(__file__).parent / "data" / "ledger_9148ef9"
KINDS = ("companies", "contacts")
EDITED_TITLE = "Правка менеджера"


@pytest.fixture
def older(place: Installation) -> Installation:
    """The installation as commit 9148ef9 left it."""
    place.know(
        [*(party(tin(n), f"Рога {n}") for n in range(1, 9)), party(tin(9), "Копыта", "LIQUIDATED")]
    )
    for number in range(1, 6):
        place.company(
            number,
            tin(number),
            name=f'ООО "Рога {number}"',
            phone=f"8 (812) 123-45-6{number}",
            email=f"info@roga{number}.example",
            bik="044525225",
            account="40702810938000060473",
            address="198096, г. Санкт-Петербург",
        )
        place.contact(
            number,
            number,
            first_name="Пётр",
            middle_name="Сергеевич",
            phone=f"+7 921 000-10-0{number}",
            email=f"p{number}@roga{number}.example",
        )
    place.company(6, "1717586110")
    place.company(7, tin(9))
    place.contact(8, 6, first_name="Анна")
    place.contact(9, 77, first_name="Ждун")
    place.change("companies", 1, phone="8 (812) 765-43-21")
    (place.files / "partners.json").write_bytes((KEPT / "partners.json").read_bytes())
    with closing(sqlite3.connect(place.folder / "svod.db")) as ledger:
        ledger.executescript((KEPT / "ledger.sql").read_text("utf-8"))
    place.portal.state.load((KEPT / "portal.json").read_bytes())
    place.wrote()
    return place


def test_a_full_load_sends_nothing_that_the_portal_holds_already(older: Installation) -> None:
    ended = older.full()
    assert ended.code == 0, ended.err
    summary = older.summary()
    assert summary["read"] == {
        "A": {"companies": 7, "contacts": 7},
        "B": {"companies": 5, "contacts": 7},
    }
    for kind, golden in (("companies", 8), ("contacts", 10)):
        counts = {
            name: summary[kind][name] for name in ("golden", "created", "updated", "unchanged")
        }
        assert counts == {"golden": golden, "created": 0, "updated": 0, "unchanged": golden}, kind
    assert older.wrote() == {}
    assert EDITED_TITLE in older.titles().values()


def test_a_delta_goes_on_where_the_older_program_ended(older: Installation) -> None:
    older.company(10, tin(11), name="ООО Новая", updated_at="2024-06-01 10:00:00")
    older.know([party(tin(n), f"Рога {n}") for n in (*range(1, 9), 11)])
    older.change("contacts", 2, phone="+7 921 000-20-02", updated_at="2024-06-01 10:00:00")
    ended = older.delta()
    assert ended.code == 0, ended.err
    summary = older.summary()
    assert {kind: (summary[kind]["created"], summary[kind]["updated"]) for kind in KINDS} == {
        "companies": (1, 0),
        "contacts": (0, 1),
    }
    assert len(older.titles()) == 9
    assert len(older.people()) == 10


def test_changes_of_the_export_reach_the_cards_that_the_older_program_made(
    older: Installation,
) -> None:
    number, person_number = "0001000004", "0002000004"
    changed = {"changed_at": "2024-07-01T12:00:00+03:00"}
    older.export(
        organisation(number, tin(4), phones=["8 800 700-00-04"], **changed),
        person(person_number, number, first_name="Иван", position="Директор", **changed),
        name="changes.json",
    )
    ended = older.full()
    assert ended.code == 0, ended.err
    summary = older.summary()
    assert {kind: (summary[kind]["created"], summary[kind]["updated"]) for kind in KINDS} == {
        "companies": (0, 1),
        "contacts": (0, 1),
    }


def test_the_commands_that_look_know_what_the_older_program_loaded(older: Installation) -> None:
    status = older.svod("status")
    assert (status.code, "delta" in status.out) == (0, True)
    explained = older.svod("explain", tin(4))
    assert explained.code == 0
    assert "A:4" in explained.out
    assert "B:0001000004" in explained.out
    refused = older.svod("explain", "A:6")
    assert "bad_tin_checksum" in refused.out
