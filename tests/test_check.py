"""``svod check``: reaches all that the configuration names, and cleans a sample of each store."""

import pytest

from tests.helpers.installation import CODE, party, tin
from transforms.configuration.builtin import built_in_text

CSV = """
[store.web]
[store.web.full]
kind = "csv"
files = ["clients.csv"]
[store.web.company]
id = "id"
tin = "inn"
name = "name"
phones = "phone"
only = { field = "kind", is = ["org"] }
"""


@pytest.fixture
def ready(place, monkeypatch):
    place.know([party(tin(1), "АЛЬФА")])
    place.company(1, tin(1))
    monkeypatch.chdir(place.folder)
    return place


def lines_of(ended, name):
    return [line.split() for line in ended.out.splitlines() if line.startswith(f"{name} ")]


def test_all_that_is_good_is_said_and_nothing_is_written(ready):
    ended = ready.svod("check")
    assert ended.code == 0, ended
    for name in ("store A", "CRM", "register", "ledger"):
        assert f"{name}: good" in ended.out
    assert "store A, company: 1 records" in ended.out
    assert lines_of(ended, "tin")[0][1:4] == ["1", "1", "0"]
    assert not (ready.folder / "svod.db").exists()
    assert ready.portal.stats.writes == 0
    assert ready.register.stats()["requests"] == 0


def test_a_file_store_is_sampled_and_values_are_masked(ready):
    (ready.folder / "svod.toml").write_text(CSV, "utf-8")
    rows = [
        f"1;{tin(1)};ООО «Тайна»;+7 921 123-45-67;org",
        "2;7805746765;ООО «Ошибка»;спросить Машу;org",
        "3;;Петров;;person",
    ]
    (ready.folder / "clients.csv").write_text(
        "\n".join(["id;inn;name;phone;kind", *rows]) + "\n", "utf-8"
    )
    ended = ready.svod("check", "--page=check.html")
    assert ended.code == 0, ended
    assert "store web, company: 3 records, 1 left out by only, 1 refused (bad_tin" in ended.out
    assert lines_of(ended, "tin")[0][1:4] == ["2", "1", "1"]
    assert lines_of(ended, "phones")[0][1:4] == ["2", "1", "1"]
    assert tin(1) in ended.out
    page = (ready.folder / "check.html").read_text("utf-8")
    for secret in ("Тайна", "123-45-67", "Машу"):
        assert secret not in ended.out + page
    assert "store web, company: 3 records" in page
    shown = ready.svod("check", "--show")
    assert "Тайна" in shown.out
    assert "спросить Машу" in shown.out
    assert "2 records" in ready.svod("check", "--sample=2").out


def test_all_that_is_wrong_is_said_at_once(ready):
    (ready.folder / "svod.toml").write_text(
        CSV + '[store.sql.full]\nkind = "postgresql"\nurl_env = "NO_URL"\n'
        '[store.sql.company]\nfrom = "t"\nid = "i"\ntin = "t"\n',
        "utf-8",
    )
    ready.environment["SVOD_REGISTER"] = "http://127.0.0.1:1/"
    ready.environment["SVOD_CRM"] = f"http://b24.example/rest/1/{CODE}/"
    ready.environment["SVOD_LEDGER"] = "sqlite:////nowhere/svod.db"
    ended = ready.svod("check")
    assert ended.code == 2
    for words in (
        "store.sql.full.url_env: the variable NO_URL is not set",
        "store.web.full.files: no file matches clients.csv",
        "CRM: --crm must begin with https://",
        "register: --register: it does not answer: Connection refused",
        "ledger: --ledger: there is no folder /nowhere",
    ):
        assert words in ended.err
    assert CODE not in ended.err + ended.out


def test_the_printed_two_stores_can_be_checked_as_a_file(ready):
    (ready.folder / "svod.toml").write_text(built_in_text(), "utf-8")
    ended = ready.svod("check")
    assert ended.code == 2
    assert "store.B.full.files: the list is empty: name the files" in ended.err
    assert "store A: good" in ended.out


def test_the_options_of_the_stores_are_tried_too(ready):
    tax_numbers = [{"type": "INN", "number": tin(1)}]
    company = {"partner": "7", "category": "2", "name1": "ООО Луч", "taxnumbers": tax_numbers}
    person = {"partner": "8", "category": 1, "last_name": "Иванов", "contact_of": ["7"]}
    ready.export(company, person)
    ended = ready.svod("check", f"--store_b_files={ready.files}/*.json", "--store_b_topic=t")
    assert ended.code == 0, ended
    assert "store B, company: 2 records, 1 left out by only" in ended.out
    assert "store B, contact: 2 records, 1 left out by only" in ended.out
    ended = ready.svod("check", f"--store_b_files={ready.files}/none*.json")
    assert ended.code == 2
    assert "store.B.full.files: no file matches" in ended.err


def test_a_column_that_the_file_lacks_is_named(ready):
    (ready.folder / "svod.toml").write_text(CSV, "utf-8")
    (ready.folder / "clients.csv").write_text("id;inn;nome;phone;kind\n1;1;a;b;org\n", "utf-8")
    ended = ready.svod("check")
    assert ended.code == 2
    assert 'store.web.company.name: there is no column "name" (nearest: "nome")' in ended.err
