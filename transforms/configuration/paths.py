"""JMESPath expressions of the file: where a value stands in a nested record.

Beside JMESPath's own functions there is ``upper``: types and kinds are written in any case.

>>> search = compile_path("[taxnumbers][] | [?upper(type)=='INN'].number").search
>>> search({"taxnumbers": [{"type": "inn ", "number": 7805746764}, {"type": None}]})
[7805746764]
>>> search({"taxnumbers": {"type": "INN", "number": "1"}}), search({})
(['1'], [])
"""

from typing import Any

import jmespath
from jmespath.functions import Functions, signature


class PathFunctions(Functions):
    """The functions that an expression may call."""

    @signature({"types": []})
    def _func_upper(self, value: Any) -> str:
        return value.strip().upper() if isinstance(value, str) else ""


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
