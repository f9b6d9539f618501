"""Doubtful pairs: listed, judged in three ways, and obeyed by the next run in both directions."""

import csv
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from pipeline.__main__ import run
from pipeline.explain.story import UnknownRecordError, explain
from pipeline.review.judgements import WrongJudgementError, judge, kind_of
from pipeline.review.page import ReviewServer
from pipeline.review.pairs import read_pairs, terminal_lines
from pipeline.review.spreadsheet import COLUMNS, read_csv, write_csv
from tests.helpers.ledger_runs import ACTIVE, OTHER, company_row, contact_row, outcomes, run_once
from tests.helpers.ledgers import open_ledger
from transforms.ledger.database import Ledger

MOBILE = ("+79210000001",)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Two rows that only a person can judge to be one person or two, and two rows that are one."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/svod.db")
    run_once(
        ledger,
        [
            company_row("A:1", ACTIVE),
            company_row("B:1", OTHER),
            contact_row("A:5", ["1"], name="Иванов", phones=MOBILE),
            contact_row("B:7", ["1"], name="Иванов Пётр", phones=MOBILE),
            contact_row("A:8", ["1"], name="Лютикова Анна Ильинична"),
            contact_row("A:9", ["1"], name="Лютикова Анна Ильинична"),
        ],
    )
    yield ledger
    ledger.close()


def persons(ledger: Ledger) -> dict[str, str]:
    found = outcomes(ledger)
    return {
        ref.removeprefix("contact "): end.removeprefix("golden ")
        for ref, end in found.items()
        if ref.startswith("contact")
    }


def waiting(ledger: Ledger) -> list[tuple[str, str]]:
    return [(described.pair.left_ref, described.pair.right_ref) for described in read_pairs(ledger)]


APART = {"A:5": "A-5", "B:7": "B-7", "A:8": "A-8", "A:9": "A-8"}


def test_a_yes_joins_and_stays(ledger: Ledger) -> None:
    assert persons(ledger) == APART
    assert waiting(ledger) == [("A:5", "B:7")]
    judge(ledger, "contact", {("A:5", "B:7"): True})
    assert waiting(ledger) == []
    run_once(ledger)
    assert persons(ledger) == APART | {"B:7": "A-5"}
    run_once(ledger, [contact_row("B:7", ["1"], 2, name="Сидоров Пётр", phones=MOBILE)])
    assert persons(ledger) == APART | {"B:7": "A-5"}


def test_a_no_keeps_apart_for_ever_also_what_was_joined(ledger: Ledger) -> None:
    judge(ledger, "contact", {("B:7", "A:5"): False, ("A:9", "A:8"): False})
    run_once(ledger)
    assert persons(ledger) == APART | {"A:9": "A-9"}
    assert waiting(ledger) == []
    run_once(ledger, [contact_row("A:9", ["1"], 2, name="Лютикова Анна Ильинична", phones=MOBILE)])
    assert persons(ledger)["A:9"] == "A-9"
    # The last word counts.
    judge(ledger, "contact", {("A:8", "A:9"): True})
    run_once(ledger)
    assert persons(ledger)["A:9"] == "A-8"


def test_the_list_says_who_they_are_and_why(ledger: Ledger) -> None:
    lines = list(terminal_lines(ledger))
    assert lines[0].startswith("A:5 and B:7 (contact), ")
    assert lines[1:3] == ["   Иванов, +79210000001", "   Иванов Пётр, +79210000001"]
    assert "no company in common, the same mobile" in lines[3]
    assert lines[4].startswith("1 pairs wait for a judgement")
    judge(ledger, "contact", {("A:5", "B:7"): True})
    assert list(terminal_lines(ledger)) == ["Nothing waits for a judgement."]


