"""A store that gets another key: everything goes on under it, nothing is doubled."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    SILENT,
    company_row,
    contact_row,
    outcomes,
    run_once,
    snapshot,
)
from transforms.core.errors import ConfigurationError
from transforms.core.records import COMPANY, CONTACT, Row
from transforms.core.stores import Store, Stores
from transforms.ledger import schema
from transforms.ledger.base.reviews import DoubtfulPair, replace_doubtful_pairs, save_judgements
from transforms.ledger.cursors import move_cursors, read_cursors
from transforms.ledger.database import Ledger
from transforms.ledger.renaming import Renaming
from transforms.ledger.statements import upsert
from transforms.ledger.stores import stores_of_ledger, write_stores

OLD = Stores([Store("o_d", "Старый", last_read_wins=False), Store("B", "B")])
NEW = Stores([Store("shop", "Новый", last_read_wins=False), Store("B", "B")])


def rows_of(key: str) -> list[Row]:
    """A row for each outcome, of the store with this key and of another."""
    return [
        company_row(f"{key}:1", ACTIVE, name="Ромашка"),
        company_row(f"{key}:2", CLOSED),
        company_row(f"{key}:3", SILENT),
        company_row(f"{key}:4", "123", reason="bad_tin_format"),
        company_row("B:1", ACTIVE, 2, name="Ромашка Б"),
        contact_row(f"{key}:1", ["1"], name="Иванов Пётр", phones=("+79211234567",)),
        contact_row(f"{key}:2", ["2"], name="Сидоркин Лев"),
        contact_row(f"{key}:3", ["9"], name="Лютикова Анна"),
        contact_row("B:1", ["1"], name="Петров Иван"),
    ]


def fill(ledger: Ledger, key: str) -> None:
    run_once(ledger, rows_of(key))

    def add(connection: sa.Connection) -> None:
        pair = DoubtfulPair(CONTACT, f"{key}:1", "B:1", 1.0, "why", ())
        suggestion = DoubtfulPair(COMPANY, f"{key}:4", ACTIVE, 1.0, "why", ())
        replace_doubtful_pairs(connection, CONTACT, [], [pair])
        replace_doubtful_pairs(connection, COMPANY, [], [suggestion])
        save_judgements(connection, CONTACT, {("B:7", f"{key}:7"): False}, "2024-01-01T00:00:00Z")
        save_judgements(connection, COMPANY, {(f"{key}:8", ACTIVE): True}, "2024-01-01T00:00:00Z")
        move_cursors(connection, {f"{key}.company": "2024-01-01", "B.company": "2024-01-02"})
        tombstone = {"changed_at": 1, "tie_order": 0, "raw": b"{}"}
        upsert(connection, schema.tombstones, [{"source": key, "source_id": "99", **tombstone}])
        former = {"key": "o_d-50", "born": 1}
        upsert(connection, schema.former_persons, [{"source": key, "source_id": "50", **former}])
        card = {"crm_id": 5, "version": "", "loaded_at": "", "created_run": 1, "updated_run": 1}
        upsert(connection, schema.crosswalk, [{"kind": CONTACT, "key": "o_d-50", **card}])

    ledger.transact(add)


VOLATILE = {"runs", "meta", "progress", "progress_parts", "stores", "former_store_keys"}


def content(ledger: Ledger) -> dict[str, list[Any]]:
    with ledger.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in schema.metadata.sorted_tables
            if table.name not in VOLATILE
        }


def references(ledger: Ledger) -> set[str]:
    """Every store key that any table names in a column of its own, or in a pair."""
    keys: set[str] = set()
    with ledger.read() as connection:
        for table in schema.metadata.sorted_tables:
            for column in table.columns:
                values = connection.execute(sa.select(column)).scalars().all()
                if column.name == "source":
                    keys.update(values)
                elif table.name in ("doubts", "judgements") and column.name in ("one", "other"):
                    keys.update(value.partition(":")[0] for value in values if ":" in value)
                elif table.name == "cursors" and column.name == "name":
                    keys.update(value.partition(".")[0] for value in values)
    return keys


def test_all_of_it_goes_on_under_the_new_key(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    before = outcomes(ledger)
    write_stores(ledger, NEW, [Renaming("shop", "o_d")])
    assert references(ledger) == {"shop", "B"}
    run_once(ledger, rows_of("shop"))
    state = snapshot(ledger)
    # Ids of persons are given once: the cards of the CRM bear them.
    assert outcomes(ledger) == {ref.replace("o_d:", "shop:"): end for ref, end in before.items()}
    assert outcomes(ledger)["contact shop:1"] == "golden o_d-1"
    company, provenance, members = state.companies[ACTIVE]
    assert company.stores == ("B", "shop")
    assert "o_d" not in " ".join(provenance.values())
    assert members == {"shop:1", "B:1"}
    assert "o_d" not in repr([origins for _, origins in state.contacts.values()])
    with ledger.read() as connection:
        assert read_cursors(connection) == {"shop.company": "2024-01-01", "B.company": "2024-01-02"}
        judged = connection.execute(sa.select(schema.judgements.c.one, schema.judgements.c.other))
        assert sorted(map(tuple, judged)) == [("B:7", "shop:7"), ("shop:8", ACTIVE)]
    assert [store.key for store in stores_of_ledger(ledger)] == ["B", "shop"]


def test_the_same_line_changes_nothing_the_second_time(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    write_stores(ledger, NEW, [Renaming("shop", "o_d")])
    run_once(ledger)
    before = content(ledger)
    for renamings in ([Renaming("shop", "o_d")], [Renaming("shop", "nowhere")], []):
        write_stores(ledger, NEW, renamings)
        assert content(ledger) == before


def test_an_unknown_former_key_changes_nothing(ledger: Ledger) -> None:
    write_stores(ledger, NEW, [Renaming("shop", "o_d")])
    fill(ledger, "shop")
    before = content(ledger)
    write_stores(ledger, NEW, [Renaming("shop", "O_D")])
    assert content(ledger) == before


def test_two_stores_are_not_made_one(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    before = content(ledger)
    with pytest.raises(
        ConfigurationError, match=r"^store\.B\.renamed_from: the ledger has rows of"
    ):
        write_stores(ledger, Stores([Store("B", "B")]), [Renaming("B", "o_d")])
    assert content(ledger) == before
    assert [store.key for store in stores_of_ledger(ledger)] == ["B", "o_d"]


def test_a_key_may_change_its_case_only(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    write_stores(
        ledger, Stores([Store("O_D", "Старый"), Store("B", "B")]), [Renaming("O_D", "o_d")]
    )
    assert references(ledger) == {"O_D", "B"}


def test_a_cursor_that_does_not_tell_its_store_gets_the_name_that_is_said(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    positions = {"companies": "2024-02-01", "contacts": "2024-02-02"}
    ledger.transact(lambda connection: move_cursors(connection, positions))
    names = {"companies": "shop.company", "contacts": "shop.contact", "orders": "shop.order"}
    write_stores(ledger, NEW, [Renaming("shop", "o_d", names)])
    with ledger.read() as connection:
        cursors = read_cursors(connection)
    assert cursors["shop.contact"] == "2024-02-02"
    assert cursors.keys() == {"shop.company", "shop.contact", "B.company"}


def test_a_key_with_an_underscore_is_no_pattern(ledger: Ledger) -> None:
    write_stores(ledger, Stores([Store("o_d", "x"), Store("old", "y"), Store("B", "B")]))
    fill(ledger, "o_d")
    run_once(ledger, [company_row("old:1", ACTIVE, 7)])
    ledger.transact(lambda connection: move_cursors(connection, {"old.company": "2024"}))
    write_stores(ledger, NEW, [Renaming("shop", "o_d")])
    assert references(ledger) == {"shop", "old", "B"}


def test_a_later_store_of_the_former_key_gives_no_id_again(ledger: Ledger) -> None:
    write_stores(ledger, OLD)
    fill(ledger, "o_d")
    write_stores(ledger, NEW, [Renaming("shop", "o_d")])
    run_once(ledger)
    write_stores(ledger, Stores([*NEW, Store("o_d", "Другой")]))
    run_once(
        ledger,
        [
            company_row("o_d:1", ACTIVE),
            contact_row("o_d:1", ["1"], name="Кот Том", phones=("+79990000001",)),
            contact_row("o_d:50", ["1"], name="Ёж Лев", phones=("+79990000002",)),
        ],
    )
    ends = outcomes(ledger)
    assert ends["contact shop:1"] == "golden o_d-1"
    # o_d-1 lives; o_d-50 has left the base, but its card is in the CRM.
    assert ends["contact o_d:1"] == "golden o_d-1.2"
    assert ends["contact o_d:50"] == "golden o_d-50.2"
