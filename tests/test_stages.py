"""The stages of a run: their order, their progress, and what they return when repeated."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.helpers.ledger_runs import (
    ACTIVE,
    VERDICTS,
    ask,
    company_row,
    contact_row,
    outcomes,
    run_once,
    take_up,
)
from transforms import stages
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run
from transforms.core.records import DeadLetter, Row, encode_rows
from transforms.core.secrets import Secret
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.progress import stages as progress_of
from transforms.ledger.runs import start_run

REGISTER = RegisterAccess("http://127.0.0.1:1", Secret("SVOD_REGISTER_TOKEN"), 1, 1)
ROWS = [
    company_row("A:1", ACTIVE),
    contact_row("A:2", ["1"], name="Иванов Пётр"),
    contact_row("B:3", ["9"], name="Петров Иван"),
]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = open_ledger("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """A register that answers as the test helpers say."""

    class Session:
        def ask(self, ledger: Ledger, run: Run, tins: list[str]) -> None:
            ask(ledger, run, tins, VERDICTS)

    @contextmanager
    def shared_session(_: RegisterAccess) -> Iterator[Any]:
        yield Session()

    monkeypatch.setattr(stages, "shared_session", shared_session)


def run_all(ledger: Ledger, rows: list[Row], letters: list[DeadLetter] | None = None) -> list[str]:
    """One run of all stages but the load; returns the stages that noted progress."""
    run = start_run(ledger, "delta")
    encoded = [encode_rows(rows)] if rows else []
    stages.run_stages(ledger, run, REGISTER, None, encoded, letters or [])
    with ledger.read() as connection:
        return [stage.stage for stage in progress_of(connection, run.run_id)]


@pytest.mark.usefixtures("register")
def test_all_stages_in_their_order(ledger: Ledger) -> None:
    assert run_all(ledger, ROWS) == ["remember", "companies", "contacts"]
    assert outcomes(ledger) == {
        "company A:1": f"golden {ACTIVE}",
        "contact A:2": "golden A-2",
        "contact B:3": "waiting_for_company",
    }
    # A run that finds nothing to do writes no progress: polls come every few seconds.
    assert run_all(ledger, []) == []


@pytest.mark.parametrize(("may_repeat", "repeated"), [(True, {("B", "3")}), (False, set())])
def test_a_bundle_that_is_repeated_returns_the_same_contacts(
    ledger: Ledger, may_repeat: bool, repeated: set[tuple[str, str]]
) -> None:
    run_once(ledger, ROWS)
    run, touched = take_up(ledger, [company_row("B:9", ACTIVE)])
    contacts = [
        stages.consolidate_companies(ledger, run, sorted(touched.tins), may_repeat=may_repeat)
        for _ in range(2)
    ]
    # The first attempt made B:9 a member; only who may repeat it still resolves its contact.
    assert contacts[0] >= {("B", "3")}
    assert contacts[1] & {("B", "3")} == repeated
    assert (contacts[0] == contacts[1]) is may_repeat
