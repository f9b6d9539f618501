"""The model is learned from enough rows, frozen, and the same for whatever comes later."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.helpers.ledger_runs import (
    ACTIVE,
    OTHER,
    column,
    company_row,
    contact_row,
    outcomes,
    run_once,
    snapshot,
)
from tests.helpers.ledgers import empty, open_ledger
from transforms.consolidation import model_learning
from transforms.core.records import Row
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.matching.model import DEFAULT, decode_model, encode_model

COMPANIES = [company_row("A:1", ACTIVE), company_row("A:2", OTHER), company_row("B:1", ACTIVE)]


def people(first: int, last: int) -> list[Row]:
    return [
        contact_row(
            f"{'AB'[n % 2]}:{n}",
            ["1"],
            name=f"Иванов{n // 3} Пётр {'Ильич' if n % 3 else ''}",
            phones=(f"+7921000{n // 3:04}",),
        )
        for n in range(first, last)
    ]


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(model_learning, "ENOUGH", 30)
    monkeypatch.setattr(model_learning, "PLENTY", 35)
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


def payload(ledger: Ledger) -> bytes:
    with ledger.read() as connection:
        return bytes(connection.execute(sa.select(schema.models.c.payload)).scalar_one())


def test_it_is_learned_when_rows_are_enough_and_frozen(ledger: Ledger) -> None:
    run_once(ledger, [*COMPANIES, *people(0, 20)])
    with ledger.read() as connection:
        assert model_learning.current_model(connection) == b""
    run_once(ledger, people(20, 40))
    learned = payload(ledger)
    with ledger.read() as connection:
        assert model_learning.current_model(connection) == learned
    assert (column(ledger, schema.models, "version"), decode_model(learned).version) == ([1], 1)
    run_once(ledger, people(40, 90))
    assert payload(ledger) == learned
    assert column(ledger, schema.dirty_contacts, "source_id") == []
    outcomes(ledger)


def test_what_was_learned_from_few_is_learned_again_when_there_are_twice_as_many(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_learning, "PLENTY", 120)
    versions = []
    # Nothing new, then too little.
    for rows in (people(0, 40), people(0, 40), people(40, 79), people(79, 80), people(80, 240)):
        run_once(ledger, [*COMPANIES, *rows])
        versions.append(column(ledger, schema.models, "version"))
    assert versions == [[1], [1], [1], [1, 2], [1, 2, 3]]
    assert column(ledger, schema.models, "learned_from") == [40, 80, 240]
    # 240 were plenty.
    run_once(ledger, people(240, 800))
    assert column(ledger, schema.models, "version") == [1, 2, 3]


def test_rows_that_are_looked_at_again_are_not_counted_twice(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_learning, "PLENTY", 1000)
    run_once(ledger, [*COMPANIES, *people(0, 40)])
    run_once(ledger, people(40, 60))
    # It would be learned again from 80: all are told again by other names.
    monkeypatch.setattr(model_learning, "_pages", None)
    told = [
        contact_row(f"{'AB'[n % 2]}:{n}", ["1"], name=f"Орлов{n} Лев", at=10) for n in range(60)
    ]
    run_once(ledger, told)
    assert column(ledger, schema.models, "version") == [1]


def test_with_a_frozen_model_deltas_are_a_full_load(ledger: Ledger) -> None:
    run_once(ledger, [*COMPANIES, *people(0, 90)])
    whole, learned = snapshot(ledger), payload(ledger)
    empty(ledger)
    with ledger.write() as connection:
        connection.execute(
            schema.models.insert().values(
                version=1, learned_at="2024", learned_from=90, payload=learned
            )
        )
    for rows in (people(60, 90), COMPANIES, people(0, 31), people(31, 60)):
        run_once(ledger, rows)
    assert snapshot(ledger) == whole


def test_all_is_matched_anew_when_a_model_is_learned(ledger: Ledger) -> None:
    """What came before it is judged by it as well: the order of arrival says nothing."""
    run_once(ledger, [*COMPANIES, *people(0, 25)])
    run_once(ledger, people(25, 90))
    learned, then = payload(ledger), snapshot(ledger)
    empty(ledger)
    with ledger.write() as connection:
        connection.execute(
            schema.models.insert().values(
                version=1, learned_at="2024", learned_from=90, payload=learned
            )
        )
    run_once(ledger, [*COMPANIES, *people(0, 90)])
    assert snapshot(ledger) == then


def test_the_contacts_of_an_older_ledger_are_matched_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/svod.db"
    ledger = open_ledger(url)
    run_once(ledger, [*COMPANIES, *people(0, 9)])
    expected = snapshot(ledger)
    with ledger.write() as connection:
        connection.execute(schema.contact_keys.delete())
        connection.execute(
            schema.meta.update().where(schema.meta.c.key == "schema_version").values(value="4")
        )
    ledger.close()
    ledger = open_ledger(url)
    assert len(column(ledger, schema.dirty_contacts, "source_id")) == 9
    run_once(ledger)
    assert column(ledger, schema.contact_keys, "key") != []
    assert snapshot(ledger) == expected
    ledger.close()


def test_the_default_comes_back_as_it_went() -> None:
    assert decode_model(encode_model(DEFAULT)) == DEFAULT
