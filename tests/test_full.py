"""``svod full`` on made-up worlds, from real stores into a strict CRM, against their truth."""

import json

import pytest

from sandbox.world.world import World
from tests.helpers.expected_crm import differences, unlike
from tests.helpers.installation import installation
from tests.helpers.ledgers import driver_url

SCALE = 0.004


@pytest.fixture(scope="module")
def world():
    return World(7, SCALE)


@pytest.fixture(scope="module")
def loaded(world, mariadb, tmp_path_factory):
    """An installation after one full run; how that ended is in ``first``."""
    with installation(tmp_path_factory.mktemp("loaded"), mariadb) as made:
        made.fill(world)
        made.first = made.full()
        made.first_summary = made.summary()
        yield made


def crm(place):
    return place.portal, place.rows


def adds_up(summary):
    """Every row that was read has one outcome, every golden record too."""
    read = {
        kind: sum(counts[kind] for counts in summary["read"].values())
        for kind in ("companies", "contacts")
    }
    companies, contacts = summary["companies"], summary["contacts"]
    refused = {kind: sum(summary[kind]["invalid"].values()) for kind in read}
    assert companies["valid"] + refused["companies"] + companies["deferred"] == read["companies"]
    assert contacts["valid"] + refused["contacts"] + contacts["waiting"] == read["contacts"]
    for counts in (companies, contacts):
        ends = ("created", "updated", "unchanged", "rejected", "not_reached")
        assert sum(counts[end] for end in ends) == counts["golden"]


def agrees_with_ledger(place, summary):
    """The summary of a run that has read everything says what the ledger's tables hold."""
    for kind, table in (("companies", "invalid_companies"), ("contacts", "invalid_contacts")):
        told = dict(place.rows(f"SELECT reason, count(*) FROM {table} GROUP BY reason"))
        assert told == summary[kind]["invalid"]
    crossed = dict(place.rows("SELECT kind, count(*) FROM crosswalk GROUP BY kind"))
    reached = {
        kind: summary[plural]["golden"] - summary[plural]["not_reached"]
        for kind, plural in (("company", "companies"), ("contact", "contacts"))
    }
    assert {kind: crossed.get(kind, 0) for kind in reached} == reached
    delayed = dict(place.rows("SELECT reason, count(*) FROM deferred GROUP BY reason"))
    assert delayed.pop("waiting_for_company", 0) == summary["contacts"]["waiting"]
    assert sum(delayed.values()) == summary["companies"]["deferred"]
    [(status, told)] = place.rows("SELECT status, summary FROM runs ORDER BY run_seq DESC LIMIT 1")
    assert (status, json.loads(told)) == (summary["status"], summary)


def test_the_crm_holds_what_the_truth_says(loaded, world):
    assert loaded.first.code == 0, loaded.first
    assert differences(world, loaded.ledger, loaded.portal) == []
    told = loaded.first_summary
    adds_up(told)
    assert told["status"] == "done"
    assert told["read"] == {
        "A": {"companies": world.sizes.company_rows_a, "contacts": world.sizes.contact_rows_a},
        "B": {"companies": world.sizes.organisations_b, "contacts": world.sizes.persons_b},
    }
    assert told["companies"]["created"] == len(loaded.portal.companies())
    assert told["contacts"]["created"] == len(loaded.portal.contacts())
    assert told["crm"]["requests"] <= loaded.portal.stats.requests


def test_the_register_is_asked_once_about_each_right_tin(loaded):
    asked = loaded.register.stats()["queries"]
    assert set(asked.values()) == {1}
    right = loaded.rows("SELECT DISTINCT tin FROM rows WHERE kind = 'company' AND reason = ''")
    assert set(asked) == {tin for (tin,) in right}
    told = loaded.first_summary["register"]
    assert (told["queries"], told["cached"], told["bulk"]) == (len(asked), 0, 0)


def test_it_says_what_it_did(loaded):
    out = loaded.first.out
    assert out.startswith(f"Read: store A: {SCALE * 53_000:.0f} companies, 300 contacts; store B: ")
    assert out.endswith(f"\nDone.\nReport: {loaded.report / 'report.html'}\n")
    assert "load contacts" in loaded.first.err
    assert "Traceback" not in loaded.first.err


def test_a_second_run_changes_nothing_and_says_so(loaded, world):
    asked, wrote = loaded.register.stats()["requests"], loaded.portal.stats.writes
    again = loaded.full()
    assert again.code == 0
    assert "Nothing changed: the CRM already holds all of it.\n" in again.out
    assert (loaded.register.stats()["requests"], loaded.portal.stats.writes) == (asked, wrote)
    told = loaded.summary()
    adds_up(told)
    agrees_with_ledger(loaded, told)
    for kind in ("companies", "contacts"):
        assert (
            told[kind]["unchanged"] == told[kind]["golden"] == loaded.first_summary[kind]["created"]
        )
    assert told["crm"]["requests"] == 0
    assert told["register"]["cached"] == loaded.first_summary["register"]["queries"]
    assert differences(world, loaded.ledger, loaded.portal) == []


def test_what_any_cut_brings_is_the_same(loaded, world, mariadb, tmp_path):
    with installation(tmp_path, mariadb) as other:
        other.fill(world, files=5)
        assert other.full(files="partners-4.json", sources=["store_b"]).code == 0
        assert other.full(sources=["store_a"]).code == 0
        assert other.full(files="partners-[12].json", sources=["store_b"]).code == 0
        adds_up(other.summary())
        assert other.full().code == 0
        # Two contacts of one person, loaded before a later row showed it: nothing deletes one.
        merged = {key for (key,) in other.rows("SELECT alias FROM aliases")}
        assert other.summary()["left_base"] == len(merged)
        assert differences(world, other.ledger, other.portal, merged) == []
        assert unlike(crm(loaded), crm(other), merged) == []
        again = other.portal.stats.writes
        assert other.full().code == 0
        assert other.portal.stats.writes == again


def test_the_ledger_on_postgresql(loaded, world, mariadb, postgresql, tmp_path):
    with installation(tmp_path, mariadb) as other:
        url = postgresql.create_database("full")
        other.environment["SVOD_LEDGER"] = url
        other.ledger = driver_url(url)
        other.fill(world)
        for _ in range(2):
            ended = other.full()
            assert ended.code == 0, ended
            assert differences(world, other.ledger, other.portal) == []
        agrees_with_ledger(other, other.summary())
        assert "Nothing changed" in ended.out
        assert unlike(crm(loaded), crm(other)) == []


def test_windows_1251_packed_with_the_ledger_on_mariadb(loaded, world, mariadb, tmp_path):
    with installation(tmp_path, mariadb) as other:
        url = mariadb.create_database("full")
        other.environment["SVOD_LEDGER"] = url
        other.ledger = driver_url(url)
        other.fill(world, encoding="windows-1251", packed=True)
        for _ in range(2):
            ended = other.full("--store_b_encoding=windows-1251")
            assert ended.code == 0, ended
            assert differences(world, other.ledger, other.portal) == []
        agrees_with_ledger(other, other.summary())
        assert "Nothing changed" in ended.out
        assert unlike(crm(loaded), crm(other)) == []
