"""Export files of store B: whole, odd, and broken anywhere."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.records import DeadLetter
from transforms.stores.export import decoding, json_values
from transforms.stores.export.decoding import exported_at, is_in_other_encoding
from transforms.stores.export.mending_reader import MAX_RAW, MendingReader

HEAD = '{"header": {"system": "SAPCRM", "client": "100"}, "partners": ['
ONE, TWO, THREE = '{"partner": "1"}', '{"partner": "2"}', '{"partner": "3"}'
P1, P2, P3 = {"partner": "1"}, {"partner": "2"}, {"partner": "3"}


def read(data, encoding="utf-8", chunk=1 << 16):
    if isinstance(data, str):
        data = data.encode()
    return list(MendingReader(io.BytesIO(data), "f.json", encoding=encoding, chunk=chunk))


def broken(reason, offset, raw=""):
    return DeadLetter("file:f.json", -1, offset, reason, raw.encode())


def person(number, **fields):
    return {
        "partner": f"{number:010d}",
        "category": "1",
        "last_name": "Иванов",
        "taxnumbers": [{"type": "INN", "number": "7805746764"}, {"type": "KPP", "number": "7805"}],
        "addresses": [{"kind": "legal", "text": 'г. "Санкт-Петербург", {д. 9}'}],
        "phones": ["+7 921 123-45-67"],
        "orders": {"count": number, "total": 1.5},
        **fields,
    }


@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (f"{HEAD}{ONE}, {TWO}]}}", [P1, P2]),
        (f"\ufeff{HEAD}{ONE}]}}", [P1]),
        (f"{HEAD}]}}", []),
        (f' {{ "partners" :[{ONE}\n,\t{TWO}] , "header": {{}} }}\n', [P1, P2]),
        (f'{{"partners": [{ONE}], "n": 12, "partners": [{TWO}]}}', [P1, P2]),
        (f"{HEAD}{ONE}]}}\n{HEAD}{TWO}]}}", [P1, P2]),
        (f'{HEAD}{{"b": 1, "a": [{{"type": "INN"}}]}}]}}', [{"b": 1, "a": [{"type": "INN"}]}]),
        (f'{HEAD}{{"account": 40702810655000000001}}]}}', [{"account": 40702810655000000001}]),
        (f'{HEAD}{{"a": NaN, "b": "x\ty\n"}}]}}', [{"a": None, "b": "x\ty\n"}]),
        (
            HEAD + r'{"a": "\ud83d \u0000", "b": "\ud83d\ude00"}]}',
            [{"a": "\ufffd \0", "b": "\U0001f600"}],
        ),
        (
            f'{HEAD}{{"contact_of": [{ONE}], "partner": "2"}}]}}',
            [{"contact_of": [P1], "partner": "2"}],
        ),
        # Nothing to read.
        ("", [broken("empty_file", 0)]),
        (" \n", [broken("empty_file", 2)]),
        ("<html>", [broken("not_json", 0, "<html>")]),
        ("null", [broken("not_json", 0, "null")]),
        ("{}", [broken("no_partners", 0)]),
        (f'{{"items": [{ONE}]}}', [broken("no_partners", 0)]),
        ('{"partners": null}', [broken("no_partners", 0)]),
        ('{"partners": {"a": 1}}', [broken("no_partners", 0)]),
        ("[]", [broken("no_partners", 0, "[]")]),
        (f"[{ONE}, {TWO}]", [broken("no_partners", 0, "["), P1, P2]),
        # Around the array.
        (f"{HEAD}{ONE}]}} x", [P1, broken("trailing_garbage", 82, "x")]),
        (
            f'{{"header": {{x}}, "partners": [{ONE}]}}',
            [broken("broken_header", 1, '"header": {x}, "partners": ['), P1],
        ),
        (
            f'{{"header": "x, "partners": [{ONE}]}}',
            [broken("broken_header", 1, '"header": "x, "partners": ['), P1],
        ),
        (
            f'{{"partners": {ONE}, {TWO}]}}',
            [broken("broken_header", 1, '"partners": '), P1, P2],
        ),
        (
            f'{{"partners": [{ONE}], "n": 1}}x{{"partners": [{TWO}]}}',
            [P1, broken("trailing_garbage", 40, 'x{"partners": ['), P2],
        ),
        # In the array.
        (f"{HEAD}{ONE}, 5, {TWO}]}}", [P1, broken("broken_partner", 81, "5, "), P2]),
        (
            f'{HEAD}{ONE}, {{"partner" 5}}, {TWO}]}}',
            [P1, broken("broken_partner", 81, '{"partner" 5}, '), P2],
        ),
        (f"{HEAD}{ONE} {TWO}]}}", [P1, broken("broken_partner", 80, ""), P2]),
        (f"{HEAD}{ONE}][{TWO}]}}", [P1, broken("trailing_garbage", 80, "["), P2]),
        (
            f'{HEAD}"partner": "1"}}, {TWO}]}}',
            [
                broken("broken_partner", 63, '"partner": "1"}, '),
                P2,
            ],
        ),
        # What ends the array too early makes no partner a header.
        (f"{HEAD}]}}{ONE}, {TWO}]}}", [broken("trailing_garbage", 65), P1, P2]),
        (f"{HEAD}]}}\n{{ {ONE[1:]}, {TWO}]}}", [broken("trailing_garbage", 66), P1, P2]),
        (f"{HEAD}{ONE}]}}, {TWO}, {THREE}]}}", [P1, broken("trailing_garbage", 81, ", "), P2, P3]),
        (f"{ONE}, {TWO}]}}", [broken("broken_header", 0), P1, P2]),
        # Entries of a broken partner's lists are no partners.
        (
            f'{HEAD}{{"partner": "1", "t": [{{"type": "INN"}}, {{"type": "KPP"}}], x}}, {TWO}]}}',
            [
                broken(
                    "broken_partner",
                    63,
                    '{"partner": "1", "t": [{"type": "INN"}, {"type": "KPP"}], x}, ',
                ),
                P2,
            ],
        ),
        (
            f'{HEAD}{{"partner": "1", "parent": {TWO}, x}}, {THREE}]}}',
            [broken("broken_partner", 63, f'{{"partner": "1", "parent": {TWO}, x}}, '), P3],
        ),
        # One that lost its end would take those after it for entries of its last list.
        (
            f'{HEAD}{{"partner": "1", "t": [{{"type": "INN"}}, {TWO}, {THREE}]}}',
            [broken("broken_partner", 63, '{"partner": "1", "t": [{"type": "INN"}, '), P2, P3],
        ),
        # Cut.
        (f"{HEAD}{ONE}", [P1, broken("file_cut", 79)]),
        (f"{HEAD}{ONE}, {TWO[:-3]}", [P1, broken("file_cut", 81, TWO[:-3])]),
        (f'{HEAD}{ONE}, {{"partner": tr', [P1, broken("file_cut", 81, '{"partner": tr')]),
        (f'{HEAD}{ONE}, {{"partner": "\\u04', [P1, broken("file_cut", 81, '{"partner": "\\u04')]),
        ('{"header": {"sys', [broken("file_cut", 1, '"header": {"sys')]),
        (f"{HEAD}{ONE}]", [P1, broken("file_cut", 80)]),
    ],
)
def test_every_shape_is_decided(data, found, chunk):
    assert read(data, chunk=chunk) == found


@pytest.mark.parametrize("chunk", [5, 1 << 16])
@pytest.mark.parametrize(
    "bomb", ["[" * 100_000, '{"a":' * 5_000, "9" * 100_000, '"' + "x" * 200_000]
)
def test_bombs_are_one_broken_partner(bomb, chunk, monkeypatch):
    monkeypatch.setattr(json_values, "MAX_VALUE", 1 << 16)
    bad = '{"partner": "2", "x": ' + bomb + "\x00, "
    found = read(f"{HEAD}{ONE}, {bad}{THREE}]}}", chunk=chunk * 100)
    assert found == [P1, broken("broken_partner", 81, bad[:MAX_RAW]), P3]


def test_undecodable_bytes_are_replaced_and_counted():
    data = HEAD.encode() + b'{"partner": "\xff1", "n": "\xd0\x98\xce"}, x, ' + ONE.encode() + b"]}"
    for chunk in (1, 1 << 16):
        reader = MendingReader(io.BytesIO(data), "f.json", chunk=chunk)
        assert list(reader) == [
            {"partner": "\ufffd1", "n": "И\ufffd"},
            broken("broken_partner", data.index(b"x, "), "x, "),
            P1,
        ]
        assert reader.replaced == 2


def test_windows_1251_with_the_byte_that_it_lacks():
    data = f'{HEAD}{{"partner": "1", "name": "ООО «Рома\x98шка»"}}, x, {TWO}]}}'
    data = data.replace("\x98", "Ђ").encode("cp1251").replace(b"\x80", b"\x98")
    reader = MendingReader(io.BytesIO(data), "f.json", encoding="windows-1251", chunk=3)
    assert list(reader) == [
        {"partner": "1", "name": "ООО «Рома\ufffdшка»"},
        broken("broken_partner", data.index(b"x, "), "x, "),
        P2,
    ]
    assert reader.replaced == 1


@pytest.mark.parametrize("chunk", [1, 10, 1 << 16])
def test_gzip_by_its_magic_in_members_with_padding(chunk):
    data = f"{HEAD}{ONE}, {TWO}]}}".encode()
    packed = gzip.compress(data[:70]) + gzip.compress(data[70:]) + bytes(20)
    assert read(packed, chunk=chunk) == [P1, P2]


def test_cut_gzip_gives_all_that_was_unpacked():
    packed = gzip.compress(f"{HEAD}{ONE}, {TWO}]}}".encode())
    assert read(packed[:-3]) == [P1, P2, broken("file_cut", 99)]
    assert read(packed[:5]) == [broken("file_cut", 0)]


def test_damaged_gzip_gives_all_that_was_unpacked():
    text = f"{HEAD}{ONE}, {TWO}]}}".encode()
    whole = gzip.compress(text)
    wrong_sum = whole[:-8] + bytes(4) + whole[-4:]
    assert read(wrong_sum) == [P1, P2, broken("broken_gzip", 99)]
    garbage_member = gzip.compress(text[:80]) + b"garbage"
    assert read(garbage_member) == [P1, broken("broken_gzip", 80)]


def test_damage_in_the_middle_of_gzip_keeps_what_came_before():
    partners = [person(number) for number in range(2000)]
    packed = bytearray(gzip.compress(json.dumps({"partners": partners}).encode()))
    middle = len(packed) // 2
    packed[middle : middle + 200] = bytes(200)
    for chunk in (100, 1 << 18):
        found = read(bytes(packed), chunk=chunk)
        assert found[:900] == partners[:900]
        assert found[-1].reason == "broken_gzip"


@pytest.mark.parametrize(
    ("data", "encoding", "misread"),
    [
        ("Ромашка" * 100, "utf-8", False),
        ("Ромашка" * 100, "windows-1251", True),
        ("plain" * 100, "windows-1251", False),
        ("Ромашка", "windows-1251", False),
    ],
)
def test_utf_8_is_told_from_windows_1251(data, encoding, misread):
    assert is_in_other_encoding(io.BytesIO(data.encode()), encoding) is misread


def test_windows_1251_is_told_from_utf_8():
    data = ("Ромашка" * 100).encode("cp1251")
    assert is_in_other_encoding(io.BytesIO(data), "utf-8")
    assert not is_in_other_encoding(io.BytesIO(data), "windows-1251")
    assert not is_in_other_encoding(io.BytesIO("Ромашка".encode() * 100 + b"\xff" * 50), "utf-8")
    assert not is_in_other_encoding(io.BytesIO(gzip.compress(data)[:12]), "utf-8")


PARTNERS = [person(number, comment="x" * number) for number in range(8)]


def file_of(partners, separator):
    """The file and each partner's place in it."""
    text = HEAD
    places = []
    for partner in partners:
        text += separator if places else ""
        start = len(text.encode())
        text += json.dumps(partner, ensure_ascii=False)
        places.append((start, len(text.encode())))
    return (text + "]}").encode(), places


