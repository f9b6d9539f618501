"""``svod plan`` says what a load would do and writes nothing; ``svod apply`` does exactly that."""

import json
import stat

import pytest

from tests.helpers.installation import PACE, party, tin


@pytest.fixture
def filled(place):
    """Three companies with a contact each, nothing of it in the portal."""
    place.know(party(tin(number), f"ФИРМА {number}") for number in range(1, 4))
    for number in range(1, 4):
        place.company(number, tin(number), phone="+7 812 000-00-01")
        place.contact(number, number, email=f"i{number}@firma.example")
    return place


def plan(place, *options):
    path = place.folder / "plan.jsonl"
    ended = place.svod("plan", f"--plan={path}", *PACE, *options)
    assert ended.code == 0
    *lines, totals = map(json.loads, path.read_text().splitlines())
    return ended.out, lines, totals


def apply(place, *options):
    return place.svod("apply", str(place.folder / "plan.jsonl"), *_CRM, *options)


_CRM = tuple(option for option in PACE if not option.startswith("--register"))


def actions(lines):
    return [(line["kind"], line["action"], line["reason"]) for line in lines]


def test_a_plan_says_everything_and_writes_nothing(filled):
    out, lines, totals = plan(filled)
    assert filled.portal.stats.writes == 0
    assert actions(lines) == [("company", "create", "")] * 3 + [("contact", "create", "")] * 3
    company, contact = lines[0], lines[3]
    assert company["key"] == tin(1)
    assert company["fields"]["title"] == [None, "ООО «ФИРМА 1»"]
    assert company["fields"]["PHONE"] == [[], ["+78120000001"]]
    requisite = f"requisite:svod-{tin(1)}-{tin(1)[:4]}01001"
    assert company["fields"][f"{requisite}/RQ_INN"] == [None, tin(1)]
    assert company["calls"] == {
        "crm.requisite.add": 1,
        "crm.address.add": 1,
        "crm.item.batchImport": 1,
    }
    assert contact["fields"]["companyIds"] == [[], [tin(1)]]
    assert totals["counts"] == {"company": {"create": 3}, "contact": {"create": 3}}
    assert out.splitlines()[:2] == [
        "companies: 3 to create, 0 to update, 0 stay as they are",
        "contacts: 3 to create, 0 to update, 0 stay as they are",
    ]
    files = [filled.folder / f"plan.{suffix}" for suffix in ("jsonl", "txt", "html")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert f"create company {tin(1)} ООО «ФИРМА 1»\n    title: - -> ООО «ФИРМА 1»" in (
        files[1].read_text()
    )
    assert "ООО «ФИРМА 1»" in files[2].read_text()


def test_apply_does_what_the_plan_says_and_the_next_plan_is_empty(filled):
    _, lines, totals = plan(filled)
    applied = apply(filled)
    assert applied.code == 0
    assert len(filled.titles()) == len(filled.people()) == 3
    stats = filled.portal.stats
    assert stats.violations == {}
    for method, count in totals["forecast"]["work"].items():
        assert count > 0
        assert stats.written[method] == sum(line["calls"].get(method, 0) for line in lines)
    _, lines, _ = plan(filled)
    assert set(actions(lines)) == {
        ("company", "skip", "unchanged"),
        ("contact", "skip", "unchanged"),
    }


def test_updates_are_told_field_by_field(filled):
    filled.full(sources=["store_a"])
    filled.change("companies", 1, phone="+7 812 000-00-02")
    filled.change("contacts", 2, position="CEO")
    _, lines, _ = plan(filled)
    updates = {line["key"]: line["fields"] for line in lines if line["action"] == "update"}
    assert updates[tin(1)] == {"PHONE": [["+78120000001"], ["+78120000002"]]}
    (contact,) = (fields for key, fields in updates.items() if key != tin(1))
    assert contact == {"post": [None, "CEO"]}
    filled.wrote()
    assert apply(filled).code == 0
    assert filled.wrote() == {"crm.item.update": 2}
    assert filled.portal.stats.violations == {}


def test_what_has_changed_since_is_refused(filled):
    filled.full(sources=["store_a"])
    for number in (1, 2, 3):
        filled.change("companies", number, phone=f"+7 812 000-00-1{number}")
    plan(filled)
    # The stores change one of them, a person another one.
    filled.change("companies", 1, phone="+7 812 000-00-55", updated_at="2024-06-01 12:00:00")
    filled.svod("plan", f"--plan={filled.folder}/other.jsonl", *PACE)
    (theirs,) = filled.portal.find("companies", "originId", tin(2))
    filled.portal.edit("companies", theirs["id"], {"updatedTime": "2030-01-01T00:00:00+03:00"})
    filled.wrote()
    applied = apply(filled)
    assert applied.code == 3
    assert applied.out.splitlines()[:2] == [
        f"changed since the plan, left out: company {tin(1)}",
        f"changed since the plan, left out: company {tin(2)}",
    ]
    assert applied.out.splitlines()[-1] == ("2 records have changed since the plan: make a new one")
    assert filled.wrote() == {"crm.item.update": 1}


@pytest.mark.parametrize(
    ("options", "companies", "contacts"),
    [
        (["--only=company"], 3, 0),
        (["--limit=2"], 2, 0),
        ([f"--only={tin(2)}"], 1, 1),
        (["--only=contact"], 0, 0),
    ],
)
def test_a_part_of_a_plan(filled, options, companies, contacts):
    plan(filled)
    assert apply(filled, *options).code == 3  # the rest waits
    assert (len(filled.titles()), len(filled.people())) == (companies, contacts)
    # What is there is done: the rest of the plan can be applied, and all of it again.
    rest = apply(filled)
    assert rest.code == 0
    message = f"{companies + contacts} records are in the CRM as the plan says already"
    assert (message in rest.out.splitlines()) == bool(companies)
    filled.wrote()
    assert "6 records are in the CRM as the plan says already" in apply(filled).out
    assert filled.wrote() == {}
    assert (len(filled.titles()), len(filled.people())) == (3, 3)
    assert filled.portal.stats.violations == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--limit=0"], "--limit"),
        (["--limit=-1"], "--limit"),
        ([f"--only={tin(2)},7712345678,compnay"], "--only: the plan has no 7712345678, compnay"),
    ],
)
def test_a_part_that_cannot_be_meant(filled, options, problem):
    plan(filled)
    ended = apply(filled, *options)
    assert ended.code == 2
    assert problem in ended.err
    assert filled.portal.stats.writes == 0


def test_a_deleted_record_is_left_alone(filled):
    filled.full(sources=["store_a"])
    (theirs,) = filled.portal.find("companies", "originId", tin(2))
    filled.portal.delete("companies", theirs["id"])
    filled.change("companies", 2, phone="+7 812 000-00-55")
    _, lines, _ = plan(filled)
    assert ("company", "skip", "deleted_in_crm") in actions(lines)


@pytest.mark.parametrize("text", ["", "{}", '{"kind":"company"}\n{"x":1}', "\x00"])
def test_a_file_that_is_no_plan(filled, text):
    (filled.folder / "plan.jsonl").write_text(text)
    ended = apply(filled)
    assert (ended.code, ended.out) == (2, "")
    assert "is not a plan, or not a complete one" in ended.err
    (filled.folder / "plan.jsonl").unlink()
    assert apply(filled).code == 2