def test_the_list_goes_out_as_csv_and_comes_back(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    assert write_csv(ledger, file) == 1
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == list(COLUMNS)
    assert rows[1][:3] == ["contact", "A:5", "B:7"]
    assert rows[1][6].startswith("Иванов, ")
    assert read_csv(ledger, file) == 0
    # A spreadsheet in Russia writes semicolons.
    file.write_text("kind;one;other;verdict\ncontact;A:5;B:7;Да\n", encoding="utf-8-sig")
    assert read_csv(ledger, file) == 1
    run_once(ledger)
    assert persons(ledger)["B:7"] == "A-5"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("contact,A:5,B:7,perhaps", "line 2: it needs kind, one, other, and yes or no"),
        ("person,A:5,B:7,yes", "line 2: it needs kind, one, other, and yes or no"),
        ("contact,A:5,B:404,yes", "nothing is known of B:404"),
        ("contact,A:5,A:5,yes", "A:5 and A:5 are the same row"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(
    ledger: Ledger, tmp_path: Path, line: str, complaint: str
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"kind,one,other,verdict\n{line}\n")
    with pytest.raises(WrongJudgementError, match=complaint):
        read_csv(ledger, file)
    assert waiting(ledger) == [("A:5", "B:7")]


def test_what_a_spreadsheet_would_run_is_defused(ledger: Ledger, tmp_path: Path) -> None:
    evil = contact_row("A:6", ["1"], last_name="=cmd()", phones=MOBILE)
    run_once(ledger, [evil, contact_row("A:7", ["1"], last_name="=cmd()", phones=MOBILE)])
    write_csv(ledger, tmp_path / "list.csv")
    assert ",'=cmd()" in (tmp_path / "list.csv").read_text().replace('"', "")


def test_the_page_takes_a_judgement_and_only_its_own(ledger: Ledger) -> None:
    with ReviewServer(ledger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.server_address[1]

            def ask(method: str, body: str = "", host: str = "") -> tuple[int, str]:
                connection = HTTPConnection("127.0.0.1", port, timeout=10)
                headers = {"Host": host} if host else {}
                connection.request(method, "/", body, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
                connection.close()
                return answer.status, text

            status, page = ask("GET")
            assert (status, "Иванов Пётр, +79210000001" in page) == (200, True)
            assert ask("GET", host="evil.example")[0] == 403
            said = {"kind": "contact", "one": "A:5", "other": "B:7", "same": "1"}
            assert ask("POST", urlencode(said))[0] == 403
            assert waiting(ledger) == [("A:5", "B:7")]
            wrong = said | {"token": server.token, "one": "A:404"}
            assert ask("POST", urlencode(wrong))[0] == 400
            assert ask("POST", urlencode(said | {"token": server.token}))[0] == 303
            assert "Ничего не ждёт" in ask("GET")[1]
        finally:
            server.shutdown()
            thread.join()
    assert waiting(ledger) == []


def test_the_command_line(ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    own = ["--ledger", f"sqlite:///{tmp_path}/svod.db"]
    assert run(["review", *own]) == 0
    assert "A:5 and B:7" in capsys.readouterr().out
    assert run(["review", "--no", "a:05", "В:7", *own]) == 0
    assert run(["review", *own]) == 0
    assert "Nothing waits" in capsys.readouterr().out
    assert run(["review", "--yes", "A:5", "B:404", *own]) == 1
    assert run(["review", "--read", str(tmp_path / "none.csv"), *own]) == 1
    assert run(["explain", "A:8", "A:9", *own]) == 0
    assert "one person: contact A-8" in capsys.readouterr().out
    assert kind_of(("A:1", ACTIVE)) == "company"


def test_explain_says_why_two_rows_are_one_person_or_not(ledger: Ledger) -> None:
    assert explain(ledger, "A:8", "A:9").splitlines() == [
        "A:8 and A:9 are one person: contact A-8",
        "1. The two rows compared",
        "   circumstances: one company, -1.0 bits",
        "   last name: the same, +4.8 bits",
        "   first name: the same, +5.1 bits",
        "   middle name: the same, +1.4 bits",
        "   together +10.3 bits; joined from +6.5 on, doubtful from +0.0 on (the model before any"
        " learning)",
        "2. The path between them",
        "   A:8 and A:9: the same name in company 7805746764",
        "3. The persons as wholes",
        "   one person of 2 rows: A:8, A:9",
    ]
    lines = explain(ledger, "А:5", "b:7").splitlines()
    assert lines[0] == "A:5 and B:7 are two persons: contacts A-5 and B-7"
    assert "   A:5 and B:7: the same mobile +79210000001" in lines
    assert "doubtful" in lines[-1]
    lines = explain(ledger, "A:5", "A:8").splitlines()
    assert "   nothing ties them" in lines
    assert any(line.startswith("   forbidden: ") for line in lines)
    with pytest.raises(UnknownRecordError):
        explain(ledger, "A:5", "A:404")
