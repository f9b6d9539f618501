"""Stores that are not there, not as agreed, or full of rubbish: all that can be read is loaded."""

import gzip
import json

import pytest

from sandbox import store_a
from tests.helpers.installation import organisation, party, person, tin

ALFA, VEGA = tin(1), tin(2)
GOOD = organisation("0001000001", ALFA)
HUGE = "Я" * 5_000_000


@pytest.fixture
def ready(place):
    """A company in each store."""
    place.know([party(ALFA, "АЛЬФА"), party(VEGA, "ВЕГА")])
    place.company(1, VEGA)
    place.contact(1, 1)
    place.export(GOOD, person("0002000001", "0001000001"))
    return place


def loaded_all(place, ended, code):
    """The good rows of both stores are in the CRM."""
    assert ended.code == code, ended
    assert sorted(place.titles()) == [ALFA, VEGA]
    assert sorted(place.people()) == ["A-1", "B-0002000001"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (store_a.PASSWORD, "wr0ng", "does not know this user and password"),
        ("/shop", "/shops", "there is no database shops, or svod may not see it"),
        ("127.0.0.1", "127.0.0.2", "cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_entered(ready, old, new, message):
    ready.environment["SVOD_STORE_A"] = ready.environment["SVOD_STORE_A"].replace(old, new)
    ended = ready.full()
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("svod: --store_a: ")
    assert message in line
    assert "wr0ng" not in line
    assert ready.rows("SELECT name FROM sqlite_master") == []


def test_no_right_to_read_a_table(ready):
    ready.sql("CREATE OR REPLACE USER blind IDENTIFIED BY 'only-select'")
    for table in ("companies", "orders"):
        ready.sql(f"GRANT SELECT ON {table} TO blind")
    url = ready.environment["SVOD_STORE_A"].replace("svod:", "blind:")
    ready.environment["SVOD_STORE_A"] = url
    ended = ready.full()
    assert (ended.code, ended.err) == (
        2,
        "svod: --store_a: blind may not read the table contacts: grant SELECT on all of it\n",
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("ALTER TABLE companies DROP COLUMN kpp", "the column companies.kpp is missing"),
        ("DROP TABLE orders", "the database shop has no table orders"),
    ],
)
def test_a_missing_column_or_table(ready, damage, message):
    ready.sql(damage)
    ended = ready.full()
    assert (ended.code, ended.err) == (2, f"svod: --store_a: {message}\n")


def test_empty_stores_are_fine(place):
    place.export()
    ended = place.full()
    assert ended.code == 0, ended
    assert place.summary()["read"] == {key: {"companies": 0, "contacts": 0} for key in "AB"}
    assert place.portal.stats.writes == 0


SOUND = json.dumps({"header": {}, "partners": [GOOD, GOOD]}).encode()
PACKED = gzip.compress(SOUND)
BROKEN = {
    "a": (b"", "empty_file"),
    "b": (b" \n ", "empty_file"),
    "c": (b"Dear colleagues,\nenclosed you find", "not_json"),
    "d": (b'{"header": {}}', "no_partners"),
    "e": (b"[]", "no_partners"),
    "f": (SOUND[:-40], "file_cut"),
    "g": (PACKED[:-30], "file_cut"),
    "h": (PACKED[:20] + b"\xff" * 20 + PACKED[40:], "broken_gzip"),
    "i": (SOUND.replace(b"[{", b'["a", {', 1), "broken_partner"),
    "j": (SOUND.replace(b"[{", b"[null, {", 1), "broken_partner"),
    "k": (SOUND.replace(b"[{", b"[[1], {", 1), "broken_partner"),
    "l": (SOUND.replace(b"[{", b'[{"category": "2"}, {', 1), "no_partner_number"),
    "m": (SOUND.replace(b"[{", b'[{"partner": "5", "category": "7"}, {', 1), "bad_category"),
    "n": (SOUND.replace(b"[{", b'[{"partner": "5" "category": 2}, {', 1), "broken_partner"),
    "o": (SOUND.replace(b"[{", b'[{"partner": "\xff\xfe\0", "cat, {', 1), "broken_partner"),
}


def test_broken_files_are_told_and_the_others_are_read(ready):
    for name, (content, _) in BROKEN.items():
        (ready.files / f"{name}.json").write_bytes(content)
    for _ in range(2):
        loaded_all(ready, ready.full(), 3)
        query = 'SELECT topic, "partition", reason FROM invalid_messages ORDER BY topic'
        assert ready.rows(query) == [
            (f"file:{ready.files / name}.json", -1, reason) for name, (_, reason) in BROKEN.items()
        ]
        assert ready.summary()["messages"] == len(BROKEN)
        assert ready.summary()["status"] == "incomplete"
    for name in BROKEN:
        (ready.files / f"{name}.json").unlink()
    assert ready.full().code == 0


def test_wrong_types_everywhere(ready):
    values = [None, True, 0, -1.5, 10**400, "", "х", [], [[]], {}, {"a": {}}, ["a", 1, None]]
    partners = []
    for number, value in enumerate(values):
        for place, category in enumerate("12"):
            fields = (
                *("name1", "name2", "legal_form", "taxnumbers", "addresses", "bankdetails"),
                *("phones", "emails", "site", "orders", "deleted", "created_at", "changed_at"),
                *("last_name", "first_name", "middle_name", "position", "contact_of"),
            )
            own = {"partner": f"{9000 + number}{place}", "category": category}
            partners.append(dict.fromkeys(fields, value) | own)
            partners.append(own)
    ready.export(*partners, name="strange.json")
    loaded_all(ready, ready.full(), 0)
    read = ready.summary()["read"]["B"]
    assert read == {"companies": len(values) + 1, "contacts": len(values) + 1}
    refused = ready.summary()["companies"]["invalid"]
    assert sum(refused.values()) == len(values)


def test_bytes_that_are_no_text(ready):
    wrong = bytes(range(1, 256))
    ready.company(2, ALFA, name=wrong, phone=wrong, email=wrong[:255], address=wrong, site=wrong)
    ready.contact(2, 2, last_name=wrong[:128], first_name=b"\x98", position=wrong)
    ready.company(3, b"\xff\x98", name=b"\x98")
    bad = json.dumps(organisation("0001000009", VEGA, name1="NAME")).encode()
    ready.export(GOOD, person("0002000001", "0001000001"))
    (ready.files / "bytes.json").write_bytes(
        b'{"partners": [' + bad.replace(b"NAME", b"\xff\xfe\x80\xc3") + b"]}"
    )
    ended = ready.full()
    assert ended.code == 3, ended
    assert sorted(ready.titles()) == [ALFA, VEGA]
    assert {"A-1", "B-0002000001"} <= ready.people().keys()
    path = ready.files / "bytes.json"
    remark = f"4 characters of {path} are not in utf-8 and were left out;"
    assert [one.startswith(remark) for one in ready.summary()["remarks"]] == [True]
    assert remark in ended.out
    noted = ready.rows(
        "SELECT source, kind, source_id FROM rows"
        " WHERE instr(payload, CAST('unreadable_characters' AS BLOB)) ORDER BY 1, 2, 3"
    )
    assert noted == [
        ("A", "company", "2"),
        ("A", "company", "3"),
        ("A", "contact", "2"),
        ("B", "company", "0001000009"),
    ]


def test_ten_megabytes_in_a_name(ready):
    ready.export(
        organisation("0001000007", VEGA, name1=HUGE, phones=[HUGE], emails=HUGE),
        person("0002000007", "0001000007", last_name=HUGE, first_name="Пётр", position=HUGE),
        GOOD,
        name="huge.json",
    )
    ended = ready.full()
    assert ended.code == 0, ended
    assert sorted(ready.titles()) == [ALFA, VEGA]
    assert {"A-1", "B-0002000001"} <= ready.people().keys()
    [(longest,)] = ready.rows("SELECT max(length(raw)) FROM rows")
    assert longest <= 65_536


def test_the_other_encoding_is_told(ready):
    (ready.files / "windows.json").write_bytes(
        json.dumps(
            {"partners": [organisation("0001000001", ALFA, name1="Ромашка" * 40)]},
            ensure_ascii=False,
        ).encode("cp1251")
    )
    ended = ready.full()
    assert ended.code == 2
    assert ended.err.startswith("svod: --store_b_encoding: ")
    assert "windows.json is not in utf-8: give the other encoding" in ended.err
