"""The manual: both languages say the same, and the program knows every command and key in it."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.__main__ import run
from pipeline.option_values.file_options import check_file_options
from pipeline.report.russian import REASONS
from transforms.configuration.reading import parse_configuration

MANUAL = Path(__file__).parents[1] / "docs" / "manual"
PAGES = ["1-install.md", "2-stores.md", "3-portal.md", "4-first-load.md"]
ACTIONS = {"crm": {"setup"}, "register": {"import"}}


class Block(NamedTuple):
    """A block of code: its language and its text."""

    language: str
    text: str


def page(language: str, name: str) -> str:
    return (MANUAL / language / name).read_text("utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(*groups) for groups in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)]


def without_blocks(text: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def structure(text: str) -> list[str]:
    """The levels of headings, blocks, rows of tables, items and links, in their order."""
    marks = re.compile(r"(?m)^(#+|\||\d+\.|```\w*)(?=\s|$)|\]\(([^)]+)\)")
    return [match[1] or match[2] for match in marks.finditer(text)]


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_blocks(text))


def command_lines() -> Iterator[list[str]]:
    """The words behind ``svod`` of each command line, in blocks and in the text."""
    for name in PAGES:
        text = page("ru", name)
        lines = [
            line
            for block in blocks(text)
            if block.language == "sh"
            for line in block.text.splitlines()
        ]
        for line in [*lines, *inline_code(text)]:
            if line.startswith("svod "):
                yield shlex.split(line)[1:]


def toml_blocks() -> list[str]:
    return [
        block.text
        for name in PAGES
        for block in blocks(page("ru", name))
        if block.language == "toml"
    ]


@pytest.fixture
def help_of(capsys):
    def read(*command: str) -> str:
        with pytest.raises(SystemExit) as end:
            run([*command, "--help"])
        assert end.value.code == 0, command
        return capsys.readouterr().out

    return read


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_language_has_the_four_pages(language):
    assert sorted(file.name for file in (MANUAL / language).iterdir()) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_say_the_same(name):
    russian, english = page("ru", name), page("en", name)
    assert blocks(russian) == blocks(english)
    assert structure(russian) == structure(english)
    options = re.compile(r"--\w+|SVOD_\w+|\b[a-z]+_[a-z_]+\b|/(?:etc|var)/[\w/.-]+")
    assert sorted(options.findall(russian)) == sorted(options.findall(english))
    assert not re.search("[А-Яа-яЁё]{3,}", re.sub("`[^`]*`", "", without_blocks(english)))


def test_svod_has_each_command_and_each_option_of_it(help_of):
    helps: dict[str, str] = {}
    lines = [words for words in command_lines() if words[0] != "--help"]
    assert len(lines) > 20
    for command, *words in lines:
        text = helps.setdefault(command, help_of(command))
        if command in ACTIONS:
            assert words[0] in ACTIONS[command]
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", text), (command, option)


def test_each_option_that_the_text_names_alone_is_one(help_of):
    texts = "".join(help_of(command) for command in ("init", "check", "full", "apply", "delta"))
    names = {code.split()[0] for name in PAGES for code in inline_code(page("ru", name))}
    options = {name for name in names if name.startswith("--")}
    assert {"--only", "--show", "--follow"} <= options
    assert [option for option in options if not re.search(rf"{option}\b", texts)] == []


@pytest.mark.parametrize("text", toml_blocks())
def test_each_piece_of_configuration_holds(text):
    content = tomllib.loads(text)
    if "store" not in content:
        # A piece goes into the file of the second page.
        content = {**tomllib.loads(toml_blocks()[0]), **content}
    _, problems = parse_configuration(content, check_file_options)
    assert problems == []


def test_the_example_names_what_it_is_about():
    configuration, _ = parse_configuration(tomllib.loads(toml_blocks()[0]), check_file_options)
    assert list(configuration.store) == ["shop"]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_reason_of_a_refusal_is_in_the_manual(language):
    assert [reason for reason in REASONS if f"`{reason}`" not in page(language, PAGES[3])] == []


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_each_link_leads_to_a_file(language, name):
    links = re.findall(r"\]\(([^)#]+)", page(language, name))
    assert links
    assert [link for link in links if not (MANUAL / language / link).is_file()] == []


def test_the_files_that_the_manual_copies_are_there():
    root = MANUAL.parents[1]
    for path in re.findall(
        r"/opt/svod/((?:deploy|scripts)/[\w./-]+)", page("ru", PAGES[0]) + page("ru", PAGES[3])
    ):
        assert (root / path).is_file(), path
