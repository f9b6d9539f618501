"""A register and a CRM that answer nonsense, nothing, or no; a ledger that cannot be written."""

from functools import partial

import pytest

from sandbox.bitrix24 import Fault
from sandbox.register.server import Fault as RegisterFault
from tests.helpers.installation import PACE, party, person, tin
from transforms.consolidation import register_questions
from transforms.register.client import RegisterClient

COUNT = 30
TINS = [tin(number) for number in range(1, COUNT + 1)]
LOST = "crm_not_reached"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No test waits as long as a run should."""
    monkeypatch.setattr("transforms.crm.access.WAITS", (0.01, 0.01))
    monkeypatch.setattr("pipeline.checks._SHORT_WAITS", (0.01, 0.01))
    monkeypatch.setattr(
        register_questions,
        "RegisterClient",
        partial(RegisterClient, waits=(0.01, 0.01), timeout=0.3),
    )


@pytest.fixture
def ready(place):
    """Companies with a contact each."""
    place.know(party(inn, f"ФИРМА {inn}") for inn in TINS)
    for number, inn in enumerate(TINS, 1):
        place.company(number, inn)
        place.contact(number, number)
    place.export()
    return place


def is_complete(place):
    """The next run brings all that is left, and nothing twice."""
    ended = place.full()
    assert ended.code == 0, ended
    assert sorted(one["originId"] for one in place.portal.companies()) == TINS
    assert len(place.portal.contacts()) == len(place.people()) == COUNT
    assert place.rows("SELECT * FROM deferred") == []
    # An address whose creation was not answered is sent again: only its update tells that it stood.
    assert place.portal.stats.violations.keys() <= {"unchanged_updates"}


def deferred(place):
    query = "SELECT kind, reason, count(*) FROM deferred GROUP BY kind, reason"
    return {(kind, reason): count for kind, reason, count in place.rows(query)}


def test_a_register_that_answers_nonsense_for_some(ready):
    kinds = ("html", "busy", "garbage", "shape", "hang", "drop")
    silent = dict(zip(kinds, TINS, strict=False))
    ready.register.set_faults(
        [RegisterFault(kind, tins=frozenset({inn}), seconds=5) for kind, inn in silent.items()]
    )
    ended = ready.full()
    assert ended.code == 3, ended
    assert sorted(ready.titles()) == TINS[len(kinds) :]
    rows = ready.rows("SELECT tin FROM deferred WHERE reason = 'register_no_answer'")
    assert {inn for (inn,) in rows} == set(silent.values())
    assert ready.summary()["companies"]["deferred"] == len(kinds)
    contacts = ready.summary()["contacts"]
    assert (contacts["valid"], contacts["waiting"]) == (COUNT - len(kinds), len(kinds))
    ready.register.set_faults([])
    asked = ready.register.stats()["answered"]
    is_complete(ready)
    assert ready.register.stats()["answered"] == asked + len(kinds)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("unauthorized", "The register refused the key: check SVOD_REGISTER_TOKEN."),
        ("forbidden", "The register's questions for today are used up (see --register_daily)."),
    ],
)
def test_a_register_that_answers_nobody(ready, monkeypatch, kind, message):
    ready.register.set_faults([RegisterFault(kind)])
    ended = ready.full()
    assert ended.code == 3
    assert f"Note: {message}" in ended.out
    assert ready.titles() == {}
    summary = ready.summary()
    assert summary["companies"]["deferred"] == COUNT
    assert (summary["companies"]["valid"], summary["companies"]["golden"]) == (0, 0)
    assert summary["contacts"]["valid"] + summary["contacts"]["waiting"] == COUNT
    ready.register.set_faults([])
    if kind == "forbidden":
        # The quota is the register's: today nothing more is asked.
        monkeypatch.setattr(register_questions, "DailyBudget", lambda *_: Unlimited())
    is_complete(ready)


class Unlimited:
    remaining, today = 1, ("2024-01-01", 0)

    def take(self):
        return True

    def catch_up(self, *_):
        pass


def test_a_register_that_is_not_there(ready):
    url = ready.environment["SVOD_REGISTER"]
    ready.environment["SVOD_REGISTER"] = "http://127.0.0.1:9/suggestions/api/4_1/rs"
    assert ready.full().code == 3
    assert deferred(ready)["company", "register_no_answer"] == COUNT
    ready.environment["SVOD_REGISTER"] = url
    is_complete(ready)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("auth"), "--crm: The CRM does not know the webhook of --crm (it was deleted"),
        (Fault("auth", code="expired_token"), "--crm: "),
        (Fault("denied"), "--crm: "),
        (Fault("redirect"), "--crm: "),
        (Fault("overload"), "--crm: "),
    ],
)
def test_a_crm_that_refuses_us_at_the_start(ready, fault, message):
    ready.portal.faults.set([fault])
    ended = ready.full()
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith(f"svod: {message}")
    assert ready.register.stats()["requests"] == 0


@pytest.mark.parametrize("kind", ["html", "gone"])
def test_a_crm_that_does_not_answer_at_the_start_is_found_well_later(ready, kind):
    webhook = ready.environment["SVOD_CRM"]
    if kind == "gone":
        ready.environment["SVOD_CRM"] = "http://127.0.0.1:9/rest/1/c0de/"
    else:
        ready.portal.faults.set([Fault(kind)])
    ended = ready.full()
    assert ended.code == 3
    assert ended.err.startswith("warning: the CRM does not answer yet (")
    assert "Note: " in ended.out
    assert deferred(ready) == {("company", LOST): COUNT, ("contact", LOST): COUNT}
    summary = ready.summary()
    assert summary["companies"]["not_reached"] == summary["contacts"]["not_reached"] == COUNT
    ready.environment["SVOD_CRM"] = webhook
    ready.portal.faults.set([])
    is_complete(ready)


def test_a_crm_that_fails_in_the_middle_again_and_again(ready):
    for fault in (
        Fault("redirect", method="crm.item.batchImport"),
        Fault("denied", method="crm.item.batchImport", skip=1),
        Fault("overload", method="crm.requisite.add"),
        Fault("html", method="crm.requisite.add", moment="before"),
        Fault("lost", method="crm.address.add"),
        Fault("auth", method="crm.*", skip=4),
    ):
        ready.portal.faults.set([fault])
        ended = ready.full()
        assert ended.code == 3, (fault, ended)
        assert "Traceback" not in ended.err
        assert {reason for _, reason in deferred(ready)} == {LOST}
        companies = ready.summary()["companies"]
        assert companies["valid"] + companies["deferred"] == COUNT
    ready.portal.faults.set([])
    is_complete(ready)


def test_records_that_the_crm_refuses_are_loaded_by_replay_once_it_takes_them(ready):
    ready.contact(COUNT + 1, 1, last_name="Несносный")
    item, requisite = TINS[4], TINS[5]
    ready.portal.faults.set(
        [
            Fault("refuse", method="crm.item.batchImport", origins=frozenset({item})),
            Fault("refuse", method="crm.requisite.add", origins=frozenset({requisite})),
            Fault("refuse", method="crm.item.batchImport", contains="Несносный"),
        ]
    )
    ended = ready.full()
    assert ended.code == 3, ended
    summary = ready.summary()
    assert (summary["companies"]["rejected"], summary["contacts"]["rejected"]) == (2, 2)
    assert ready.rows(
        "SELECT kind, key, reason = 'company_rejected' FROM rejected ORDER BY kind, key"
    ) == [
        ("company", item, 0),
        ("company", requisite, 0),
        ("contact", f"A-{COUNT + 1}", 0),
        ("contact", "A-5", 1),
    ]
    assert deferred(ready) == {}
    assert sorted(ready.titles()) == sorted({*TINS} - {item})
    # The same is not sent again by itself; with the portal mended, replay loads it.
    ready.portal.faults.set([])
    wrote = ready.portal.stats.writes
    assert ready.full().code == 3
    assert ready.portal.stats.writes == wrote
    replayed = ready.svod("replay", *PACE, f"--report={ready.report}")
    assert replayed.code == 0, replayed
    assert ready.rows("SELECT * FROM rejected") == []
    assert sorted(ready.titles()) == TINS
    assert len(ready.people()) == len(ready.portal.contacts()) == COUNT + 1
    assert ready.portal.stats.violations == {}


def test_a_partner_of_a_refused_company_waits_for_it(ready):
    ready.export(person("0002000001", "0001999999"))
    assert ready.full().code == 0
    assert ready.summary()["contacts"]["waiting"] == 1
    assert deferred(ready) == {("contact", "waiting_for_company"): 1}


def test_a_ledger_of_another_kind(ready):
    (ready.folder / "svod.db").write_text("this is no database" * 100)
    ended = ready.full()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "svod: --ledger: cannot open it: file is not a database\n"


def test_a_ledger_of_a_newer_program(ready):
    assert ready.svod("status").code == 0
    ready.execute("UPDATE meta SET value = '99'")
    ended = ready.full()
    assert ended.code == 2
    assert ended.err.startswith("svod: --ledger: its tables are of version 99, this program needs")


def test_a_report_folder_that_may_not_be_written(ready, monkeypatch):
    # Root may write everywhere, so the folder's mode would prove nothing.
    monkeypatch.setattr("pipeline.checks.os.access", lambda *_: False)
    ended = ready.full()
    assert (ended.code, ended.err) == (2, f"svod: --report: may not write into {ready.report}\n")
