"""The source tree as data: its modules, what each imports, and the names that each binds.

``python -m tests.helpers.source_tree [CHECKOUT]`` prints the figures of a checkout's source tree.
"""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

_ARGUMENTS = sys.argv[1:] if __name__ == "__main__" else []
ROOT = Path(_ARGUMENTS[0]).resolve() if _ARGUMENTS else Path(__file__).parents[2]
PROGRAM = ("pipeline", "transforms")
ROOMS = (*PROGRAM, "sandbox", "bench")

PRONOUNS = frozenset(
    {"one", "ones", "other", "others", "another", "it", "its", "they", "them", "that", "this"}
    | {"what", "which", "who", "mine", "some", "every", "each", "both", "own", "same", "such"}
    | {"whole"}
)
PARTICIPLES = frozenset(
    {"found", "told", "said", "known", "written", "given", "made", "held", "wanted", "left"}
    | {"gone", "meant", "seen", "done", "taken", "kept", "asked", "judged"}
    | {"apart", "together", "despite", "again", "there", "here", "at"}
)
ORDINALS = frozenset({"first", "second", "third"})


class Module(NamedTuple):
    """A module by its dotted name, its file, and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def folder(self) -> Path:
        """The folder that it stands in, relative to the tree's root."""
        return self.path.parent.relative_to(ROOT)


class Function(NamedTuple):
    """A function by where it stands, its lines, and its cyclomatic complexity."""

    place: str
    lines: int
    complexity: int


@cache
def modules() -> dict[str, Module]:
    """Every module of the rooms by its name; a package by the name of its folder."""
    parsed = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            parsed[name] = Module(name, path, ast.parse(path.read_text("utf-8")))
    return parsed


@cache
def imports(name: str) -> frozenset[str]:
    """The imports of a module: modules of ours by their own names, others as they are written."""
    return frozenset(_imports(modules()[name].tree))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                yield member if member in modules() else node.module or ""


def within(name: str, *rooms: str) -> bool:
    """Whether the module is one of the rooms or stands in one."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def functions(module: Module) -> Iterator[Function]:
    """The module's functions and methods."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{module.name}:{node.name}", lines, _complexity(node))


def _complexity(function: ast.AST) -> int:
    """One, and one more for each branch, handler, boolean operator, and comprehension's clause."""
    count = 1
    for node in ast.walk(function):
        match node:
            case ast.If() | ast.For() | ast.While() | ast.ExceptHandler() | ast.IfExp():
                count += 1
            case ast.match_case():
                count += 1
            case ast.BoolOp():
                count += len(node.values) - 1
            case ast.comprehension():
                count += 1 + len(node.ifs)
    return count


def bound_names(module: Module) -> Iterator[tuple[str, int]]:
    """The names that the module binds, each with its line."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno


def is_no_noun(name: str) -> bool:
    """Whether a name is a pronoun, a participle or an ordinal where a noun should stand.

    >>> is_no_noun("other"), is_no_noun("_found"), is_no_noun("known_rows")
    (True, True, False)
    """
    return name.strip("_").lower() in PRONOUNS | PARTICIPLES | ORDINALS


@cache
def documents() -> list[Path]:
    """The documents that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def _room(name: str) -> str:
    """The folder of a module, two names deep within ``transforms``."""
    parts = modules()[name].folder.parts
    return ".".join(parts[:2])


def figures() -> dict[str, str]:
    """Print the figures that the decision on the rooms compares."""
    program = [module for module in modules().values() if within(module.name, *PROGRAM)]
    return _room_figures() | _function_figures(program) | _name_figures(program)


def _room_figures() -> dict[str, str]:
    folders = Counter(m.folder for m in modules().values() if m.path.name != "__init__.py")
    arrows = {
        (_room(name), _room(imported))
        for name in modules()
        for imported in imports(name)
        if imported in modules() and _room(name) != _room(imported)
    }
    return {
        "folders with modules": str(len(folders)),
        "fullest folders": ", ".join(f"{path} {count}" for path, count in folders.most_common(3)),
        "arrows between rooms": str(len(arrows)),
    }


def _function_figures(program: list[Module]) -> dict[str, str]:
    measured = [function for module in program for function in functions(module)]
    lines = [function.lines for function in measured]
    complexities = [function.complexity for function in measured]
    return {
        "functions of the program": str(len(measured)),
        "lines of a function, median and greatest": f"{median(lines):g}, {max(lines)}",
        "functions of complexity over 10": str(sum(count > 10 for count in complexities)),
        "functions of complexity over 15": str(sum(count > 15 for count in complexities)),
        "greatest complexity": str(max(complexities)),
    }


def _name_figures(program: list[Module]) -> dict[str, str]:
    names = [name for module in program for name, _ in bound_names(module) if name.strip("_")]
    poor = sum(map(is_no_noun, names))
    share = f"{poor} of {len(names)}, {100 * poor / len(names):.1f} %"
    return {"bound names that are pronouns, participles or ordinals": share}


if __name__ == "__main__":
    for title, value in figures().items():
        print(f"{title}: {value}")
