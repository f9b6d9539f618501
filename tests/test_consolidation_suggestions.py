"""Companies without a TIN: suggested, never merged; once accepted, their contacts follow."""

from collections.abc import Iterator

import msgspec
import pytest

from pipeline.report.history import PastRun
from pipeline.report.rendering import render_template
from pipeline.report.to_do import to_do
from pipeline.review.judgements import judge
from pipeline.review.pairs import read_pairs, terminal_lines
from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    VERDICTS,
    company_row,
    contact_row,
    outcomes,
    run_once,
)
from tests.helpers.ledgers import open_ledger
from transforms.consolidation.company_suggestions import suggest_companies
from transforms.core.golden_records import GoldenCompany
from transforms.core.records import BankAccount, Company
from transforms.ledger.database import Ledger
from transforms.matching.company_similarity import suggest

PHONE, ACCOUNT = "+78120000001", BankAccount("049805746", "40602810700000000025")
KNOWN = GoldenCompany(
    ACTIVE,
    "ООО «Ромашка»",
    phones=(PHONE,),
    emails=("info@romashka.example",),
    accounts=(ACCOUNT,),
)
REST = [GoldenCompany(str(n), f"АО «Лютик {n}»", phones=(f"+7812{n}",)) for n in range(40)]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (Company("", name="Ромашка ООО", phones=(f"{PHONE};ext=12",)), ["name", "phone"]),
        (Company("", name="ромашка", emails=("buh@romashka.example",)), ["domain", "name"]),
        (Company("", name="ромашка", site="https://www.romashka.example/a"), ["domain", "name"]),
        (Company("", accounts=(ACCOUNT,), phones=(PHONE,)), ["bank account", "phone"]),
    ],
)
def test_two_kinds_of_evidence_suggest_a_company(row: Company, what: list[str]) -> None:
    [found] = suggest({"A:1": row}, [KNOWN, *REST])
    assert (found.ref, found.tin) == ("A:1", ACTIVE)
    assert [kind for kind, _, _ in found.evidence] == what


@pytest.mark.parametrize(
    "row",
    [
        Company("", name="Ромашка"),
        Company("", phones=(PHONE,)),
        Company("", emails=("info@romashka.example",)),
        Company("", name="Лютик", phones=("+78129999999",)),
        # The same address and its domain are one piece of evidence; a provider's is none.
        Company("", emails=("a@mail.ru",), site="mail.ru"),
    ],
)
def test_one_kind_alone_suggests_nothing(row: Company) -> None:
    assert suggest({"A:1": row}, [KNOWN, *REST]) == []


def test_two_companies_that_fit_alike_are_no_suggestion() -> None:
    twin = GoldenCompany(OTHER, "ЗАО «Ромашка»", phones=(PHONE,))
    assert (
        suggest({"A:1": Company("", name="Ромашка", phones=(PHONE,))}, [KNOWN, twin, *REST]) == []
    )


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


def known() -> list[object]:
    own = {"name": "ООО «Ромашка»", "phones": (PHONE,)}
    return [
        company_row("A:1", ACTIVE, **own),
        company_row("A:2", OTHER, name="Лютик"),
        company_row("A:3", "", reason="missing_tin", **own),
        contact_row("A:5", ["3"], name="Иванов Пётр"),
    ]


def test_accepted_ones_contacts_follow_and_come_back(ledger: Ledger) -> None:
    run_once(ledger, known())
    assert outcomes(ledger)["contact A:5"] == "company_refused"
    ledger.transact(suggest_companies)
    [described] = read_pairs(ledger)
    assert (described.pair.left_ref, described.pair.right_ref) == ("A:3", ACTIVE)
    assert described.left_text == f"ООО «Ромашка», {PHONE}"
    assert described.right_text.startswith(f"ООО «Ромашка», {ACTIVE}")
    judge(ledger, "company", {("A:3", ACTIVE): True})
    run_once(ledger)
    assert outcomes(ledger)["contact A:5"] == "golden A-5"
    assert outcomes(ledger)["company A:3"] == "missing_tin"
    ledger.transact(suggest_companies)
    assert list(terminal_lines(ledger)) == ["Nothing waits for a judgement."]
    # The company is closed, and its contacts with it, also those that followed.
    run_once(ledger, [company_row("A:1", CLOSED, 2)], {**VERDICTS})
    assert outcomes(ledger)["contact A:5"] == "company_refused"


def test_refused_ones_are_not_asked_again(ledger: Ledger) -> None:
    run_once(ledger, known())
    ledger.transact(suggest_companies)
    judge(ledger, "company", {("A:3", ACTIVE): False})
    run_once(ledger)
    ledger.transact(suggest_companies)
    assert read_pairs(ledger) == []
    assert outcomes(ledger)["contact A:5"] == "company_refused"


def test_the_report_asks_for_the_judgements() -> None:
    summary = {"review": {"company": 2, "contact": 1}}
    run = PastRun("r", 1, "full", "2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z", "done", summary)
    section = "report/templates/to_do.html.j2"
    page = render_template(section, to_do=to_do(run, [], [], 0))
    assert "1 пара контактов</b>, возможно, одни и те же люди" in page
    assert "2 строки</b> без ИНН похожи на известные компании" in page
    none = msgspec.structs.replace(run, summary={"review": {"company": 0, "contact": 0}})
    assert "svod review" not in render_template(section, to_do=to_do(none, [], [], 0))
