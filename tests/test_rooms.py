"""Imports go pipeline -> transforms -> plain packages, never back; the sandbox stands alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLAIN = ("consolidation", "core", "crm", "fields", "ledger", "matching", "register", "stores")
SHARED = ("transforms.core",)


def modules(room):
    return sorted((ROOT / room).rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, rooms):
    return any(name == room or name.startswith(room + ".") for room in rooms)


@pytest.mark.parametrize("package", PLAIN)
def test_plain_packages_import_no_beam_and_no_step(package):
    allowed = (*SHARED, *(f"transforms.{name}" for name in PLAIN))
    for path in modules(f"transforms/{package}"):
        for name in imports(path):
            assert not within(name, ("apache_beam", "pipeline", "sandbox")), f"{path}: {name}"
            if within(name, ("transforms",)) and name != "transforms":
                assert within(name, allowed), f"{path}: {name}"


def test_steps_import_nothing_of_the_pipeline():
    for path in modules("transforms"):
        assert not any(within(name, ("pipeline", "sandbox")) for name in imports(path)), path


def test_the_program_imports_no_sandbox():
    for path in modules("pipeline"):
        assert not any(within(name, ("sandbox",)) for name in imports(path)), path


def test_the_sandbox_is_independent_of_what_it_judges():
    for path in modules("sandbox"):
        assert not any(within(name, ("pipeline", "transforms")) for name in imports(path)), path


def test_no_future_annotations():
    for room in ("pipeline", "transforms"):
        for path in modules(room):
            assert "from __future__ import annotations" not in path.read_text(), path
