"""The fast way through a file: exact where all is sound, gone at the first thing that is not."""

import gzip
import io
import json
from typing import Any

import ijson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.errors import SvodError
from transforms.stores.export.fast_reader import (
    UnusualFileError,
    partner_chunks,
    read_chunk,
    require_c_backend,
)
from transforms.stores.export.mending_reader import MendingReader


def person(number, **more):
    return {"partner": f"{number:010}", "category": "1", "last_name": "Иванов", **more}


PARTNERS = [
    person(number, phones=["+7 812 123-45-67"], nested={"a": [[1], {}]}) for number in range(900)
]


def document(partners, **more):
    return json.dumps(
        {"header": {"system": "SAPCRM"}, "partners": partners, **more}, ensure_ascii=False
    )


def read(data, encoding="utf-8", chunk=1000):
    chunks = partner_chunks(io.BytesIO(data), encoding, chunk)
    return [partner for chunk in chunks for partner in read_chunk(chunk)]


@pytest.mark.parametrize(
    ("encode", "encoding"),
    [
        (lambda text: text.encode(), "utf-8"),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "utf-8"),
        (lambda text: text.encode("cp1251"), "windows-1251"),
        (lambda text: gzip.compress(text.encode()), "utf-8"),
        (lambda text: gzip.compress(text.encode("cp1251")), "windows-1251"),
    ],
)
def test_a_sound_file_is_read_as_the_forgiving_reader_reads_it(encode, encoding):
    data = encode(document(PARTNERS))
    assert read(data, encoding) == PARTNERS
    assert list(MendingReader(io.BytesIO(data), "x", encoding=encoding)) == PARTNERS


TEXT = document(PARTNERS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        document([]),
        '{"header": {}}',
        TEXT[:-1000],
        TEXT.replace('"0000000450"', '"00"00450"'),
        TEXT + "]",
        document([*PARTNERS, 17]),
        document([*PARTNERS, {"category": "1"}]),
        document([*PARTNERS, {"partner": "1", "category": "3"}]),
        document([*PARTNERS, person(1, others=[person(2)])]),
        # ijson crashes on the first of these, and takes all memory for the others.
        document(PARTNERS)[:-2] + ', {"partner": "1", "category": "1", "a": ' + "7" * 5000 + "}]}",
        document(PARTNERS)[:-2] + ', {"partner": "1", "category": "1", "a": ' + "[" * 1_000_000,
        document(PARTNERS)[:-2]
        + ', {"partner": "1", "category": "1", "a": '
        + '{"a":[' * 600
        + "]}" * 600
        + "}]}",
        document(PARTNERS)[:-2] + ', {"partner": "1", "category": "1", "a": ' + "[ 1, " * 300_000,
    ],
    ids=range(15),
)
@pytest.mark.parametrize("chunk", [1000, 1 << 18])
def test_whatever_is_unusual_is_left_to_the_forgiving_reader(text, chunk):
    with pytest.raises(UnusualFileError):
        read(text.encode(), chunk=chunk)


@pytest.mark.parametrize(
    "data", [TEXT.encode("cp1251"), gzip.compress(TEXT.encode())[:-20], b"\x1f\x8bnonsense"]
)
def test_bytes_that_are_no_text_and_damaged_archives_are_unsound(data):
    with pytest.raises(UnusualFileError):
        read(data)


def test_many_brackets_in_texts_do_no_harm():
    partners = [person(number, note="[]{}" * 50) for number in range(500)]
    assert read(document(partners).encode()) == partners


LAYOUTS = st.sampled_from(
    [
        {},
        {"separators": (",", ":")},
        {"indent": 2},
        {"indent": "\t", "separators": (" ,", " : ")},
        {"ensure_ascii": False},
    ]
)
FIELDS = st.dictionaries(
    st.sampled_from(["partner", "contact_of", "note", "partners", "a"]), ANY_JSON, max_size=3
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Files of partners who mention other partners, and texts that look like the file itself."""
    others = st.lists(st.just({"partner": "2"}) | FIELDS, max_size=3)
    quotes = st.sampled_from(['}, {"partner": "1"', '"partners": [', "]}", "},{", "\\"])
    fields = FIELDS | st.fixed_dictionaries({"contact_of": others, "note": quotes})
    made = [person(number) | draw(fields) for number in range(draw(st.integers(0, 6)))]
    if draw(st.booleans()):
        made = [dict(reversed(partner.items())) for partner in made]
    whole = {"header": draw(FIELDS), "partners": made}
    data = json.dumps(whole, default=str, **draw(LAYOUTS)).encode(errors="surrogatepass")
    at, put = draw(st.integers(0, len(data))), draw(st.sampled_from([b"", b"", b",", b"]", b"{"]))
    return data[:at] + put + data[at + draw(st.integers(0, 1)) * len(put) :]


@given(documents(), st.integers(20, 400))
def test_whatever_is_read_in_chunks_is_what_stands_in_the_file(data: bytes, chunk: int):
    try:
        found = read(data, chunk=chunk)
    except UnusualFileError:
        return
    assert found == list(ijson.items(data, "partners.item"))
    mended = list(MendingReader(io.BytesIO(data), "x"))
    assert len(mended) == len(found)


# The rest of a piece behind its last sample is a few digits of a number.
@example(1028, {"indent": 2})
@given(st.integers(100, 5000), LAYOUTS)
def test_sound_files_need_no_mending_wherever_they_are_cut(chunk: int, layout: dict[str, Any]):
    partners = [
        person(number, taxnumbers=[{"type": "INN", "number": "1"}, {"type": "KPP"}], last_name=name)
        for number, name in enumerate(["Иванов", '}, {"partner": "1"}', '"', "\\"] * 5)
    ]
    data = json.dumps({"header": {"partners": None}, "partners": partners}, **layout).encode()
    assert read(data, chunk=chunk) == partners


def test_c_backend_is_required(monkeypatch):
    require_c_backend()
    monkeypatch.setattr(ijson, "backend", "python")
    with pytest.raises(SvodError, match="backend python, not yajl2_c"):
        require_c_backend()


@pytest.mark.parametrize("name", ["partner", r"p\u0061rtner", r"\u0070artne\u0072"])
def test_a_partner_that_swallowed_another_is_not_sound_however_its_name_is_written(name):
    inner = json.dumps(person(2)).replace('"partner"', f'"{name}"')
    swallowed = json.dumps(person(1)).removesuffix("}") + f', "phones": [{inner}]' + "}"
    with pytest.raises(UnusualFileError):
        read_chunk(f"[{swallowed}]".encode())
    blank = json.dumps(person(1, position="\u00a0"))
    assert read_chunk(f"[{blank}]".encode()) == [person(1, position="\u00a0")]
