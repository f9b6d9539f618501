"""``svod replay``, and what people look at between the runs: explain, status, report."""

import pytest

from sandbox.register.server import Fault
from tests.helpers.installation import PACE, installation, organisation, party, person, tin

ALFA, VEGA, NEVA = tin(1), tin(2), tin(3)
WRONG = ALFA[:-1] + str((int(ALFA[-1]) + 1) % 10)


@pytest.fixture(scope="module")
def installed(mariadb, tmp_path_factory):
    """One good company with its contact; others that are refused in every way, or wait."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        place.know([party(ALFA, "АЛЬФА"), party(VEGA, "ВЕГА", "LIQUIDATED")])
        place.company(1, ALFA, name="ООО Альфа", phone="8 812 123-45-67")
        place.company(2, VEGA)
        place.company(3, WRONG, name=b"\xce\xce\xce \x98", phone="спросить Машу")
        place.company(4, NEVA)
        for number in range(1, 5):
            place.contact(number, number, first_name="Пётр", phone=f"8 921 000-00-0{number}")
        place.export(
            organisation("0001000001", None, name1="Безымянная"),
            person("0002000001", "0001000001"),
            person("0002000002", last_name=None),
            person("0002000003", "0001000099"),
        )
        ended = place.full()
        assert ended.code == 0, ended
        assert place.titles() == {ALFA: "ООО «АЛЬФА»"}
        return place.keep()


@pytest.fixture
def loaded(place, installed):
    place.take(installed)
    return place


def replay(place):
    return place.svod("replay", *PACE, f"--report={place.report}")


def everything(place):
    tables = {
        "rows": "source, kind, source_id, changed_at, tin, reason, fingerprint, raw",
        "invalid_companies": "source, source_id, tin, reason, detail, record",
        "invalid_contacts": "source, source_id, tin, reason, detail, record",
        "deferred": "kind, source, source_id, reason, since",
    }
    return {
        name: sorted(place.rows(f"SELECT {columns} FROM {name}"))
        for name, columns in tables.items()
    }


def test_what_is_refused_still_is_refused_the_same(loaded):
    before = everything(loaded)
    ended = replay(loaded)
    assert ended.code == 0, ended
    assert everything(loaded) == before
    assert "Nothing changed" in ended.out
    summary = loaded.summary()
    assert summary["command"] == "replay"
    assert summary["read"] == {
        "A": {"companies": 3, "contacts": 3},
        "B": {"companies": 1, "contacts": 2},
    }


def test_the_register_is_asked_anew_about_those_that_it_refused(loaded):
    loaded.know([party(ALFA, "АЛЬФА"), party(VEGA, "ВЕГА"), party(NEVA, "НЕВА")])
    answered = loaded.register.stats()["answered"]
    ended = replay(loaded)
    assert ended.code == 0, ended
    assert loaded.register.stats()["answered"] == answered + 2
    assert set(loaded.titles()) == {ALFA, VEGA, NEVA}
    assert set(loaded.people()) == {"A-1", "A-2", "A-4"}


def test_what_had_no_answer_is_asked_again_without_the_stores(loaded):
    loaded.know([party(tin(5), "ЗАРЯ")])
    loaded.company(5, tin(5))
    loaded.register.set_faults([Fault("garbage")])
    assert loaded.full().code == 3
    loaded.register.set_faults([])
    # The stores are not needed, nor looked at.
    loaded.environment["SVOD_STORE_A"] = "mysql://svod:x@127.0.0.1:9/shop"
    ended = replay(loaded)
    assert ended.code == 0, ended
    assert tin(5) in loaded.titles()


def test_explain_tells_why(loaded):
    ended = loaded.svod("explain", ALFA)
    assert ended.code == 0
    assert ended.out.startswith(f"Company {ALFA}: ")
    assert "5. CRM" in ended.out
    assert "bad_tin_checksum" in loaded.svod("explain", "A:3").out
    assert "waiting_for_company" in loaded.svod("explain", "B:0002000003").out
    unknown = loaded.svod("explain", "7707083893")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err.startswith("svod: nothing is known of 7707083893: give a TIN ")


def test_status_and_report(loaded):
    ended = loaded.svod("status")
    assert ended.code == 0
    assert "done" in ended.out
    assert "waiting_for_company" in ended.out
    folder = loaded.folder / "elsewhere"
    ended = loaded.svod("report", f"--report={folder}")
    assert (ended.code, ended.out) == (0, f"Report: {folder / 'report.html'}\n")
    assert (folder / "summary.json").read_text() == (loaded.report / "summary.json").read_text()


def test_there_is_nothing_to_report_before_the_first_run(place):
    ended = place.svod("report", f"--report={place.report}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == ("svod: there is no finished run to report on: start one with svod full\n")
    assert place.svod("status").out == "No run yet: start one with svod full.\n"
