"""The report in a real Chromium: on a desk, on a phone, in the dark, on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.report import write_report
from tests.helpers.report_browser import Browser, browser
from tests.helpers.report_ledger import filled_ledger

# Each element with text of its own: its colour against the first ground behind it (WCAG 2).
CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll("body *")]
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
  .map((e) => {
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    return [e.outerHTML.slice(0, 80), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  })
  .filter(([, ratio]) => ratio < 4.5);
"""
WIDEST = "return document.documentElement.scrollWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach((d) => { d.open = true; })"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with filled_ledger(folder / "svod.db") as (ledger, run):
        return write_report(ledger, run.run_id, folder / "report")


@pytest.fixture(scope="module")
def tab(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(report)
        yield opened


def test_it_needs_nothing_from_elsewhere_and_the_console_is_silent(tab: Browser) -> None:
    assert tab.log() == []
    assert tab.run("return performance.getEntriesByType('resource').length") == 0
    assert tab.run("return document.scripts.length") == 0
    assert tab.run("return document.documentElement.lang") == "ru"


@pytest.mark.parametrize("width", [320, 360, 768, 1100])
def test_nothing_scrolls_sideways(tab: Browser, width: int) -> None:
    tab.resize(width)
    tab.run(OPEN_ALL)
    assert tab.run(WIDEST) == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_all_text_can_be_read(tab: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    tab.resize(width, scheme)
    assert tab.run(CONTRAST) == []
    (tmp_path / f"{scheme}-{width}.png").write_bytes(shot := tab.screenshot())
    assert shot.startswith(b"\x89PNG")


def test_it_is_built_for_screen_readers(tab: Browser) -> None:
    nameless = "return [...document.querySelectorAll('svg')].filter((s) => !s.ariaLabel).length"
    assert tab.run(nameless) == 0
    assert tab.run("return document.querySelectorAll('h1').length") == 1
    assert tab.run("return [...document.querySelectorAll('table')].every((t) => t.caption)")
    broken = (
        "return [...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"
        ".filter((link) => !document.querySelector(link))"
    )
    assert tab.run(broken) == []


def test_it_prints_with_every_example_open(tab: Browser) -> None:
    tab.run("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    folded = tab.print()
    tab.run(OPEN_ALL)
    unfolded = tab.print()
    assert folded.startswith(b"%PDF")
    pages = unfolded.count(b"/Type /Page\n")
    assert folded.count(b"/Type /Page\n") == pages > 1
