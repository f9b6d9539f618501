"""Which files are read again: new ones, those that grew from where they ended, and changed ones."""

import gzip
import os

import pytest

from tests.helpers.files import LocalFiles, read_data
from transforms.stores.files.changes import Changes, Stat
from transforms.stores.files.parts import FilePart

HEAD = "id;name\n"


def stat(path):
    status = os.stat(path)  # noqa: PTH116
    return Stat(status.st_size, int(status.st_mtime))


@pytest.fixture
def unread(tmp_path):
    cursors = {"shop.company": "7", "shop.company.file": "2024-01-01T00:00:00"}

    def run(*names, kind="csv", settled=True, **options):
        changes = Changes("shop.company", cursors, stat, LocalFiles().open)
        parts = [FilePart(path=f"{tmp_path}/{name}", kind=kind, **options) for name in names]
        found = changes.unread(parts)
        if settled:
            cursors.update(changes.read_up_to)
        return [(part.path.rpartition("/")[2], part.start) for part in found]

    return run


def write(path, text, moment):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (moment, moment))


def test_a_file_is_read_once_when_its_run_is_settled(unread, tmp_path):
    write(tmp_path / "a", HEAD + "1;x\n", 1)
    assert unread("a", settled=False) == [("a", 0)]
    assert unread("a") == [("a", 0)]
    assert unread("a") == []
    (tmp_path / "a").rename(tmp_path / "b")
    assert unread("b") == []
    write(tmp_path / "b", HEAD + "2;x\n", 1)
    assert unread("b") == [("b", 0)]
    write(tmp_path / "b", HEAD + "2;x\n", 2)
    assert unread("b") == [("b", 0)]


def test_only_what_was_added_is_read(unread, tmp_path):
    text = HEAD + "".join(f"{number};я\n" for number in range(50_000))
    write(tmp_path / "a", text, 1)
    unread("a")
    write(tmp_path / "a", text + '7;"x\ny"\n', 2)
    assert unread("a") == [("a", len(text.encode()))]
    # The former end, or the beginning, is another one: all may be.
    for changed in (text[:-5] + "abcd\n", "ID;Name\n" + text[len(HEAD) :]):
        write(tmp_path / "a", text, 3)
        unread("a")
        write(tmp_path / "a", changed + "8;x\n", 4)
        assert unread("a") == [("a", 0)]
    # It got shorter.
    write(tmp_path / "a", text[:-4], 5)
    assert unread("a") == [("a", 0)]


def test_what_cannot_be_entered_in_the_middle_is_read_whole(unread, tmp_path):
    text = HEAD + "1;x\n"
    for first, second, options in (
        (text.encode("utf-16"), (text + "2;y\n").encode("utf-16"), {"encoding": "utf-16"}),
        (gzip.compress(text.encode()), gzip.compress(text.encode()) * 2, {}),
        (text + "2;un", text + "2;unfinished\n", {}),
        ("", text, {}),
        ("[1", "[1]\n", {"kind": "json"}),
    ):
        write(tmp_path / "a", first, 1)
        unread("a", **options)
        write(tmp_path / "a", second, 2)
        assert unread("a", **options) == [("a", 0)]


def test_json_lines_that_were_added(unread, tmp_path):
    write(tmp_path / "a", '{"id": 1}\n', 1)
    unread("a", kind="jsonl")
    write(tmp_path / "a", '{"id": 1}\n{"id": 2}\n', 2)
    assert unread("a", kind="jsonl") == [("a", 10)]


def test_a_part_is_read_from_where_it_begins():
    data = (HEAD + "1;x\n2;y\n3\n").encode()
    part = {"start": len(HEAD) + 4, "columns": ("id", "name"), "delimiter": ";"}
    records, [dead_letter] = read_data(data, "csv", **part)
    assert records == [{"id": "2", "name": "y"}]
    assert dead_letter.offset == len(data) - 2
