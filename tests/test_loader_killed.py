"""Killed hundreds of times, at every kind of point, with several workers: the CRM is right."""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24 import Bitrix24
from tests.helpers.golden_load import (
    ACCOUNT,
    BOTH,
    FULL,
    IVANOV,
    PLAIN,
    bring,
    changed,
    client_of,
    hold,
    load,
    picture,
)
from transforms.core.records import BankAccount
from transforms.crm.api.portal import Portal
from transforms.crm.loading.loader import Loader
from transforms.ledger.database import Ledger, open_ledger

WORKERS = 4
# A request is over when its client is: the portal here works within it.
SETTLE = 0.01
KILLS = Counter()


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


def first() -> list[Any]:
    companies = [
        changed(FULL, tin=f"78000000{n:02}", accounts=(changed(ACCOUNT, bik=f"0498057{n:02}"),))
        for n in range(8)
    ]
    people = [
        changed(IVANOV, key=f"A-{n}", tins=tuple(c.tin for c in companies[n : n + 1 + n % 3]))
        for n in range(8)
    ]
    return [*companies, PLAIN, *people, changed(BOTH, tins=(PLAIN.tin, companies[3].tin))]


def second() -> list[Any]:
    """Every kind of change, and new ones."""
    records = first()
    for number in range(0, 8, 2):
        records[number] = changed(
            records[number],
            title=f"ООО «Ромашка-{number}»",
            kpps=(*FULL.kpps, "770101001"),
            phones=("+79211234567", f"+7812000000{number}"),
            accounts=(*records[number].accounts, BankAccount("044525225", "40702810938000060473")),
        )
    for number in range(9, 17, 2):
        more = (*records[number].tins, PLAIN.tin)
        records[number] = changed(records[number], emails=("new@romashka.example",), tins=more)
    fresh = changed(FULL, tin="7900000001")
    return [*records, fresh, changed(IVANOV, key="A-99", tins=(fresh.tin,))]


class Mortal:
    """Dies at the point of that number: before or after a request, or a write to the ledger."""

    def __init__(self, ledger: Ledger, point: int) -> None:
        self._ledger, self._left = ledger, point
        self._lock = threading.Lock()
        self.died = ""

    def _pass(self, what: str) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.died = what
            # With the process all its threads are gone.
            if self.died:
                raise Killed

    def _guard(self, function: Any, what: str) -> Any:
        def mortal(*args: Any) -> Any:
            self._pass(f"before a {what}")
            result = function(*args)
            self._pass(f"after a {what}")
            return result

        return mortal

    def load(self, portal: Bitrix24, records: Sequence[Any]) -> str:
        """Load; where it died, or ""."""
        run = hold(self._ledger, records)
        transact = self._ledger.transact
        self._ledger.transact = self._guard(transact, "write")  # type: ignore[method-assign]
        try:
            with client_of(portal) as client:
                connection = client._connection
                connection.post = self._guard(connection.post, "request")
                Loader(self._ledger, run, Portal(client), SETTLE, WORKERS).load()
        except Killed:
            pass
        finally:
            self._ledger.transact = transact  # type: ignore[method-assign]
        return self.died


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.crm.loading.loader._SMALLEST_CHUNK", 3)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    ledger = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('truth')}/ledger.db")
    pictures = []
    with Bitrix24(limits=False) as portal:
        for records in (first(), second()):
            bring(ledger, portal, records)
            pictures.append(picture(portal))
        assert portal.stats.violations == {}
    ledger.close()
    return pictures


@pytest.mark.parametrize("seed", range(24))
def test_killed_again_and_again(tmp_path: Path, truth: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    with Bitrix24(limits=False) as portal:
        for records, expected in zip((first(), second()), truth, strict=True):
            for _ in range(8):
                died = Mortal(ledger, chance.randrange(1, 50)).load(portal, records)
                KILLS[died] += 1
                if not died:
                    break
            ended = load(ledger, portal, hold(ledger, records), settle=SETTLE)
            assert not {"rejected", "not_reached"} & (ended["company"].keys() | ended["contact"])
            assert picture(portal) == expected
        assert portal.stats.violations.keys() <= {"unchanged_updates"}
        assert portal.state.duplicates("companies") == portal.state.duplicates("contacts") == {}
    ledger.close()


def test_it_was_killed_hundreds_of_times() -> None:
    del KILLS[""]
    assert KILLS.keys() == {
        f"{when} a {what}" for when in ("before", "after") for what in ("request", "write")
    }
    assert KILLS.total() > 200
