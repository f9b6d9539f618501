"""``svod reconcile``: differences between the CRM and what was loaded, and their repair."""

import json

import pytest

from tests.helpers.installation import PACE, installation, party, tin

CRM = tuple(option for option in PACE if not option.startswith("--register"))


@pytest.fixture(scope="module")
def kept(mariadb, tmp_path_factory):
    """Sixty companies with a contact each, so that there are several pages."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        place.know(party(tin(number), f"ФИРМА {number}") for number in range(1, 61))
        for number in range(1, 61):
            place.company(number, tin(number), phone=f"+7 812 000-01-{number:02}")
            place.contact(number, number, phone=f"+7 921 000-01-{number:02}")
        assert place.full(sources=["store_a"]).code == 0
        return place.keep()


@pytest.fixture
def loaded(place, kept):
    place.take(kept)
    return place


def reconcile(place, *options):
    ended = place.svod("reconcile", f"--report={place.report}", *CRM, *options)
    lines = (place.report / "reconcile.jsonl").read_text().splitlines()
    findings = {
        (line["finding"], line["kind"], line["key"], *line["fields"])
        for line in map(json.loads, lines)
    }
    return ended, findings


def company(place, number):
    (row,) = place.portal.find("companies", "originId", tin(number))
    return row


def test_nothing_to_tell(loaded):
    requests = loaded.portal.stats.requests
    ended, findings = reconcile(loaded)
    assert (ended.code, findings) == (0, set())
    assert ended.out.splitlines()[0] == "The CRM holds what was loaded."
    assert loaded.wrote() == {}
    assert loaded.portal.stats.requests - requests < 20
    assert loaded.portal.stats.violations == {}


def test_every_kind_of_difference_is_told(loaded):
    portal = loaded.portal
    portal.delete("companies", company(loaded, 1)["id"])
    portal.edit("companies", company(loaded, 2)["id"], {"title": "Наш клиент", "fm": []})
    double = portal.add("companies", {"title": "x", "originatorId": "svod", "originId": tin(3)})
    portal.add("companies", {"title": "x", "originatorId": "svod", "originId": "7799999999"})
    portal.edit("companies", company(loaded, 4)["id"], {"originVersion": "old"})
    # The same phone in another writing is no difference.
    (phone,) = company(loaded, 6)["fm"]
    typed = {**phone, "value": phone["value"].replace("+7", "8 ")}
    portal.edit("companies", company(loaded, 6)["id"], {"fm": [typed]})
    (requisite,) = portal.find("requisites", "ENTITY_ID", company(loaded, 5)["id"])
    portal.delete("requisites", requisite["id"])
    (requisite,) = portal.find("requisites", "ENTITY_ID", company(loaded, 6)["id"])
    portal.edit("requisites", requisite["id"], {"RQ_OGRN": "1027700132195"})
    (contact,) = portal.find("contacts", "originId", "A-7")
    portal.edit("contacts", contact["id"], {"companyIds": [], "lastName": "Петров"})
    ended, findings = reconcile(loaded)
    parts = [f"requisite:svod-{tin(n)}-{tin(n)[:4]}01001" for n in (5, 6)]
    assert findings == {
        ("missing", "company", tin(1)),
        ("changed", "company", tin(2), "title", "PHONE"),
        ("doubled", "company", tin(3)),
        ("strange", "company", "7799999999"),
        ("behind", "company", tin(4)),
        ("missing", "company", tin(5), parts[0]),
        ("changed", "company", tin(6), f"{parts[1]}/RQ_OGRN"),
        # With its company the contact lost its link.
        ("changed", "contact", "A-1", "companyIds"),
        ("changed", "contact", "A-7", "lastName", "companyIds"),
    }
    assert ended.code == 3
    assert "1 company doubled: a second record with the same mark: merge them in the CRM" in (
        ended.out
    )
    assert f'doubled company "{tin(3)}" id {double}' in ended.out
    assert loaded.wrote() == {}


def test_repair_puts_right_what_is_ours_and_leaves_peoples_edits(loaded):
    portal = loaded.portal
    portal.delete("companies", company(loaded, 1)["id"])
    portal.edit("companies", company(loaded, 2)["id"], {"title": "Наш клиент"})
    portal.edit("companies", company(loaded, 4)["id"], {"originVersion": "old", "fm": []})
    loaded.execute("DELETE FROM crosswalk WHERE kind = 'contact' AND key = 'A-9'")
    ended, findings = reconcile(loaded, "--repair")
    assert ("strange", "contact", "A-9") in findings
    assert ended.code == 0
    assert [value["value"] for value in company(loaded, 4)["fm"]] == ["+78120000104"]
    assert company(loaded, 2)["title"] == "Наш клиент"
    _, remaining_findings = reconcile(loaded)
    assert {finding[:3] for finding in remaining_findings} == {
        ("missing", "company", tin(1)),
        ("changed", "company", tin(2)),
        ("changed", "contact", "A-1"),
    }
    assert loaded.rows("SELECT key, reason FROM rejected WHERE kind = 'company'") == [
        (tin(1), "deleted_in_crm")
    ]
    assert portal.stats.violations == {}
    assert portal.state.duplicates("contacts") == {}


def test_what_no_row_stands_for_any_more_is_listed(loaded):
    loaded.change("companies", 1, is_deleted=1)
    loaded.change("contacts", 2, company_id=3)
    ended = loaded.svod("review", "--yes", "A:2", "A:3")
    assert ended.code == 0, ended
    ended = loaded.full(sources=["store_a"])
    assert "Left over: 3 records in the CRM have no row in any store any more" in ended.out
    ended, findings = reconcile(loaded)
    assert findings == {
        ("left", "company", tin(1)),
        ("left", "contact", "A-1"),
        ("left", "contact", "A-3", "merged into A-2"),
    }
    # It is no difference: nothing is to be put right.
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "The CRM holds what was loaded."


def test_an_empty_ledger_and_a_crm_with_records_of_ours(place):
    place.portal.add("companies", {"title": "x", "originatorId": "svod", "originId": tin(1)})
    place.report.mkdir(exist_ok=True)
    ended, findings = reconcile(place)
    assert (ended.code, findings) == (3, {("strange", "company", tin(1))})
