"""``svod init``: a configuration file to begin with."""

import re
import tomllib

import pytest

from pipeline.__main__ import run
from pipeline.init.command import template_text
from pipeline.option_values.file_options import check_file_options
from transforms.configuration.builtin import built_in_text
from transforms.configuration.reading import parse_configuration


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_commented_file_that_changes_nothing(folder, capsys):
    assert run(["init"]) == 0
    assert capsys.readouterr().out == "Configuration file: svod.toml\n"
    text = (folder / "svod.toml").read_text("utf-8")
    assert tomllib.loads(text) == {}


def test_all_of_the_template_holds_when_the_marks_are_taken_away():
    text = re.sub(r"(?m)^#(?=[\[a-zA-Z])", "", template_text())
    configuration, problems = parse_configuration(tomllib.loads(text), check_file_options)
    assert problems == []
    assert list(configuration.store) == ["shop"]


def test_a_file_that_is_there_stays(folder, capsys):
    (folder / "svod.toml").write_text("# mine\n")
    assert run(["init"]) == 2
    assert "svod: svod.toml is there already" in capsys.readouterr().err
    assert (folder / "svod.toml").read_text() == "# mine\n"
    assert run(["init", "--output=new.toml"]) == 0
    assert (folder / "new.toml").exists()


def test_it_works_where_the_file_is_broken(folder):
    (folder / "svod.toml").write_text("[store\n")
    assert run(["init", "--output=new.toml"]) == 0


def test_it_prints_the_two_stores(folder, capsys):
    assert run(["init", "--two_stores"]) == 0
    assert capsys.readouterr().out == built_in_text()
    assert list(folder.iterdir()) == []
