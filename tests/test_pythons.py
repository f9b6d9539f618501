"""Svod on each of its Pythons: found, and read without a warning. The rest: ``scripts/pythons``."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
PYTHONS = ["3.11", "3.12", "3.13"]
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
COMPILE = """
import sys
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        compile(file.read(), path, "exec")
"""


def find_python(*versions, **environment):
    found = subprocess.run(
        ["bash", SCRIPTS / "find_python", *versions],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


OTHERS = [version for version in reversed(PYTHONS) if version != THIS and find_python(version)]


@pytest.fixture
def machine(tmp_path):
    """Makes a machine of these Pythons; each says its version, and is broken where told so."""

    def make(*versions, broken=()):
        for version in versions:
            program = tmp_path / f"python{version}"
            program.write_text(f'#!/bin/sh\n[ "$3" = {version} ]\n')
            program.chmod(0o755)
        for version in broken:
            (tmp_path / f"python{version}").write_text("#!/bin/sh\nexit 1\n")
        return {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path)}

    return make


def test_the_first_of_the_versions_that_is_there_is_taken(machine):
    assert find_python("3.98", "3.99", "3.97", **machine("3.97", "3.99")) == "python3.99"
    assert find_python("3.98", "3.99", **machine("3.98")) == "python3.98"
    assert find_python("3.96", **machine()) is None


def test_a_python_that_makes_no_environments_is_passed_over(machine):
    there = machine("3.98", "3.99", broken=["3.98"])
    assert find_python("3.98", "3.99", **there) == "python3.99"


def test_the_scripts_and_setup_py_allow_the_same_pythons():
    [allowed] = re.findall(r'python_requires="(.*)"', (ROOT / "setup.py").read_text())
    minors = [f"3.{minor}" for minor in range(5, 30)]
    assert [version for version in minors if version in SpecifierSet(allowed)] == PYTHONS
    for script in ("setup", "lock", "pythons"):
        [named] = re.findall(r"^pythons=\((3.*)\)", (SCRIPTS / script).read_text(), re.MULTILINE)
        assert sorted(named.split()) == PYTHONS, script
    assert re.search(r"^pythons=\(3.11 3.13 3.12\)", (SCRIPTS / "setup").read_text(), re.MULTILINE)


@pytest.mark.parametrize("version", OTHERS)
def test_the_sources_compile_without_a_warning(version):
    rooms = ("pipeline", "transforms", "sandbox", "bench", "tests", "flex_template")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    subprocess.run([find_python(version), "-W", "error", "-c", COMPILE, *paths], check=True)
