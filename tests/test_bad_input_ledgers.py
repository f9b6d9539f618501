"""Stores full of rubbish: ``full``, ``delta``, ``plan`` and ``apply`` end alike on each ledger."""

import json

import pytest

from tests.helpers.installation import PACE, organisation, party, person, tin
from tests.helpers.ledgers import driver_url

ALFA, VEGA, NOVA, OMEGA = (tin(number) for number in range(1, 5))
WRONG = bytes(range(1, 256))
LONG = [
    "спросить у Марии Ивановны по телефону, она знает их ИНН, а также КПП и адрес фирмы.",
    "7" * 70,
    "\0" * 150,
    ", ".join(tin(number) for number in range(1, 8)),
    {"a": "Ж" * 300},
]


@pytest.fixture
def ready(place, ledger_url):
    """Four good companies among the rubbish, their ledger on each database in turn."""
    place.environment["SVOD_LEDGER"], place.ledger = ledger_url, driver_url(ledger_url)
    place.know(party(inn, f"ФИРМА {inn}") for inn in (ALFA, VEGA, NOVA, OMEGA))
    place.company(1, VEGA, name=WRONG, phone=WRONG, email=WRONG[:255])
    place.contact(1, 1, position=WRONG)
    place.company(2, "Ж" * 20)
    rubbish = [organisation(f"00010001{number:02}", value) for number, value in enumerate(LONG)]
    names = [None, True, -1.5, 10**400, "х" * 2000, [[]], {"a": {}}]
    strange = [
        {"partner": f"9{number}", "category": "1", "last_name": value, "contact_of": value}
        for number, value in enumerate(names)
    ]
    place.export(
        organisation("0001000001", ALFA),
        person("0002000001", "0001000001"),
        person("0002000002", "0001000102"),
        person("0002000003", "k" * 64, "k" * 65),
        organisation("k" * 65, ALFA),
        *rubbish,
        *strange,
    )
    (place.files / "cut.json").write_text(json.dumps({"partners": [{}]})[:-3])
    return place


def test_rubbish_stops_no_command(ready):
    ended = ready.full()
    assert ended.code == 3, ended
    assert sorted(ready.titles()) == [ALFA, VEGA]
    assert sorted(ready.people()) == ["A-1", "B-0002000001"]
    refused = dict(ready.rows("SELECT reason, count(*) FROM invalid_companies GROUP BY reason"))
    assert refused == ready.summary()["companies"]["invalid"]
    assert sum(refused.values()) == 1 + len(LONG)
    tins = ready.rows("SELECT tin FROM invalid_companies")
    assert max(len(text) for (text,) in tins) == 64

    ready.company(3, NOVA, name=WRONG, updated_at="2024-06-01 12:00:00")
    ready.company(4, WRONG[:20], updated_at="2024-06-01 12:00:00")
    ended = ready.delta()
    assert ended.code == 0, ended
    assert sorted(ready.titles()) == [ALFA, VEGA, NOVA]

    ready.company(5, OMEGA, name=WRONG, updated_at="2024-07-01 12:00:00")
    plan = ready.folder / "plan.jsonl"
    files = f"--store_b_files={ready.files}/*.json*"
    ended = ready.svod("plan", files, f"--plan={plan}", f"--report={ready.report}", *PACE)
    assert ended.code == 0, ended
    assert sorted(ready.titles()) == [ALFA, VEGA, NOVA]
    crm_options = [option for option in PACE if option.startswith("--crm")]
    ended = ready.svod("apply", str(plan), *crm_options)
    assert ended.code == 0, ended
    assert sorted(ready.titles()) == [ALFA, VEGA, NOVA, OMEGA]
    writes = ready.portal.stats.writes
    ended = ready.full()
    assert ended.code == 3, ended
    assert sorted(ready.titles()) == [ALFA, VEGA, NOVA, OMEGA]
    assert ready.portal.stats.writes == writes
