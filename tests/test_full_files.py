"""Stores in files, from the configuration file to the portal."""

import json
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from pipeline.file_stores import file_patterns
from pipeline.options import Options
from sandbox.bitrix24 import Bitrix24
from sandbox.register.server import Register
from tests.helpers.dressing import dressed
from tests.helpers.installation import CODE, PACE, Installation, party, tin
from transforms import stages
from transforms.configuration.reading import read_configuration

CONFIGURATION = """
[store.shop]
title = "Магазин"
timezone = "Europe/Moscow"

[store.shop.full]
kind = "{kind}"
files = {files}

[store.shop.company]
id = "no"
tin = "inn"
name = "name"
changed_at = "on"
only = {{ field = "kind", is = ["org"] }}

[store.shop.contact]
id = "no"
company = "of"
name = "name"
phones = "phone"
changed_at = "on"
only = {{ field = "kind", is = ["man"] }}
"""


def record(number, kind, name, **fields):
    row = {"no": str(number), "kind": kind, "name": name, "inn": "", "of": "", "phone": ""}
    return {**row, "on": "2024-02-11 10:00:00", **fields}


RECORDS = [
    record(1, "org", 'ООО "Ромашка"', inn=tin(1)),
    record(2, "org", "Лютик", inn=tin(2)),
    record(3, "org", "Пион", inn="нет"),
    record(11, "man", "Иванов Пётр", of="1", phone="8 921 123-45-67"),
    record(12, "man", "Сидоров Иван", of="2"),
    record(13, "else", "Итого"),
]


@pytest.fixture
def place(tmp_path):
    server = SimpleNamespace(url=lambda *_: "")
    with ExitStack() as stack:
        register = stack.enter_context(Register(rate=10**9, daily=10**9))
        portal = stack.enter_context(Bitrix24(code=CODE, limits=False))
        place = Installation(tmp_path, server, None, register, portal)
        place.know([party(tin(1), "РОМАШКА"), party(tin(2), "ЛЮТИК")])
        yield place


def configure(place, kind, *files, text=CONFIGURATION):
    (place.folder / "svod.toml").write_text(
        text.format(kind=kind, files=json.dumps(files)), "utf-8"
    )


def full(place, *options):
    return run(place, "full", *options)


def run(place, command, *options):
    config = f"--config={place.folder / 'svod.toml'}"
    report = f"--report={place.report}"
    return place.svod(command, config, report, *PACE, *options, left_out=("SVOD_STORE_A",))


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json", "jsonl"])
def test_a_store_in_files_comes_to_the_portal(place, kind):
    (place.files / "all").write_bytes(dressed(RECORDS, kind, packing="gzip"))
    configure(place, kind, "store_b/*")
    ended = full(place)
    assert ended.code == 0, ended
    assert set(place.titles()) == {tin(1), tin(2)}
    assert sorted(place.people().values()) == ["Иванов", "Сидоров"]
    assert place.rows("SELECT source, source_id FROM invalid_companies") == [("shop", "3")]
    assert full(place).code == 0
    assert not any(place.wrote().values()) or len(place.titles()) == 2


def test_what_is_broken_is_kept_and_the_run_is_incomplete(place):
    data = dressed(RECORDS, "csv").decode() + '"14";"org"\r\n"";"org";"x";"";"";"";""\r\n'
    (place.files / "all.csv").write_bytes(data.encode())
    configure(place, "csv", "store_b/*.csv")
    ended = full(place)
    assert ended.code == 3, ended
    assert set(place.titles()) == {tin(1), tin(2)}
    letters = place.rows("SELECT topic, partition, reason, raw FROM invalid_messages ORDER BY 3")
    name = f"file:{place.files}/all.csv"
    assert [(origin, number, reason) for origin, number, reason, _ in letters] == [
        (name, -1, "no_id"),
        (name, -1, "wrong_cell_count"),
    ]
    assert letters[1][3].decode() == 'line 8: "14";"org"'


