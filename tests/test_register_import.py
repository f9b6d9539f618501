"""``svod register import``: what bulk files answer is not asked, however they are read."""

import zipfile
from functools import partial

import pytest

from pipeline import register_import
from tests.helpers.installation import party, tin
from transforms.consolidation import register_questions
from transforms.register.bulk import read_bulk
from transforms.register.client import RegisterClient

TINS = [tin(number) for number in range(1, 31)]
CLOSED = TINS[0]


def egrul(tins):
    """A document of the register's open data that tells of them."""
    companies = "".join(map(company, tins))
    head = '<?xml version="1.0" encoding="windows-1251"?><EGRUL ДатаВыг="2026-09-12">'
    return f"{head}{companies}</EGRUL>".encode("cp1251")


def company(inn):
    end = '<СвПрекрЮЛ ДатаПрекрЮЛ="2019-05-06"/>' if inn == CLOSED else ""
    return (
        f'<СвЮЛ ДатаВып="2026-09-10" ИНН="{inn}" КПП="{inn[:4]}01001">'
        f'<СвНаимЮЛ НаимЮЛПолн="ФИРМА {inn}"><СвНаимЮЛСокр НаимСокр="ООО &quot;ФИРМА {inn}'
        f'&quot;"/></СвНаимЮЛ>{end}</СвЮЛ>'
    )


@pytest.fixture
def ready(place):
    """Store A with thirty companies and a contact each; a bulk file tells of twenty of them."""
    place.know(party(inn, f"ФИРМА {inn}") for inn in TINS)
    for number, inn in enumerate(TINS, 1):
        place.company(number, inn)
        place.contact(number, number)
    with zipfile.ZipFile(place.folder / "egrul.zip", "w") as archive:
        archive.writestr("1.xml", egrul(TINS[:12]))
        archive.writestr("2.xml", egrul(TINS[12:20]))
    return place


def bulk(place):
    return place.svod("register", "import", str(place.folder / "egrul.zip"))


def test_what_the_files_tell_is_not_asked(ready):
    ended = bulk(ready)
    path = ready.folder / "egrul.zip"
    assert (ended.code, ended.out) == (0, f"{path}: 20 answers are new\n")
    assert ready.full(sources=["store_a"]).code == 0
    assert set(ready.register.stats()["queries"]) == set(TINS[20:])
    numbers = ready.summary()["register"]
    assert (numbers["queries"], numbers["cached"], numbers["bulk"]) == (10, 0, 20)
    assert set(ready.titles()) == set(TINS) - {CLOSED}
    assert ready.titles()[TINS[1]] == f"ООО «ФИРМА {TINS[1]}»"
    [(reason, detail)] = ready.rows("SELECT reason, detail FROM invalid_companies")
    assert (reason, detail) == ("not_active", "LIQUIDATED")
    assert bulk(ready).out == f"{path}: read before\n"
    assert ready.full(sources=["store_a"]).code == 0
    numbers = ready.summary()["register"]
    assert (numbers["queries"], numbers["cached"], numbers["bulk"]) == (0, 10, 20)


def test_they_free_what_waits_for_the_register(ready, monkeypatch):
    answering = ready.environment["SVOD_REGISTER"]
    ready.environment["SVOD_REGISTER"] = "http://127.0.0.1:9/"
    monkeypatch.setattr(
        register_questions,
        "RegisterClient",
        partial(RegisterClient, waits=(0.01,)),
    )
    assert ready.full(sources=["store_a"]).code == 3
    assert ready.titles() == {}
    assert bulk(ready).code == 0
    ready.environment["SVOD_REGISTER"] = answering
    ended = ready.full(sources=["store_a"])
    assert ended.code == 0, ended
    assert set(ready.register.stats()["queries"]) == set(TINS[20:])
    assert len(ready.titles()) == len(ready.people()) == 29


def test_an_import_that_was_cut_goes_on(ready, monkeypatch):
    read = []

    def cut(path, start):
        for position, item in read_bulk(path, start):
            read.append(item.tin)
            if len(read) == 18:
                raise KeyboardInterrupt
            yield position, item

    monkeypatch.setattr(register_import, "_PER_TRANSACTION", 5)
    monkeypatch.setattr(register_import, "read_bulk", cut)
    assert bulk(ready).code == 130
    assert ready.rows("SELECT count(*) FROM register_answers") == [(15,)]
    ended = bulk(ready)
    assert ended.code == 0
    # What was kept last comes once more; the rest is not read again.
    assert read[18:] == TINS[14:20]
    assert ready.rows("SELECT count(*) FROM register_answers") == [(20,)]
    assert ready.rows("SELECT status FROM runs ORDER BY run_seq") == [("interrupted",), ("done",)]


def test_what_is_broken_is_told(ready):
    path = ready.folder / "egrul.zip"
    (ready.folder / "cut.zip").write_bytes(path.read_bytes()[:300])
    with zipfile.ZipFile(ready.folder / "bad.zip", "w") as archive:
        archive.writestr("1.xml", egrul(TINS[:3]).replace(b"</EGRUL>", b"<broken"))
    names = [str(ready.folder / name) for name in ("cut.zip", "bad.zip", "egrul.zip")]
    ended = ready.svod("register", "import", *names)
    assert ended.code == 3
    assert ended.out.splitlines() == [
        f"{names[0]}: 0 answers are new",
        "  1 documents left out: is neither XML nor a whole zip archive",
        f"{names[1]}: 2 answers are new",
        "  1 documents left out: 1.xml: is broken XML",
        f"{names[2]}: 18 answers are new",
    ]
    assert ready.rows("SELECT status FROM runs") == [("incomplete",)]
