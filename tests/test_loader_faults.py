"""Whatever the line and the portal do, and wherever we die: the right records, each once."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24 import Bitrix24, Fault
from sandbox.bitrix24.web.gateway import Call
from tests.helpers.golden_load import (
    CHANGED,
    FULL,
    IVANOV,
    RECORDS,
    ROMASHKA,
    SETTLE,
    bring,
    changed,
    client_of,
    hold,
    load,
    picture,
    values,
)
from transforms.crm.api.portal import Portal
from transforms.crm.errors import CrmUnavailable
from transforms.crm.loading.loader import Loader
from transforms.ledger.database import Ledger, open_ledger


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


def expected() -> list[dict[str, Any]]:
    """The portal after a load without trouble, and after the changes."""
    ledger = open_ledger("sqlite://")
    pictures = []
    with Bitrix24(limits=False) as portal:
        for records in (RECORDS, CHANGED):
            bring(ledger, portal, records)
            pictures.append(picture(portal))
        assert portal.stats.violations == {}
    ledger.close()
    return pictures


FIRST, SECOND = expected()


def nothing_doubled(portal: Bitrix24) -> None:
    """Writes that are sent again may say what is there already; no more than that."""
    assert portal.stats.violations.keys() <= {"unchanged_updates"}


@pytest.mark.parametrize("kind", ["lost", "html", "error500"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("skip", range(1, 10, 3))
def test_an_answer_is_lost(ledger: Ledger, kind: Any, moment: Any, skip: int) -> None:
    with Bitrix24(limits=False) as portal:
        for records, picture_of in ((RECORDS, FIRST), (CHANGED, SECOND)):
            portal.faults.set([Fault(kind, moment=moment, skip=skip, times=1)])
            counted = bring(ledger, portal, records)
            assert not {"rejected", "not_reached"} & (
                counted["company"].keys() | counted["contact"]
            )
            assert picture(portal) == picture_of
        nothing_doubled(portal)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("limit", probability=0.4)],
        [Fault("operating", probability=0.3)],
        [Fault("operating", method="crm.requisite.add", probability=0.5), Fault("no_time")],
        [Fault("lost", probability=0.15), Fault("html", probability=0.1, moment="before")],
    ],
)
def test_troubles_all_the_time(ledger: Ledger, faults: list[Fault]) -> None:
    with Bitrix24(limits=False, seed=7, faults=faults) as portal:
        for records in (RECORDS, CHANGED):
            run = hold(ledger, records)
            for _ in range(6):
                try:
                    load(ledger, portal, run, settle=0.05)
                except CrmUnavailable:
                    continue
        assert picture(portal) == SECOND
        nothing_doubled(portal)


@pytest.mark.parametrize("records", [RECORDS, CHANGED], ids=["first", "changes"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request(records: Any, moment: str) -> None:
    """For each request of a load: the process dies with it, a new one goes on."""
    number = 0
    while True:
        number += 1
        ledger = open_ledger("sqlite://")
        with Bitrix24(limits=False) as portal:
            if records is CHANGED:
                bring(ledger, portal, RECORDS)
            run = hold(ledger, records)
            died = _die(ledger, portal, run, portal.stats.requests + number, moment)
            load(ledger, portal, hold(ledger, records))
            assert picture(portal) == (FIRST if records is RECORDS else SECOND), number
            nothing_doubled(portal)
        ledger.close()
        if not died:
            break
    assert number > 8


def _die(ledger: Ledger, portal: Bitrix24, run: Any, number: int, moment: str) -> bool:
    """Load until the request of that number; whether there was one."""

    def hook(call: Call) -> None:
        if (call.number, call.moment) == (number, moment):
            raise ConnectionAbortedError

    portal.on_request(hook)
    died = False
    try:
        with client_of(portal) as client:
            connection = client._connection
            post = connection.post

            def mortal(*args: Any) -> Any:
                reply = post(*args)
                if portal.stats.requests >= number:
                    raise Killed
                return reply

            connection.post = mortal  # type: ignore[method-assign]
            Loader(ledger, run, Portal(client), SETTLE, 1).load()
    except Killed:
        died = True
    portal.on_request(None)
    return died


def test_killed_between_any_two_transactions() -> None:
    """The same at each write to the ledger: before it is done, or right after."""
    number = 0
    died = True
    while died:
        number += 1
        ledger = open_ledger("sqlite://")
        with Bitrix24(limits=False) as portal:
            died = _die_at_transaction(ledger, portal, RECORDS, number)
            load(ledger, portal, hold(ledger, RECORDS), settle=0.05)
            assert picture(portal) == FIRST, number
            nothing_doubled(portal)
        ledger.close()
    assert number > 20


def _die_at_transaction(ledger: Ledger, portal: Bitrix24, records: Any, number: int) -> bool:
    run = hold(ledger, records)
    real, seen = ledger.transact, 0

    def mortal(work: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number:
            raise Killed
        done = real(work)
        seen += 1
        if seen == number:
            raise Killed
        return done

    ledger.transact = mortal  # type: ignore[method-assign]
    try:
        with client_of(portal) as client:
            Loader(ledger, run, Portal(client), 0.05, 1).load()
    except Killed:
        return True
    finally:
        ledger.transact = real  # type: ignore[method-assign]
    return False


def late_and_again(
    ledger: Ledger, portal: Bitrix24, record: Any, method: str, passes: int, patch: Any
) -> None:
    """Load a record; the first request with the method is lost, and executed 0.2 s later.

    With one pass the run ends before that, and the next run starts at once.
    """
    late: list[threading.Timer] = []

    def hold_back(call: Call) -> None:
        if not late and method in f"{call.method} {call.params}":
            request = call.method, dict(call.params)
            late.append(threading.Timer(0.2, portal._gateway.rest.call, request))
            late[0].start()
            raise ConnectionAbortedError

    portal.on_request(hold_back)
    with patch.context() as few:
        few.setattr("transforms.crm.loading.loader._PASSES", passes)
        load(ledger, portal, hold(ledger, [record]), settle=0.5)
    load(ledger, portal, hold(ledger, [record]), settle=0.5)
    late[0].join()


@pytest.mark.parametrize("passes", [1, 20])
def test_what_the_portal_executes_after_we_gave_up_is_not_doubled(
    ledger: Ledger, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bitrix24(limits=False) as portal:
        late_and_again(ledger, portal, FULL, "crm.item.batchImport", passes, monkeypatch)
        assert [row["originId"] for row in portal.companies()] == [ROMASHKA]
        more = changed(FULL, phones=(*FULL.phones, "+78120000009"))
        late_and_again(ledger, portal, more, "crm.item.update", passes, monkeypatch)
        assert values(portal, "companies", ROMASHKA, "PHONE") == [*FULL.phones, "+78120000009"]
        nothing_doubled(portal)


def test_what_a_create_in_doubt_has_sent_is_known(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what the stores have changed since is changed, not taken for somebody's wish."""
    with Bitrix24(limits=False) as portal:
        portal.faults.set([Fault("lost", method="crm.item.batchImport")])
        with monkeypatch.context() as patch:
            patch.setattr("transforms.crm.loading.loader._PASSES", 1)
            load(ledger, portal, hold(ledger, [FULL]))
        portal.faults.set([])
        better = changed(FULL, title="ООО «Ромашка-2»", phones=("+78120000009",))
        assert bring(ledger, portal, [better])["company"] == {"created": 1}
        assert portal.companies()[0]["title"] == "ООО «Ромашка-2»"
        assert values(portal, "companies", ROMASHKA, "PHONE") == ["+78120000009"]
        nothing_doubled(portal)


