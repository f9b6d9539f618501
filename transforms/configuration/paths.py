"""JMESPath expressions of the file: where a value stands in a nested record.

Beside JMESPath's own functions there is ``upper``: types and kinds are written in any case.

>>> search = compile_path("[taxnumbers][] | [?upper(type)=='INN'].number").search
>>> search({"taxnumbers": [{"type": "inn ", "number": 7805746764}, {"type": None}]})
[7805746764]
>>> search({"taxnumbers": {"type": "INN", "number": "1"}}), search({})
(['1'], [])
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature

_PLAIN_NAME = re.compile(r"[\w -]+")


class PathFunctions(Functions):
    """The functions that an expression may call."""

    @signature({"types": []})
    def _func_upper(self, value: Any) -> str:
        return value.strip().upper() if isinstance(value, str) else ""


_FUNCTIONS = frozenset(Functions.FUNCTION_TABLE | PathFunctions.FUNCTION_TABLE)
_OPTIONS = jmespath.Options(custom_functions=PathFunctions())


class PathExpression:
    """An expression, ready to search records."""

    def __init__(self, expression: str) -> None:
        self._compiled = jmespath.compile(expression)

    def search(self, record: Any) -> Any:
        """Returns the value at the path; None where there is none."""
        return self._compiled.search(record, _OPTIONS)


def compile_path(expression: str) -> PathExpression:
    """Compile an expression.

    Raises:
        jmespath.exceptions.JMESPathError: it is no expression.
    """
    return PathExpression(expression)


def is_plain_name(path: str) -> bool:
    """Whether a path is the name of a field, and no expression.

    >>> is_plain_name("ИНН"), is_plain_name("e-mail"), is_plain_name("a.b"), is_plain_name("a[0]")
    (True, True, False, False)
    """
    return _PLAIN_NAME.fullmatch(path) is not None


def path_problem(path: str) -> str:
    """Returns why a path is neither a plain name nor an expression; an empty text if it is.

    >>> path_problem("taxnumbers[?type=='INN'].number"), path_problem("ИНН")
    ('', '')
    >>> path_problem("taxnumbers[?type=='INN'")
    'it is no JMESPath expression: Incomplete expression'
    >>> path_problem("owner.ИНН")
    'it is no JMESPath expression: Unknown token И (names of such letters stand in quotes: a."б")'
    >>> path_problem("lower(name)")
    'it calls lower, which JMESPath does not have'
    """
    if is_plain_name(path):
        return ""
    try:
        parsed = jmespath.compile(path).parsed
    except JMESPathError as error:
        return f"it is no JMESPath expression: {_reason(error)}"
    unknown = next((name for name in _calls(parsed) if name not in _FUNCTIONS), "")
    return f"it calls {unknown}, which JMESPath does not have" if unknown else ""


def _reason(error: JMESPathError) -> str:
    line = str(error).splitlines()[0]
    reason = line.removeprefix("Invalid jmespath expression: ")
    reason = reason.removeprefix("Bad jmespath expression: ").partition(", for expression")[0]
    reason = reason.rstrip(":")
    if reason.startswith("Unknown token"):
        reason += ' (names of such letters stand in quotes: a."б")'
    return reason


def _calls(node: Mapping[str, Any]) -> Iterator[str]:
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls(child)
