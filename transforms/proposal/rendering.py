"""Writes a proposal as a configuration file: what is sure holds, what is not is a comment."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from transforms.configuration.structs import SQL_KINDS
from transforms.proposal.stores import StoreProposal, TableProposal
from transforms.proposal.views import View

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_WIDTH = 37


class SourcePlace(msgspec.Struct, frozen=True):
    """Where the store was looked at: the lines of ``full``, and the store's key."""

    key: str
    kind: str
    full: dict[str, Any]


def render(proposal: StoreProposal, place: SourcePlace) -> str:
    """Returns the text of the file."""
    lines = [
        "# Proposed by svod init from names and values of the columns. Look through it; lines that",
        "# begin with # are doubtful, and say why. Then: svod check",
        "",
    ]
    for view in proposal.views:
        lines += _view_lines(view)
    lines += [f"# {note}" for note in proposal.notes]
    lines += [f"[store.{place.key}]", "", f"[store.{place.key}.full]"]
    lines += [_assignment(name, value) for name, value in place.full.items()]
    lines += _changes_lines(proposal, place)
    for table in proposal.tables:
        lines += ["", *_table_lines(table, place.key)]
    return "\n".join(lines) + "\n"


def _view_lines(view: View) -> Iterator[str]:
    yield f"# Fields that are no columns: make this view, then it is read as {view.table.name}."
    yield from (f"#   {line}" for line in view.statement.splitlines())
    yield ""


def _changes_lines(proposal: StoreProposal, place: SourcePlace) -> Iterator[str]:
    header = f"[store.{place.key}.changes]"
    if place.kind not in SQL_KINDS:
        yield from ("", "# New files for svod delta:", f"#{header}", '#kind = "files"')
        return
    lacking = [
        table.kind
        for table in proposal.tables
        if not any(line.key == "changed_at" and not line.doubt for line in table.lines)
    ]
    mark = "#" if lacking or not proposal.tables else ""
    yield ""
    if mark:
        kinds = ", ".join(lacking) or "company"
        yield f"# No changed_at in {kinds}: svod delta cannot go by it."
    yield from (f"{mark}{header}", f'{mark}kind = "cursor"')


def _table_lines(proposal: TableProposal, key: str) -> Iterator[str]:
    yield f"[store.{key}.{proposal.kind}]"
    for name, value in proposal.table.place.items():
        yield _assignment(name, value)
    written: set[str] = set()
    for line in proposal.lines:
        if not line.doubt and line.key not in written:
            written.add(line.key)
            yield _assignment(line.key, line.value)
    for line in proposal.lines:
        if line.doubt:
            yield f"#{_assignment(line.key, line.value):{_WIDTH}}# {line.doubt}"


def _assignment(name: str, value: Any) -> str:
    return f"{name} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    """Returns a value in the notation of TOML.

    >>> toml_value({"field": "is company", "is": [True, 2]})
    '{ field = "is company", is = [true, 2] }'
    """
    if isinstance(value, Mapping):
        items = (f"{_key(name)} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {', '.join(items)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
