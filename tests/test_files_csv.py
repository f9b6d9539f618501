"""CSV files as people and programs write them, sound and broken."""

import csv
import gzip
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.files import read_data, reasons
from transforms.stores.files import csv_rows
from transforms.stores.files.csv_rows import CsvReader, find_delimiter
from transforms.stores.files.text_lines import Lines

HEAD = "id;name;tin\n"
RECORDS = [{"id": "1", "name": "Ромашка", "tin": "7"}, {"id": "2", "name": "Лютик", "tin": "8"}]


def read(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return read_data(data, "csv", **options)


def record(*cells):
    return dict(zip(("id", "name", "tin"), cells, strict=True))


def zipped(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_found(delimiter, line_end):
    text = line_end.join(["id;name;tin", "1;Ромашка;7", "2;Лютик;8"]).replace(";", delimiter)
    assert read(text) == (RECORDS, [])
    assert read(text + line_end, delimiter=delimiter) == (RECORDS, [])


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("cp1251", "cp1251"),
        ("koi8-r", "koi8-r"),
        ("cp866", "cp866"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings(encoding, codec):
    text = HEAD + "1;Ромашка;7\n2;Лютик;8\n"
    assert read(text.encode(codec), encoding=encoding) == (RECORDS, [])


def test_plain_gzip_and_zip_are_told_apart_by_content():
    text = (HEAD + "1;Ромашка;7\n2;Лютик;8\n").encode()
    half = len(HEAD)
    assert read(gzip.compress(text)) == (RECORDS, [])
    assert read(gzip.compress(text[:half]) + gzip.compress(text[half:])) == (RECORDS, [])
    assert read(zipped(a=text, b=b"x"), member="a") == (RECORDS, [])
    assert read(zipped(a=gzip.compress(text)), member="a") == (RECORDS, [])


def test_what_comes_before_damage_is_read():
    text = (HEAD + "".join(f"{number};Ромашка;7\n" for number in range(50_000))).encode()
    packed = gzip.compress(text)
    records, dead_letters = read(packed[: len(packed) // 2])
    assert len(records) > 10_000
    assert records == [record(str(number), "Ромашка", "7") for number in range(len(records))]
    [(reason, raw)] = reasons(dead_letters)
    assert reason == "file_cut"
    assert raw.startswith(f"line {len(records) + 2}")
    archive = bytearray(zipped(a=text))
    archive[len(archive) // 2] ^= 0xFF
    records, dead_letters = read(bytes(archive), member="a")
    assert len(records) > 10_000
    assert [letter.reason for letter in dead_letters][-1] == "broken_zip"


def test_quotes_are_doubled_and_lines_break_inside_them():
    text = HEAD + '1;"ООО ""Рога; копыта""";7\r\n2;"две\nстроки\r\nтри";8\n'
    assert read(text) == (
        [record("1", 'ООО "Рога; копыта"', "7"), record("2", "две\nстроки\r\nтри", "8")],
        [],
    )


def test_quotes_that_are_not_doubled_keep_their_text():
    text = HEAD + '1;"ООО "Рога"";7\n2;ООО "Рога";8\n3;труба 5";9\n'
    names = [row["name"] for row in read(text)[0]]
    assert names == ['ООО "Рога"', 'ООО "Рога"', 'труба 5"']


def test_a_row_with_the_wrong_number_of_cells_is_broken_alone():
    records, dead_letters = read(HEAD + "1;Ромашка;7\n2;Рога;Копыта;8\n3;x\n4;Лютик;9\n")
    assert records == [record("1", "Ромашка", "7"), record("4", "Лютик", "9")]
    assert reasons(dead_letters) == [
        ("wrong_cell_count", "line 3: 2;Рога;Копыта;8"),
        ("wrong_cell_count", "line 4: 3;x"),
    ]
    assert [letter.offset for letter in dead_letters] == [31, 57]
    assert {(letter.origin, letter.partition) for letter in dead_letters} == {("file:f", -1)}


def test_a_quote_that_is_never_closed_takes_only_its_row():
    rows = [f"{number};имя {number};7\n" for number in range(5000)]
    rows[10] = '10;"имя;7\n'
    rows[20] = '20;"x""y";7\n'
    rows[4999] = '4999;имя;"7\n'
    records, dead_letters = read(HEAD + "".join(rows))
    assert [int(row["id"]) for row in records] == [n for n in range(4999) if n != 10]
    assert reasons(dead_letters) == [
        ("unclosed_quote", 'line 12: 10;"имя;7'),
        ("unclosed_quote", 'line 5001: 4999;имя;"7'),
    ]


def test_two_rows_are_not_taken_for_one_of_two_lines():
    records, dead_letters = read(HEAD + '1;"ООО;7\n2;ИП";8\n3;x;9\n')
    assert [row["id"] for row in records] == ["2", "3"]
    assert reasons(dead_letters) == [("unclosed_quote", 'line 2: 1;"ООО;7')]


def test_a_line_without_end_is_cut(monkeypatch):
    text = HEAD + "1;" + "x" * (3 << 20) + ";7\n2;Лютик;8\n"
    records, [dead_letter] = read(text)
    assert records == [record("2", "Лютик", "8")]
    assert dead_letter.reason == "line_too_long"
    assert len(dead_letter.raw) <= 1 << 16
    assert read(text + "3\n")[1][1].offset == len(text.encode())


def test_nul_bytes_stay_in_their_cell():
    assert read(HEAD + "1;Рома\0шка;7\n2;Лютик;8\n") == (
        [record("1", "Рома\0шка", "7"), RECORDS[1]],
        [],
    )


def test_blank_lines_and_empty_rows_hold_nothing():
    assert read(HEAD + "\n1;Ромашка;7\n\r\n;;\n2;Лютик;8\n\n\n") == (RECORDS, [])


def test_header_may_stand_lower():
    title = "Выгрузка; от 1 мая\n\n"
    assert read(title + HEAD + "1;Ромашка;7\n2;Лютик;8\n", header=3) == (RECORDS, [])
    assert read("\n\n" + HEAD + "1;Ромашка;7\n2;Лютик;8\n") == (RECORDS, [])
    assert read("sep=;\n" + HEAD + "1;Ромашка;7\n2;Лютик;8\n") == (RECORDS, [])


def test_nothing_to_read():
    assert reasons(read("")[1]) == [("empty_file", "line 1")]
    assert reasons(read("title\n", header=3)[1]) == [("empty_file", "line 2")]
    assert read(HEAD) == ([], [])
    assert read("id;name;tin") == ([], [])


def test_columns_are_called_as_the_mapping_calls_them():
    text = "\ufeff ID ;Name;tin;Name;\n1;Ромашка;7;x;y\n"
    assert read(text, names=("id", "tin"))[0] == [{"id": "1", "Name": "Ромашка", "tin": "7"}]


def test_numbers_that_excel_made_of_texts():
    [row] = read(HEAD + "1000123.0;7,80575E+09;7,805746764E+09\n")[0]
    assert row == record("1000123", Decimal("7.80575E+9"), "7805746764")


def test_records_that_cannot_be_used_are_named_by_their_line():
    records, dead_letters = read(
        HEAD + '1;"а\nб";7\n;Лютик;8\n', problem=lambda row: "" if row["id"] else "no_id"
    )
    assert len(records) == 1
    assert reasons(dead_letters) == [("no_id", "line 4: ;Лютик;8")]
    assert dead_letters[0].offset == len((HEAD + '1;"а\nб";7\n').encode())


def test_the_delimiter_is_that_of_the_names():
    lines = ["id;address, city, street;tin", "1;a, b;2", "2;c, d, e, f;3"]
    assert find_delimiter(lines) == ";"
    assert find_delimiter(["a,b;c,d", "1,2;3,4"], ["c,d"]) == ";"
    assert find_delimiter(["a,b;c,d", "1,2;3,4"], ["B;C"]) == ","


CELLS = st.text(st.sampled_from("ab1 \";,\t|\n\r'\0я."), max_size=6)


@given(
    st.lists(st.tuples(st.integers(1, 99).map(str), CELLS, CELLS), max_size=30),
    st.sampled_from(csv_rows.DELIMITERS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1251", "utf-16"]),
    st.integers(1, 300),
)
def test_what_a_program_writes_is_read(rows, delimiter, line_end, codec, chunk):
    text = io.StringIO(newline="")
    # Python's writer leaves a lone line end of another kind without quotes.
    quoting = csv.QUOTE_ALL if any(set("\r\n") & set(cell) for row in rows for cell in row) else 0
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([("id", "name", "tin"), *rows])
    data = text.getvalue().encode(codec)
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    reader = CsvReader(Lines(chunks, codec.removesuffix("-sig")), delimiter=delimiter)
    assert reader.open() == ["id", "name", "tin"]
    batches = list(reader)
    # A text that begins with a line's end may have as many delimiters as a row.
    if not any(delimiter in cell for row in rows for cell in row):
        read_rows = [tuple(row) for batch in batches for row in batch.rows if row]
        assert sorted(read_rows) == sorted(rows)
