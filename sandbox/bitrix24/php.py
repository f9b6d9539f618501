"""PHP's reading of requests: query strings with brackets, casts, empty values, array shapes.

A Bitrix24 portal is a PHP program, and most of its surprises are PHP's.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

MAX_INPUT_VARS = 10_000

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_LEADING_NUMBER = re.compile(r"\s*[+-]?[0-9]+")
_REFERENCE = re.compile(r"\$(result|next|total|time|error)(\S*)", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\]]+)\]")


def parse_query(text: str, max_vars: int = MAX_INPUT_VARS) -> dict[str, Any]:
    """Reads ``fields[title]=A+B&ids[]=1`` as ``{"fields": {"title": "A B"}, "ids": ["1"]}``.

    Follows PHP's ``parse_str``: every value is a string, a later key replaces an earlier one,
    variables past ``max_vars`` are dropped silently.
    """
    root: dict[str, Any] = {}
    for part in [part for part in text.split("&") if part][:max_vars]:
        name, _, value = part.partition("=")
        _register(root, unquote_plus(name).lstrip(" "), unquote_plus(value))
    return {name: _shape(value) for name, value in root.items()}


def _register(root: dict[str, Any], name: str, value: str) -> None:
    head, bracket, rest = name.partition("[")
    if not head:
        return
    if bracket and "]" not in rest:
        head, rest = f"{head}_{rest}", ""
    node, key = root, head.replace(" ", "_").replace(".", "_")
    for inner in _inner_keys(rest):
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
        key = inner or _next_index(node)
    node[key] = value


def _inner_keys(rest: str) -> list[str]:
    """Reads ``a][b][]tail`` as ``["a", "b", ""]``: text after the first gap is ignored."""
    keys = []
    while "]" in rest:
        key, _, rest = rest.partition("]")
        keys.append(key.lstrip(" "))
        if not rest.startswith("["):
            break
        rest = rest[1:]
    return keys


def _next_index(node: dict[str, Any]) -> str:
    return str(1 + max((int(key) for key in node if _INTEGER.fullmatch(key)), default=-1))


def _shape(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return array({key: _shape(child) for key, child in value.items()})


def array(mapping: dict[str, Any]) -> Any:
    """Converts a PHP array as ``json_encode`` does: without keys or with 0, 1, 2 … to a list."""
    if all(key == str(index) for index, key in enumerate(mapping)):
        return list(mapping.values())
    return mapping


def values(array: Any) -> list[Any]:
    """Returns the values of a PHP array, which JSON holds as a list or as an object."""
    if isinstance(array, Mapping):
        return list(array.values())
    return list(array) if isinstance(array, list) else []


def items(array: Any) -> list[tuple[str, Any]]:
    """Returns keys and values of a PHP array, which JSON holds as a list or as an object."""
    if isinstance(array, Mapping):
        return list(array.items())
    return [(str(i), value) for i, value in enumerate(array)] if isinstance(array, list) else []


def is_empty(value: Any) -> bool:
    """PHP's ``empty()``: the string "0" is empty too."""
    return value is None or value in ("", "0", 0, [], {})


def to_int(value: Any) -> int:
    """PHP's ``(int)``: "15abc" is 15, "abc" is 0, and any array is 1."""
    if isinstance(value, list | dict):
        return 1
    if isinstance(value, int | float):
        return int(value)
    number = _LEADING_NUMBER.match(value) if isinstance(value, str) else None
    return int(number[0]) if number else 0


def to_str(value: Any) -> str:
    """PHP's ``(string)``: an array becomes the word "Array"."""
    if isinstance(value, list | dict):
        return "Array"
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


def substitute(value: Any, answers: Mapping[str, Any]) -> tuple[Any, int]:
    """Replaces ``$result[key][…]`` in a batch command's value; returns it and the replacements.

    ``answers`` has ``result``, ``error``, ``total``, ``next`` and ``time`` of the commands so far.
    A path ends at the first missing key, so a reference to a failed command becomes the whole
    array above it. A reference is also replaced inside other text.
    """
    if isinstance(value, dict):
        pairs = {key: substitute(child, answers) for key, child in value.items()}
        children = {key: child for key, (child, _) in pairs.items()}
        return children, sum(count for _, count in pairs.values())
    if isinstance(value, list):
        elements = [substitute(child, answers) for child in value]
        return [child for child, _ in elements], sum(count for _, count in elements)
    return _substitute_text(value, answers) if isinstance(value, str) else (value, 0)


def _substitute_text(text: str, answers: Mapping[str, Any]) -> tuple[Any, int]:
    replaced, count = text, 0
    for match in _REFERENCE.finditer(text):
        path = _BRACKETED.findall(match[2])
        if not path:
            continue
        node = _follow(answers.get(match[1]), path)
        count += 1
        if match[0] == text:
            return node, count
        replaced = replaced.replace(match[0], to_str(node))
    return replaced, count


def _follow(node: Any, path: list[str]) -> Any:
    for key in path:
        child = dict(items(node)).get(key)
        if child is None:
            break
        node = child
    return node