@pytest.mark.parametrize("separator", [",", ",\n  "])
def test_cut_anywhere_loses_only_what_is_cut(separator):
    data, places = file_of(PARTNERS, separator)
    for end in range(len(data)):
        whole = [
            partner for partner, place in zip(PARTNERS, places, strict=True) if place[1] <= end
        ]
        found = read(data[:end], chunk=1000)
        assert found[:-1] == whole
        assert found[-1].reason == ("file_cut" if end else "empty_file")


@given(
    st.integers(0, 10_000),
    st.binary(max_size=3),
    st.integers(0, 60),
    st.sampled_from([17, 300, 1 << 16]),
    st.sampled_from([",", ",\n"]),
)
def test_damage_anywhere_loses_only_what_is_damaged(at, put, removed, chunk, separator):
    """Some bytes replaced, put in or taken out, in the array: all other partners come once."""
    data, places = file_of(PARTNERS, separator)
    at = len(HEAD) + at % (len(data) - len(HEAD))
    damaged = data[:at] + put + data[at + removed :]
    intact = [
        partner
        for partner, (start, end) in zip(PARTNERS, places, strict=True)
        if end <= at or start >= at + removed
    ]
    good = [item for item in read(damaged, chunk=chunk) if item in PARTNERS]
    # In their order and each once; the one that was hit may have come through all the same.
    assert good == [partner for partner in PARTNERS if partner in good]
    assert [partner for partner in intact if partner not in good] == []


