"""What is wrong with a store's files is said before anything is read, with file and key."""

import gzip
import io
import zipfile

import pytest

from tests.helpers.files import LocalFiles
from transforms.configuration.structs import (
    CompanyTable,
    Condition,
    ContactTable,
    FullSource,
    StoreTable,
)
from transforms.stores.files.plan import plan_files

COMPANY = CompanyTable(id="id", tin="tin", name=["name", "name2"], extra={"segment": "abc"})
TEXT = "id;tin;name;name2;abc\n1;7805746764;Ромашка;;A\n"


@pytest.fixture
def plan(tmp_path):
    def run(content, company=COMPANY, may_lack=False, **full):
        for name, data in content.items():
            (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        full = {"kind": "csv", "files": [f"{tmp_path}/*"], **full}
        store = StoreTable(full=FullSource(**full), company=company)
        plans, problems = plan_files("shop", store, LocalFiles(), may_lack=may_lack)
        return plans, [(key, text.replace(f"{tmp_path}/", "")) for key, text in problems]

    return run


def zipped(**members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_files_are_sorted_and_each_member_of_an_archive_is_a_part(plan):
    archive = zipped(**{"x.csv": TEXT, "folder/": "", "folder/y.csv": TEXT, ".DS_Store": "?"})
    [plans], problems = plan({"b.zip": archive, "a.csv.gz": gzip.compress(TEXT.encode())})
    assert problems == []
    assert plans.tables == ("company",)
    assert [part.member for part in plans.parts] == ["", "x.csv", "folder/y.csv"]
    assert {part.names for part in plans.parts} == {("id", "tin", "name", "name2", "abc")}


def test_tables_of_the_same_files_are_read_together(tmp_path):
    (tmp_path / "a.csv").write_text("id,tin,name,kind,of\n", "utf-8")
    (tmp_path / "c.csv").write_text("a\nid|of|fio\n", "utf-8")
    company = CompanyTable(
        id="id", tin="tin", name="name", only=Condition(field="kind", is_=["org"])
    )
    contact = ContactTable(id="id", company="of", name="name")
    full = FullSource(kind="csv", files=[f"{tmp_path}/a.csv"])
    store = StoreTable(full=full, company=company, contact=contact)
    [plans], problems = plan_files("shop", store, LocalFiles())
    assert (plans.tables, problems) == (("company", "contact"), [])
    own = ContactTable(
        id="id",
        company="of",
        name="fio",
        files=[f"{tmp_path}/c.csv"],
        header=2,
        delimiter="|",
        encoding="cp1251",
    )
    plans, problems = plan_files(
        "shop", StoreTable(full=full, company=company, contact=own), LocalFiles()
    )
    assert problems == []
    assert [plan.tables for plan in plans] == [("company",), ("contact",)]
    part = plans[1].parts[0]
    assert (part.header, part.delimiter, part.encoding) == (2, "|", "cp1251")


def test_columns_that_lack_are_named_with_the_nearest(plan):
    _, problems = plan({"a.csv": "Id;tim;name;name2;name2\n"})
    assert problems == [
        ("store.shop.company.tin", 'a.csv: there is no column "tin" (nearest: "tim")'),
        ("store.shop.company.name", 'a.csv: two columns are called "name2"'),
        ("store.shop.company.extra.segment", 'a.csv: there is no column "abc"'),
    ]


def test_two_columns_of_a_name_do_no_harm_where_none_is_named(plan):
    assert plan({"a.csv": TEXT.replace(";abc", ";abc;x;x")})[1] == []


def test_a_file_without_header_is_refused(plan):
    _, [(key, text)] = plan({"a.csv": "1;7805746764;Ромашка;;A\n"})
    assert key == "store.shop.full.header"
    assert text.startswith("a.csv: the first row has none of the columns that the mapping names")
    assert "Ромашка" not in text


def test_a_pattern_without_a_file(plan, tmp_path):
    full = [f"{tmp_path}/no*", f"{tmp_path}/a.csv"]
    _, problems = plan({"a.csv": TEXT}, files=full)
    assert problems == [("store.shop.full.files", "no file matches no*")]
    assert plan({"a.csv": TEXT}, files=full, may_lack=True)[1] == []


def test_encodings(plan):
    assert plan({"a.csv": TEXT}, encoding="klingon")[1] == [
        (
            "store.shop.full.encoding",
            "'klingon' is no encoding that is known: utf-8, windows-1251 …",
        )
    ]
    rows = TEXT + "1;2;Общество «Ромашка»;;A\n"
    for codec, encoding, reason in (
        ("cp1251", "utf-8", "it is not in utf-8"),
        ("cp1251", None, "it is not in utf-8"),
        ("utf-8", "windows-1251", "it is in utf-8"),
        ("utf-16", "utf-8", "it is in utf-16"),
        ("utf-16-le", "utf-8", "it is in utf-16"),
        ("utf-8", "utf-16", "it is not in utf-16"),
    ):
        _, problems = plan({"a.csv": rows.encode(codec)}, encoding=encoding)
        assert problems == [
            ("store.shop.full.encoding", f"a.csv: {reason}: give the encoding it is in")
        ]
    for codec in ("utf-8", "utf-8-sig", "utf-16"):
        assert plan({"a.csv": rows.encode(codec)})[1] == []


def test_files_of_another_kind(plan):
    _, problems = plan(
        {"a.xlsx": zipped(a=zipped(b="")), "b.csv": b"PK\x03\x04cut", "c.csv": b"\xd0\xcf\x11\xe0"}
    )
    assert problems == [
        ("store.shop.full.files", "a.xlsx/a is an archive or a workbook (.xlsx), not csv"),
        (
            "store.shop.full.files",
            "cannot read b.csv: the zip archive is damaged or was cut off",
        ),
        (
            "store.shop.full.files",
            "c.csv is a workbook of the old form, .xls (save it as .xlsx)",
        ),
    ]


def test_empty_files_are_no_mistake_of_the_configuration(plan):
    plans, problems = plan({"a.csv": b"", "b.csv": TEXT})
    assert problems == []
    assert len(plans[0].parts) == 2
