"""JSON Lines: each line stands alone."""

import gzip
import json

import pytest

from tests.helpers.files import read_data, reasons


def lines(records, **options):
    return "".join(json.dumps(row, ensure_ascii=False, **options) + "\n" for row in records)


RECORDS = [{"id": number, "name": "Ромашка", "a": [{"b": None}]} for number in range(3000)]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_records_are_read_in_their_encoding(codec):
    data = lines(RECORDS).encode(codec)
    encoding = codec.removesuffix("-sig")
    assert read_data(data, "jsonl", encoding=encoding) == (RECORDS, [])
    assert read_data(gzip.compress(data), "jsonl", encoding=encoding) == (RECORDS, [])


def test_a_broken_line_is_lost_alone():
    text = lines(RECORDS[:2]) + '{"id": 7, "name": "Ром\n[1]\n\n17\n' + lines(RECORDS[2:4])
    records, dead_letters = read_data(text.encode(), "jsonl")
    assert records == RECORDS[:4]
    assert reasons(dead_letters) == [
        ("broken_record", 'line 3: {"id": 7, "name": "Ром'),
        ("broken_record", "line 4: [1]"),
        ("broken_record", "line 6: 17"),
    ]
    data = text.encode()
    assert [letter.offset for letter in dead_letters] == [
        data.index(part) for part in (b'{"id": 7,', b"[1]\n", b"17\n")
    ]


def test_numbers_of_any_length_and_odd_characters():
    text = '{"account": 40702810655000000001, "x": NaN, "y": "a\tb\0\\ud83d"}\r\n' + "[" * 100_000
    records, dead_letters = read_data(text.encode(), "jsonl")
    assert records == [{"account": 40702810655000000001, "x": None, "y": "a\tb\0\ufffd"}]
    assert [letter.reason for letter in dead_letters] == ["broken_record"]


def test_bytes_of_another_encoding_are_replaced():
    assert read_data('{"name": "Ром'.encode() + b'\xff"}', "jsonl") == ([{"name": "Ром\ufffd"}], [])


def test_a_file_without_a_record():
    assert [letter.reason for letter in read_data(b"", "jsonl")[1]] == ["empty_file"]
    cut = gzip.compress(lines(RECORDS).encode())[:-12]
    records, dead_letters = read_data(cut, "jsonl")
    assert [letter.reason for letter in dead_letters] == ["file_cut"]
    assert len(records) >= 2900
