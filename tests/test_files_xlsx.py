"""Workbooks as Excel, 1C and programs write them, sound and broken."""

import gzip
import io
import re
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import openpyxl
import pytest

from tests.helpers.dressing import with_shared_strings
from tests.helpers.files import LocalFiles, read_data, reasons
from transforms.configuration.structs import CompanyTable, FullSource, StoreTable
from transforms.stores.files import shared_strings, workbook
from transforms.stores.files.plan import plan_files
from transforms.stores.files.shared_strings import SharedStrings

HEAD = ["id", "name", "tin"]


def saved(book):
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def book_of(*rows, title="Лист1", merged=()):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    return saved(book)


def read(data, **options):
    records, dead_letters = read_data(data, "xlsx", **options)
    filled = [
        {key: value for key, value in record.items() if value is not None} for record in records
    ]
    return filled, dead_letters


def repacked(data, change):
    """The workbook, with ``change`` made to the XML of each part."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name).decode()))
    return result.getvalue()


def test_rows_are_records():
    rows = [["1", " Ромашка ", "7805746764"], ["2", "две\nстроки", None], [], [None, None]]
    expected = [
        {"id": "1", "name": " Ромашка ", "tin": "7805746764"},
        {"id": "2", "name": "две\nстроки"},
    ]
    assert read(book_of(HEAD, *rows)) == (expected, [])
    assert read(gzip.compress(book_of(HEAD, *rows))) == (expected, [])


def test_texts_may_be_shared():
    rows = [[str(number), f" имя {number % 7} ", "&"] for number in range(3000)]
    data = book_of(HEAD, *rows)
    records, dead_letters = read(with_shared_strings(data))
    assert dead_letters == []
    assert len(records) == 3000
    assert records == read(data)[0]


def test_values_are_those_of_json():
    [row] = read(
        book_of(
            list("abcdefghij"),
            [
                *(1, 7805746764, 7805746764.0, 0.1, True, False),
                *(datetime(2024, 2, 11, 17, 40, 12), date(2024, 2, 11)),
                *(time(5, 6), timedelta(hours=30)),
            ],
        )
    )[0]
    assert row == {
        "a": 1,
        "b": 7805746764,
        "c": 7805746764,
        "d": 0.1,
        "e": True,
        "f": False,
        "g": "2024-02-11T17:40:12",
        "h": "2024-02-11",
        "i": "05:06:00",
        "j": "1 day, 6:00:00",
    }


def test_dates_of_the_other_epoch():
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["id"])
    book.active.append([date(2024, 2, 11)])
    assert read(saved(book))[0] == [{"id": "2024-02-11"}]


def test_numbers_that_lost_digits_stay_so():
    [row] = read(book_of(HEAD, [40702810655000000001, 4.0702810655e19, 7.80575e09]))[0]
    assert row == {
        "id": Decimal("4.0702810655E+19"),
        "name": Decimal("4.0702810655E+19"),
        "tin": 7805750000,
    }


def test_formulas_count_by_their_value():
    def with_values(name, xml):
        return xml.replace("<f>A2&amp;1</f><v></v>", "<f>A2&amp;1</f><v>11</v>").replace(
            "<f>A2&amp;1</f><v />", "<f>A2&amp;1</f><v>11</v>"
        )

    data = book_of(HEAD, ["1", "=A2&1", "=B2"], ["2", "#N/A", "=1/0"])
    records = read(repacked(data, with_values))[0]
    assert records == [
        {"id": "1", "name": 11, "tin": {"formula": "=B2"}},
        {"id": "2", "name": {"error": "#N/A"}, "tin": {"formula": "=1/0"}},
    ]


def test_cells_merged_over_rows_count_for_each_but_no_id():
    rows = [["1", "a", "x"], [None, "b", None], ["3", None, None], [None, "c", "y"]]
    data = book_of(HEAD, *rows, merged=["A2:A3", "C2:C4"])
    records, dead_letters = read(
        data, names=("id",), id_names=("id",), problem=lambda row: "" if row["id"] else "no_id"
    )
    assert records == [{"id": "1", "name": "a", "tin": "x"}, {"id": "3", "tin": "x"}]
    assert reasons(dead_letters) == [
        ("no_id", 'row 3: [null, "b", "x"]'),
        ("no_id", 'row 5: [null, "c", "y"]'),
    ]
    assert [letter.offset for letter in dead_letters] == [3, 5]
    heading = book_of(HEAD, ["Москва", None, None], ["1", "a", "x"], merged=["A2:C2"])
    assert read(heading)[0][0] == {"id": "Москва"}


def test_the_sheet_is_named_or_the_first_that_holds_anything():
    book = openpyxl.Workbook()
    book.active.title = "Пусто"
    for title, state in (("Скрыт", "hidden"), ("Клиенты", "visible"), ("Другой", "visible")):
        sheet = book.create_sheet(title)
        sheet.sheet_state = state
        sheet.append(["id"])
        sheet.append([title])
    data = saved(book)
    assert read(data)[0] == [{"id": "Клиенты"}]
    assert read(data, place=" другой")[0] == [{"id": "Другой"}]
    assert read(data, place="Скрыт")[0] == [{"id": "Скрыт"}]
    assert reasons(read(data, place="Пусто")[1]) == [("empty_file", "row 1")]


def test_header_may_stand_lower():
    data = book_of(["Выгрузка"], [], HEAD, ["1", "a", "x"])
    assert read(data, header=3)[0] == [{"id": "1", "name": "a", "tin": "x"}]
    assert reasons(read(data, header=2)[1]) == [("empty_file", "row 1")]


def test_a_sheet_that_breaks_in_the_middle_loses_nothing_before():
    data = book_of(HEAD, *(([str(number), "a", "x"]) for number in range(3000)))

    def cut(name, xml):
        return xml[: len(xml) // 2] if name.endswith("sheet1.xml") else xml

    records, [dead_letter] = read(repacked(data, cut))
    assert [row["id"] for row in records] == [str(number) for number in range(len(records))]
    assert 1400 < len(records) < 1600
    assert dead_letter.reason == "broken_workbook"
    assert reasons(read(data[:-2000])[1])[0][0] == "broken_workbook"
    assert reasons(read(b"no workbook")[1])[0][0] == "broken_workbook"


def test_entities_are_refused():
    def attack(name, xml):
        if not name.endswith("sheet1.xml"):
            return xml
        return f'<!DOCTYPE x [<!ENTITY a "b">]>{re.sub(r"^<[?].*?[?]>", "", xml)}'

    assert reasons(read(repacked(book_of(HEAD), attack))[1]) == [("broken_workbook", "row 1")]


def test_shared_strings_are_on_disk(monkeypatch):
    monkeypatch.setattr(shared_strings, "_CACHED", 1)
    strings = SharedStrings()
    runs = "<r><t>б</t></r><r><t> в</t></r><rPh><t>?</t></rPh>"
    xml = f"<x:sst xmlns:x='u'><si><t>а</t></si><si>{runs}</si><si/></x:sst>".encode()
    strings.load([xml[:30], xml[30:]])
    assert [strings.text(number) for number in (1, 0, 2, 3, -1, 1)] == [
        "б в",
        "а",
        "",
        "",
        "",
        "б в",
    ]
    strings.close()


@pytest.fixture
def problems(tmp_path):
    def check(data, place=None, **full):
        (tmp_path / "a.xlsx").write_bytes(data)
        store = StoreTable(
            full=FullSource(kind="xlsx", files=[f"{tmp_path}/*"], **full),
            company=CompanyTable(id="id", tin="tin", name="name", from_=place),
        )
        found = plan_files("shop", store, LocalFiles())[1]
        return [(key, text.replace(f"{tmp_path}/", "")) for key, text in found]

    return check


def test_workbooks_are_checked_before_anything_is_read(problems):
    assert problems(book_of(["ID", "Name", "tin"])) == []
    assert problems(book_of(["ID", "Name", "inn"])) == [
        ("store.shop.company.tin", 'a.xlsx: there is no column "tin" (nearest: "inn")')
    ]
    assert problems(book_of(HEAD), place="Клиенты") == [
        ("store.shop.full.from", 'a.xlsx: there is no sheet "Клиенты": it has "Лист1"')
    ]
    assert problems(b"id;name;tin") == [("store.shop.full.files", "a.xlsx is no workbook")]
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert problems(old) == [
        (
            "store.shop.full.files",
            "a.xlsx is a workbook of the old form, .xls (save it as .xlsx)",
        )
    ]
    assert problems(old + "EncryptedPackage".encode("utf-16-le")) == [
        (
            "store.shop.full.files",
            "a.xlsx is a workbook with a password (save it without one)",
        )
    ]


def test_a_zip_bomb_is_refused(problems):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(workbook.CONTENT_TYPES, b" " * (70 << 20))
    [(key, text)] = problems(data.getvalue())
    assert key == "store.shop.full.files"
    assert "would unpack to 73,400,320 bytes: that is an attack (a zip bomb), or damage" in text


def test_workbooks_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.xlsx", book_of(HEAD, ["1", "a", "x"]))
    store = StoreTable(
        full=FullSource(kind="xlsx", files=[f"{tmp_path}/*"]),
        company=CompanyTable(id="id", tin="tin", name="name"),
    )
    [plan], problems = plan_files("shop", store, LocalFiles())
    assert problems == []
    assert [part.member for part in plan.parts] == ["x.xlsx"]
    data = (tmp_path / "a.zip").read_bytes()
    assert read(data, member="x.xlsx")[0] == [{"id": "1", "name": "a", "tin": "x"}]