@given(st.integers(0, len(HEAD) - 1), st.integers(0, 255))
def test_damage_in_the_header_loses_nothing(at, byte):
    data, _ = file_of(PARTNERS, ",")
    damaged = data[:at] + bytes([byte]) + data[at + 1 :]
    found = read(damaged)
    key = HEAD.index('"partners"')
    # A key of another name is no damage that anybody could see: it is no export file then.
    if found == [broken("no_partners", 0)]:
        assert key < at < key + len('"partners')
    else:
        assert [item for item in found if item in PARTNERS] == PARTNERS


def test_window_does_not_grow(monkeypatch):
    """However long the file: what is held is a chunk and a partner."""
    longest = 0
    more = decoding.TextWindow.more

    def measured(window, wanted=1):
        nonlocal longest
        result = more(window, wanted)
        longest = max(longest, len(window.text))
        return result

    monkeypatch.setattr(decoding.TextWindow, "more", measured)
    data, _ = file_of(PARTNERS * 100, ",")
    assert len(read(data, chunk=4096)) == 800
    assert len(read(HEAD.encode() + b"{" * 100_000, chunk=4096)) == 1
    assert longest < 3 * 4096


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('{"header": {"exported_at": "2024-11-30T21:00:00Z"}, "partners": []}', 1733000400000000),
        ('{"header": {"exported_at" : "2024-12-01"}, "partners": []}', 1733000400000000),
        ('{"header": {"exported_at": "soon"}, "partners": []}', 0),
        ('{"header": {"exported_at": 7}, "partners": []}', 0),
        ('{"partners": [{"exported_at": "2024-11-30T21:00:00Z"}]}', 0),
        ("", 0),
    ],
)
def test_the_header_says_when_a_file_was_made(text, moment):
    data = text.encode("utf-8-sig")
    assert exported_at(io.BytesIO(data)) == moment
    assert exported_at(io.BytesIO(gzip.compress(data))) == moment
    assert exported_at(io.BytesIO(gzip.compress(data)[:9])) == 0


def test_a_file_full_of_braces_is_searched_once():
    partner = {"partner": "0000000001", "category": "1"}
    junk = "{" * 300_000 + "{ x } " * 50_000
    data = f'{{"partners": [{junk}, {{ \n{json.dumps(partner)[1:]}]}}'.encode()
    broken, found = MendingReader(io.BytesIO(data), "x")
    assert (broken.reason, found) == ("broken_partner", partner)