def test_a_value_of_an_update_in_doubt_that_is_no_longer_wanted_is_removed(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bitrix24(limits=False) as portal:
        bring(ledger, portal, [FULL])
        wrong = changed(FULL, title="ООО «Ошибка»", phones=(*FULL.phones, "+78120000009"))
        portal.faults.set([Fault("lost", method="crm.item.update")])
        run = hold(ledger, [wrong])
        with monkeypatch.context() as patch:
            patch.setattr("transforms.crm.loading.loader._PASSES", 1)
            load(ledger, portal, run)
        assert values(portal, "companies", ROMASHKA, "PHONE") == [*FULL.phones, "+78120000009"]
        portal.faults.set([])
        # The stores take it back before anybody knows what became of it.
        bring(ledger, portal, [changed(FULL, site="romashka2.example")])
        assert values(portal, "companies", ROMASHKA, "PHONE") == list(FULL.phones)
        assert portal.companies()[0]["title"] == FULL.title
        nothing_doubled(portal)


def test_a_load_of_many_with_every_trouble_at_once(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    companies = [changed(FULL, tin=f"78{n:08}", accounts=()) for n in range(300)]
    contacts = [changed(IVANOV, key=f"A-{n}", tins=(companies[n].tin,)) for n in range(300)]
    refused = frozenset({companies[7].tin, companies[250].tin, "A-100"})
    faults = [
        Fault("lost", probability=0.05),
        Fault("html", probability=0.05),
        Fault("limit", probability=0.05),
        Fault("operating", probability=0.01),
        Fault("refuse", origins=refused),
    ]
    with Bitrix24(limits=False, seed=3, faults=faults) as portal:
        run = hold(ledger, [*companies, *contacts])
        counted = load(ledger, portal, run, settle=0.05, workers=8)
        assert counted == {
            "company": {"created": 298, "rejected": 2},
            "contact": {"created": 297, "rejected": 3},
        }
        assert len(portal.companies()) == 298
        assert len(portal.contacts()) == 297
        assert len(portal.requisites()) == 2 * 298
        assert len(portal.addresses()) == 298
        nothing_doubled(portal)
    ledger.close()
