"""Templates: what they print is escaped, and all that they name exists."""

import re
from pathlib import Path

import jinja2
import pytest
from setuptools import find_packages

from pipeline.plan.file import PlanFile, Totals
from pipeline.report.rendering import render_template
from tests.helpers.report_ledger import EVIL
from transforms.crm.limits.forecast import Forecast
from transforms.crm.planner import CREATE, SKIP, Planned

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "pipeline").rglob("*.j2"))
SHOWN = "&lt;script&gt;alert("


def test_every_page_is_a_template() -> None:
    rooms = {path.relative_to(ROOT).parts[1] for path in TEMPLATES}
    assert rooms == {"check", "plan", "report", "review"}
    assert set(find_packages(str(ROOT), include=["pipeline.*"])) >= {f"pipeline.{r}" for r in rooms}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_prints_text_as_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert (
        re.findall(r"\bsafe\b|autoescape|forceescape|Markup|<script|\bon\w+=|href={{", text) == []
    )


def test_a_name_that_a_template_was_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_template("report/templates/to_do.html.j2")


def test_the_plans_page_escapes_what_customers_wrote(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    with PlanFile(path) as file:
        file.add(Planned("company", EVIL, "v", CREATE, EVIL, fields={EVIL: (EVIL, [EVIL])}))
        file.add(Planned("contact", "A-17", "v", SKIP, "", reason=EVIL))
        file.finish(Totals("run", {}, Forecast(1, 1, {}, EVIL, measured=True)))
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count(SHOWN) == 7


def test_the_review_page_escapes_what_it_says() -> None:
    page = render_template("review/page.html.j2", message=EVIL)
    assert "<script" not in page
    assert SHOWN in page