def test_all_that_is_wrong_is_said_before_anything_is_read(place):
    (place.files / "a.csv").write_bytes(b"no;tin;nam;on;kind;of;phone\r\n")
    configure(place, "csv", "store_b/a.csv", "store_b/none*")
    ended = full(place)
    assert ended.code == 2
    lines = ended.err.replace(f"{place.files}/", "")
    assert "svod.toml: 4 problems:" in lines
    assert "store.shop.full.files: no file matches none*" in lines
    assert 'store.shop.company.tin: a.csv: there is no column "inn"' in lines
    assert 'store.shop.company.name: a.csv: there is no column "name" (nearest: "nam")' in lines
    assert not (place.folder / "svod.db").exists()


CHANGES = CONFIGURATION + '\n[store.shop.changes]\nkind = "files"\n'


def read_count(place):
    [[text]] = place.rows("SELECT summary FROM runs ORDER BY run_seq DESC LIMIT 1")
    return sum(sum(kinds.values()) for kinds in json.loads(text)["read"].values())


def test_a_delta_reads_what_came_or_grew(place):
    configure(place, "csv", "store_b/*.csv", text=CHANGES)
    first, lines = place.files / "a.csv", dressed(RECORDS, "csv").splitlines(keepends=True)
    first.write_bytes(b"".join(lines[:3]))
    assert full(place).code == 0
    assert set(place.titles()) == {tin(1), tin(2)}
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 0
    # It grows, and is renamed without a change; another one comes.
    first.write_bytes(b"".join(lines[:5]))
    (place.files / "b.csv").write_bytes(lines[0] + lines[5])
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 3
    first.rename(place.files / "c.csv")
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 0
    # What was read already has changed: all of it is read again.
    (place.files / "c.csv").write_bytes(b"".join(lines[:5]).replace("Пион".encode(), b"Rose"))
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 4
    for file in place.files.iterdir():
        file.unlink()
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 0
    assert full(place).code == 2


def test_a_run_that_fails_remembers_no_file(place, monkeypatch):
    configure(place, "csv", "store_b/*.csv", text=CHANGES)
    (place.files / "a.csv").write_bytes(dressed(RECORDS, "csv"))
    with monkeypatch.context() as patch:
        patch.setattr(stages, "settle_run", lambda *_: 1 / 0)
        assert run(place, "delta").code == 1
    assert place.rows("SELECT count(*) FROM cursors") == [(0,)]
    assert (ended := run(place, "delta")).code == 0, ended
    assert read_count(place) == 5


def test_orders_in_files_are_not_passed_over_silently(place):
    (place.files / "a.csv").write_bytes(dressed(RECORDS, "csv"))
    (place.files / "orders.csv").write_bytes(b"no;of;sum\r\n1;1;5\r\n")
    orders = '[store.shop.order]\nid = "no"\ncompany = "of"\nfiles = ["store_b/orders.csv"]\n'
    configure(place, "csv", "store_b/a.csv", text=CONFIGURATION + orders)
    ended = full(place)
    assert ended.code == 0, ended
    assert "svod.toml: store.shop.order: single orders in files are not summed" in ended.err


def test_files_of_this_machine_are_named_for_engines_on_others(place):
    configure(place, "csv", "in/*.csv", text=CHANGES)
    patterns = file_patterns(
        Options(
            configuration=read_configuration(place.folder / "svod.toml", lambda _: ()),
            configuration_file="svod.toml",
            has_file_stores=True,
        )
    )
    assert set(patterns) == {("svod.toml: store.shop.full.files", f"{place.folder}/in/*.csv")}
    assert file_patterns(Options()) == []


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json", "jsonl"])
def test_a_record_without_an_id_is_kept_as_a_dead_letter(place, kind):
    without_id = {**record(4, "org", "Астра", inn=tin(4)), "no": " "}
    (place.files / "all").write_bytes(dressed([*RECORDS, without_id], kind))
    configure(place, kind, "store_b/*")
    assert full(place).code == 3
    assert place.rows("SELECT reason FROM invalid_messages") == [("no_id",)]
    assert place.rows("SELECT COUNT(*) FROM rows WHERE kind = 'company'") == [(3,)]
