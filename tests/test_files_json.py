"""JSON files of any store: the array is found or named, and a broken element is lost alone."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.files import read_data, reasons
from transforms.stores.files import json_text

RECORDS = [
    {"id": str(number), "name": "Ромашка", "tags": ["a"], "orders": [{"id": "q", "total": 1.5}]}
    for number in range(2500)
]
FEW = RECORDS[:4]


def document(records, **options):
    content = {"header": {"a": [1, "]"]}, "data": {"none": [], "customers": records}, "z": [7]}
    return json.dumps(content, ensure_ascii=False, **options)


def read(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return read_data(data, "json", **{"id_names": ("id",), **options})


def ids(records):
    return [record["id"] for record in records]


@pytest.mark.parametrize("options", [{}, {"indent": 2}, {"separators": (",", ":")}])
@pytest.mark.parametrize("place", ["", "data.customers"])
def test_an_array_is_found_or_named(options, place):
    text = document(RECORDS, **options)
    assert read(text, place=place) == (RECORDS, [])
    assert read("\ufeff" + text, place=place) == (RECORDS, [])
    assert read(gzip.compress(text.encode("cp1251")), encoding="cp1251") == (RECORDS, [])
    assert read(text.encode("utf-16"), encoding="utf-16", place=place) == (RECORDS, [])


def test_the_file_may_be_the_array_or_several_documents():
    assert read(json.dumps(RECORDS)) == (RECORDS, [])
    assert read("[]") == ([], [])
    assert read('{"a": []}', place="a") == ([], [])
    assert read(json.dumps(FEW) + "\n" + json.dumps(FEW)) == (FEW * 2, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("empty_file", "byte 0")),
        ("<html>", ("not_json", "byte 0: <html>")),
        ("{}", ("no_records", "byte 0")),
        ('{"data": {"customers": 5}}', ("no_records", "byte 0")),
        ('{"data": [{"id": "1"}]}', ("no_records", "byte 0")),
    ],
)
def test_nothing_to_read(text, expected):
    assert read(text, place="data.customers")[0] == []
    assert reasons(read(text, place="data.customers")[1]) == [expected]


def test_a_broken_element_is_lost_alone():
    text = document(FEW)
    broken = text.replace('"id": "1"', '"id" "1"')
    records, [dead_letter] = read(broken, place="data.customers")
    assert ids(records) == ["0", "2", "3"]
    assert dead_letter.reason == "broken_record"
    assert dead_letter.offset == broken.encode().index(b'{"id" "1"')
    records, dead_letters = read(text.replace('{"id": "1"', '17, {"id": "1"'))
    assert records == FEW
    assert [letter.reason for letter in dead_letters] == ["broken_record"]


def test_a_record_that_lost_its_end_swallows_none():
    text = json.dumps({"a": FEW}).replace('1.5}]}, {"id": "2"', '1.5}, {"id": "2"')
    records, dead_letters = read(text)
    assert ids(records) == ["0", "2", "3"]
    assert [letter.reason for letter in dead_letters] == ["broken_record", "file_cut"]


def test_a_cut_file_loses_nothing_before():
    text = document(RECORDS).encode()
    for data in (text[:-100_000], gzip.compress(text)[:-2000]):
        records, dead_letters = read(data, place="data.customers")
        assert records == RECORDS[: len(records)]
        assert len(records) > 100
        assert [letter.reason for letter in dead_letters] == ["file_cut"]


def test_a_broken_header():
    text = document(FEW).replace('"header": {', '"header" {')
    records, [dead_letter] = read(text, place="data.customers", names=("id", "name"))
    assert (records, dead_letter.reason) == (FEW, "broken_header")


def test_a_value_of_any_length_is_passed_over():
    text = json.dumps({"blob": ["x]" * 200_000, {"y": '\\"'}] * 20, "rows": FEW})
    assert read(text, place="rows") == (FEW, [])


@given(st.data())
def test_damage_loses_no_other_record(data):
    text = json.dumps({"rows": FEW * 3}, ensure_ascii=False)
    place = data.draw(st.integers(text.index("["), len(text)))
    damaged = (
        text[:place]
        + data.draw(st.sampled_from(['"', "{", "]", "", ",17", "\0"]))
        + text[place + data.draw(st.integers(0, 2)) :]
    )
    records, _ = read(damaged, place="rows", names=("id", "name"))
    sound = sum(1 for record in records if record in FEW)
    assert sound >= 10
    assert len(records) - sound <= 1


def test_a_value_above_the_window_is_passed_over(monkeypatch):
    monkeypatch.setattr(json_text, "MOST_CHARACTERS", 1 << 16)
    text = json.dumps({"blob": [{"y": '\\"]' * 9000, "z": [[]] * 9000}] * 9, "rows": FEW})
    assert read(text, place="rows") == (FEW, [])
