"""Paths of the file: those of a frequent shape, which become code, and all others.

Source: contracts/configuration.

>>> parse_path("orders.count"), parse_path("Номер карты")
(FieldPath(names=('orders', 'count')), FieldPath(names=('Номер карты',)))
>>> parse_path("phones[].number")
ListPath(parent=('phones',), names=('number',), flattens=True)
>>> parse_path("tax[?type=='INN' || type=='ИНН'].number")
TypedPath(parent=('tax',), key='type', constants=('INN', 'ИНН'), name='number')
>>> parse_path("length(phones)")
Expression(text='length(phones)')
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jmespath
from jmespath.exceptions import JMESPathError

from transforms.configuration.paths import compile_path

Names = tuple[str, ...]
_Node = dict[str, Any]


class FieldPath(NamedTuple):
    """A field, or a field of a field: ``a``, ``a.b``."""

    names: Names


class ListPath(NamedTuple):
    """A field of each element of a list: ``a[].b``, ``a[*].b``."""

    parent: Names
    names: Names
    flattens: bool


class TypedPath(NamedTuple):
    """A field of those elements whose type has one of some values: ``a[?type=='INN'].number``."""

    parent: Names
    key: str
    constants: tuple[str, ...]
    name: str


class Expression(NamedTuple):
    """An expression of another shape: ``jmespath`` searches it."""

    text: str


Path = FieldPath | ListPath | TypedPath | Expression


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Returns the path; a text that is no expression is a plain name, or names with dots."""
    try:
        tree = jmespath.compile(text).parsed
    except JMESPathError:
        return FieldPath(tuple(text.split(".")))
    if names := _names(tree):
        return FieldPath(names)
    return _list_path(tree) or _typed_path(tree) or Expression(text)


class ExpressionSearch:
    """Searches a record by ``jmespath``; an expression that fits no value there returns None."""

    def __init__(self, expression: str) -> None:
        self._expression = compile_path(expression)

    def __call__(self, record: object) -> Any:
        """Returns what the expression leads to."""
        try:
            return self._expression.search(record)
        except (JMESPathError, RecursionError):
            return None


@lru_cache(maxsize=4096)
def finder(text: str) -> Callable[[object], Any]:
    """Returns the function that finds what a path of the file leads to, None for nothing.

    >>> record = {"partner": {"phones": ["1", "2"]}}
    >>> finder("partner.phones")(record), finder("length(partner.phones)")(record)
    (['1', '2'], 2)
    """
    path = parse_path(text)
    if not isinstance(path, FieldPath):
        return ExpressionSearch(text)
    names = path.names

    def find(record: object) -> Any:
        value: Any = record
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return find


def _names(node: _Node) -> Names:
    """Returns the names of a field or of a chain of fields, else none."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return ()
    parts = [_names(child) for child in node["children"]]
    return tuple(name for part in parts for name in part) if all(parts) else ()


def _list_path(node: _Node) -> ListPath | None:
    if node["type"] != "projection":
        return None
    source, element = node["children"]
    flattens = source["type"] == "flatten"
    parent = _names(source["children"][0] if flattens else source)
    names = _names(element)
    if not parent or not (names or element["type"] == "identity"):
        return None
    return ListPath(parent, names, flattens)


def _typed_path(node: _Node) -> TypedPath | None:
    if node["type"] != "filter_projection":
        return None
    source, element, test = node["children"]
    parent, names, alternatives = _names(source), _names(element), _alternatives(test)
    keys = {key for key, _ in alternatives}
    if not parent or len(names) != 1 or len(keys) != 1:
        return None
    constants = tuple(constant for _, constant in alternatives)
    return TypedPath(parent, keys.pop(), constants, names[0])


def _alternatives(test: _Node) -> list[tuple[str, str]]:
    """Returns field and text of each comparison; none when the condition is anything else."""
    if test["type"] == "or_expression":
        parts = [_alternatives(child) for child in test["children"]]
        return [pair for part in parts for pair in part] if all(parts) else []
    if test["type"] != "comparator" or test["value"] != "eq":
        return []
    names: Names = ()
    constant = None
    for child in test["children"]:
        names = names or _names(child)
        constant = child["value"] if child["type"] == "literal" else constant
    return [(names[0], constant)] if len(names) == 1 and isinstance(constant, str) else []
