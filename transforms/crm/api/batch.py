"""Commands of a ``batch``: encoding them, and reading the shapes of its answers.

A portal is a PHP program. A command is a query string with brackets; answers have lists where a
map is empty or has the keys 0, 1, 2 …
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from transforms.crm.errors import CrmError

Command = tuple[str, Mapping[str, Any]]

# A portal replaces these references in every value of a batch, in capitals too, wherever they are.
_REFERENCE = re.compile(r"\$(?=result|next|total|time|error)", re.IGNORECASE)
_FULL_WIDTH_DOLLAR = "＄"


@dataclass(frozen=True)
class BatchAnswer:
    """The outcome of each command: its key is in ``results`` or in ``errors``, never in both."""

    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, CrmError] = field(default_factory=dict)

    @property
    def fatal(self) -> CrmError | None:
        """The error that ends the run, if there is one."""
        return next((error for error in self.errors.values() if error.fatal), None)


def defuse(text: str) -> str:
    """The text without references that a batch would replace by another command's answer.

    The dollar becomes a full-width one: it reads the same and takes one character, so that no
    length changes. Defused text stays as it is; what is read back is compared with ``defuse`` of
    what the stores say.

    >>> defuse("ООО $result[c1] и $TOTAL, $100")
    'ООО ＄result[c1] и ＄TOTAL, $100'
    """
    return _REFERENCE.sub(_FULL_WIDTH_DOLLAR, text)


def encode_command(method: str, params: Mapping[str, Any]) -> str:
    """A call in the form of a batch's command, URL-encoded once.

    None, an empty list and an empty map are left out (a query string cannot express them); true and
    false become 1 and 0 (``"Y"`` is up to the caller); text is defused.

    >>> encode_command("crm.item.update", {"id": 15, "fields": {"title": "A&B"}})
    'crm.item.update?id=15&fields[title]=A%26B'
    >>> encode_command("crm.item.list", {"filter": {"@id": [1, 2]}, "order": {}, "x": None})
    'crm.item.list?filter[%40id][0]=1&filter[%40id][1]=2'
    """
    pairs = (
        f"{name}={value}" for key in params for name, value in _pairs(_quote(key), params[key])
    )
    query = "&".join(pairs)
    return f"{method}?{query}" if query else method


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list | tuple):
        children = dict(enumerate(value)).items()
    else:
        if value is not None:
            yield name, _quote(_text(value))
        return
    for key, child in children:
        yield from _pairs(f"{name}[{_quote(str(key))}]", child)


def _text(value: str | float | bool) -> str:
    if isinstance(value, str):
        return defuse(value)
    return str(int(value)) if isinstance(value, bool) else str(value)


def _quote(text: str) -> str:
    # A lone surrogate, which UTF-8 cannot express, becomes "?".
    return quote(text, safe="", errors="replace")


def as_map(value: Any) -> dict[str, Any]:
    """A map of an answer, also if PHP has sent it as a list; empty for any other value.

    >>> as_map([]), as_map(["a", "b"]), as_map({"c1": 5}), as_map(None)
    ({}, {'0': 'a', '1': 'b'}, {'c1': 5}, {})
    """
    if isinstance(value, list):
        return {str(index): element for index, element in enumerate(value)}
    return value if isinstance(value, dict) else {}
