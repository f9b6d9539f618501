"""The house's rules, computed from the source tree: rooms, arrows between them, names, sizes.

No rule has a list of exceptions. ``docs/ARCHITECTURE.md`` says what each room is for.
"""

import ast
import re
from collections import Counter
from graphlib import TopologicalSorter

import pytest

from tests.helpers.source_tree import (
    PROGRAM,
    ROOMS,
    ROOT,
    bound_names,
    documents,
    functions,
    imports,
    is_no_noun,
    modules,
    within,
)

# The rooms of the program that each plain room may import.
GROUND = "transforms.core"
FLOORS = {
    "transforms.core": (),
    "transforms.configuration": (GROUND,),
    "transforms.fields": (GROUND,),
    "transforms.proposal": (GROUND, "transforms.configuration", "transforms.fields"),
    "transforms.register": (GROUND, "transforms.fields"),
    "transforms.ledger": (GROUND, "transforms.register.answer"),
    "transforms.stores": (
        *(GROUND, "transforms.configuration", "transforms.fields", "transforms.ledger"),
    ),
    "transforms.matching": (GROUND, "transforms.fields", "transforms.register.answer"),
    "transforms.consolidation": (
        *(GROUND, "transforms.fields", "transforms.register"),
        *("transforms.ledger", "transforms.matching"),
    ),
    "transforms.crm": (
        *(GROUND, "transforms.configuration", "transforms.fields", "transforms.ledger"),
    ),
}
# Libraries that talk to a service; a Beam module leaves them to plain classes.
CLIENTS = ("requests", "urllib3", "http", "socket", "pymysql", "confluent_kafka", "sqlalchemy")
PATH = re.compile(rf"`((?:{'|'.join(ROOMS)}|tests|docs|scripts|deploy|flex_template)/[\w./-]+)`")
MOST_MODULES = 25
MOST_COMPLEX = 15
# A module of fewer lines belongs to its importer, unless several import it.
SMALLEST = 30


def program():
    return [name for name in modules() if within(name, *PROGRAM)]


def beam_modules():
    return [name for name in program() if any(within(i, "apache_beam") for i in imports(name))]


@pytest.mark.parametrize("room", FLOORS)
def test_a_plain_room_imports_only_the_floors_below_it(room):
    for name in (name for name in modules() if within(name, room)):
        for imported in imports(name):
            assert not within(imported, "apache_beam", "pipeline", "sandbox", "bench"), name
            if within(imported, "transforms"):
                assert within(imported, room, *FLOORS[room]), f"{name} imports {imported}"


def test_imports_go_from_the_pipeline_to_the_steps_and_never_back():
    for name in modules():
        forbidden = {
            "transforms": ("pipeline", "sandbox", "bench"),
            "pipeline": ("sandbox", "bench"),
        }
        for imported in imports(name):
            assert not within(imported, *forbidden.get(name.split(".")[0], ())), (
                f"{name}: {imported}"
            )


def test_the_sandbox_is_independent_of_what_it_judges():
    for name in (name for name in modules() if within(name, "sandbox")):
        assert not any(within(imported, *PROGRAM, "bench") for imported in imports(name)), name


def test_there_is_no_cycle_in_the_tree():
    graph = {
        name: {imported for imported in imports(name) if imported in modules()} - {name}
        for name in modules()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_beam_modules_hold_no_client_and_no_thread():
    for name in beam_modules():
        if within(name, "transforms"):
            held = {i for i in imports(name) if within(i, *CLIENTS, "threading", "time")}
            assert not held, f"{name} imports {held}: move it to a plain class"


def test_no_import_changes_beam_for_others():
    for name in beam_modules():
        for node in modules()[name].tree.body:
            for target in getattr(node, "targets", ()):
                assert not isinstance(target, ast.Attribute), f"{name}:{node.lineno}"


def test_only_the_ledger_writes_its_tables():
    writers = {"upsert", "delete", "delete_rows", "update", "perform"}
    for name in program():
        if within(name, "transforms.ledger", "transforms.consolidation"):
            continue
        for node in ast.walk(modules()[name].tree):
            if isinstance(node, ast.ImportFrom) and node.module == "transforms.ledger.statements":
                assert not writers & {alias.name for alias in node.names}, name
            if isinstance(node, ast.Attribute) and node.attr in {"insert", "update", "delete"}:
                assert "schema." not in ast.unparse(node.value), f"{name}:{node.lineno}"


def test_no_store_is_named_behind_the_cleaners():
    """The stores' own modules, the registry of stores and the wiring of sources know their keys."""
    keys = {"A", "B", "AB"}
    for name in program():
        if within(name, "transforms.stores", "transforms.core.stores", "pipeline.graph"):
            continue
        if within(name, "transforms.configuration.builtin"):
            continue
        for node in ast.walk(modules()[name].tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in keys, f"{name}:{node.lineno} names store {node.value}"


def test_no_folder_is_crowded():
    counts = Counter(m.folder for m in modules().values() if m.path.name != "__init__.py")
    assert max(counts.values()) <= MOST_MODULES, counts.most_common(3)


def test_no_tiny_module_stands_there_for_one_importer():
    importers = Counter(imported for name in modules() for imported in imports(name))
    for name, module in modules().items():
        if module.path.name.startswith("__"):
            continue
        if len(module.path.read_text("utf-8").splitlines()) < SMALLEST:
            assert importers[name] != 1, f"{name} belongs to its importer"


def test_no_function_is_too_complex():
    for module in modules().values():
        for function in functions(module):
            assert function.complexity <= MOST_COMPLEX, function


@pytest.mark.parametrize("room", ROOMS)
def test_names_are_nouns_and_verbs(room):
    """Fewer than one bound name in fifty is a pronoun, a participle or an ordinal."""
    names = [
        (module.name, line, name)
        for module in modules().values()
        if within(module.name, room)
        for name, line in bound_names(module)
        if name != "self" and name.strip("_")
    ]
    poor = [entry for entry in names if is_no_noun(entry[2])]
    assert len(poor) < len(names) / 50, f"{len(poor)} of {len(names)}: {poor[:20]}"


def test_every_room_has_its_line_in_the_architecture():
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    for module in modules().values():
        if module.path.name == "__init__.py":
            assert f"`{module.folder}/`" in text, f"docs/ARCHITECTURE.md lacks {module.folder}/"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document):
    text = document.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
    if "decisions" in document.parts or document.name == "CHANGELOG.md":
        return  # They speak of their day.
    for named in PATH.findall(text):
        assert (ROOT / named).exists(), f"{document.name} names {named}"


def test_a_docstrings_source_leads_somewhere():
    cited = 0
    for name in program():
        for page, rule in re.findall(
            r'contracts/(\w+)(?:, "([^"]+)")?', ast.get_docstring(modules()[name].tree) or ""
        ):
            text = (ROOT / "docs" / "contracts" / f"{page}.md").read_text("utf-8")
            assert f"| {rule} |" in text if rule else text, f"{name} cites {page}, {rule}"
            cited += 1
    assert cited > 10


def test_no_future_annotations():
    for name in program():
        assert "__future__" not in imports(name), f"{name}: it hides types from Beam"


def test_tests_stand_flat_and_helpers_apart():
    """``tests/test_<room>_<subject>.py``; what several of them use stands in ``tests/helpers``."""
    for path in (ROOT / "tests").glob("*.py"):
        assert path.name == "conftest.py" or path.name.startswith("test_"), path
