"""Strange data and strange portals: nothing is lost, nothing is doubled, the message says why."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bitrix24 import Bitrix24, Fault
from tests.helpers.golden_load import (
    CHANGED,
    FULL,
    RECORDS,
    ROMASHKA,
    bring,
    changed,
    hold,
    load,
    picture,
)
from transforms.crm.errors import CrmUnavailable, PortalMoved, Stop
from transforms.ledger.database import Ledger, open_ledger

TEXTS = [
    "$result[c0001][item][id]",
    "$RESULT[c1] $next[c1] $total[c1] $time[c1] $error[c1]",
    "'\"`«»„“<b>&amp;%5B%00\\",
    "👩‍👩‍👧‍👦🇷🇺 e\u0301",
    "Ж" * 10_000,
    "a\x00b\x07c\x1bd\u2028e\u202ef\ufefff\r\n\t",
    "[]={}&fields[title]=x#?",
]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def portal() -> Iterator[Bitrix24]:
    with Bitrix24(limits=False) as portal:
        yield portal
        assert portal.state.duplicates("companies") == portal.state.duplicates("contacts") == {}
        assert portal.stats.violations.keys() <= {"unchanged_updates"}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_strange_text_harms_nobody(ledger: Ledger, portal: Bitrix24, text: str) -> None:
    """Whatever the portal makes of it: all others are loaded, and it is settled."""
    strange = changed(FULL, title=text, full_name=text, director=text, site=text[:200])
    person = changed(RECORDS[2], last_name=text, first_name=text, position=text)
    bring(ledger, portal, [strange, RECORDS[1], person, RECORDS[3]])
    for title in (f"{text[:100]} 2", f"{text[:100]} 3"):
        counted = bring(
            ledger, portal, [changed(strange, title=title), RECORDS[1], person, RECORDS[3]]
        )
        assert counted == {
            "company": {"updated": 1, "unchanged": 1},
            "contact": {"unchanged": 2},
        }
    assert len(portal.companies()) == len(portal.contacts()) == 2


@pytest.mark.parametrize("phone", ["+7" + "9" * 300, "не звонить", "+7 (812) 1;2,3", "0"])
def test_a_phone_that_the_portal_dislikes(ledger: Ledger, portal: Bitrix24, phone: str) -> None:
    companies = [changed(FULL, tin=f"78000000{n:02}", accounts=()) for n in range(30)]
    counted = bring(ledger, portal, [*companies, changed(FULL, phones=(phone,))])
    bad = len(phone) > 250
    assert counted["company"] == {"created": 31 - bad} | ({"rejected": 1} if bad else {})
    assert len(portal.companies()) == 31 - bad


@pytest.mark.parametrize("skip", [1, 4, 6, 8])
@pytest.mark.parametrize(
    ("fault", "kind", "problem"),
    [
        (Fault("redirect"), PortalMoved, "the portal was renamed"),
        (Fault("auth", code="expired_token"), Stop, "does not know the webhook"),
        (Fault("overload"), Stop, "has blocked the portal's REST interface"),
        (Fault("lost", moment="before"), CrmUnavailable, "Nothing is lost: run again"),
        (Fault("html", moment="before"), CrmUnavailable, "Nothing is lost: run again"),
    ],
    ids=["renamed", "expired", "blocked", "switched off", "a gateway"],
)
def test_a_portal_that_goes_away_in_the_middle(
    ledger: Ledger, portal: Bitrix24, fault: Any, kind: Any, problem: str, skip: int
) -> None:
    fault = Fault(fault.kind, moment=fault.moment, code=fault.code, skip=skip)
    portal.faults.set([fault])
    with pytest.raises(kind) as caught:
        load(ledger, portal, hold(ledger, RECORDS), settle=0.01)
    assert problem in str(caught.value)
    assert "secretcode" not in str(caught.value)
    portal.faults.set([])
    load(ledger, portal, hold(ledger, RECORDS), settle=0.01)
    assert {row["originId"] for row in portal.companies()} == {ROMASHKA, RECORDS[1].tin}
    assert len(portal.requisites()) == 3
    assert len(portal.contacts()) == 2


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("no_time")],
        [Fault("no_operating")],
        [Fault("slow", seconds=59, probability=0.3)],
        [Fault("bare_error", code=""), Fault("bare_error", code=0)],
    ],
    ids=["no time", "no operating", "59 s", "errors without a code"],
)
def test_a_portal_with_ways_of_its_own(tmp_path: Path, faults: list[Fault]) -> None:
    pictures = []
    for number, some in enumerate(([], faults)):
        ledger = open_ledger(f"sqlite:///{tmp_path}/{number}.db")
        with Bitrix24(limits=False, speed=1000, faults=some) as portal:
            for records in (RECORDS, CHANGED):
                bring(ledger, portal, records)
            pictures.append(picture(portal))
            assert portal.stats.violations == {}
        ledger.close()
    assert pictures[0] == pictures[1]
