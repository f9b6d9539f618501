"""Python source that is written for a table: lines, constants, and values that are read once."""

from collections.abc import Callable, Mapping
from typing import Any

Constants = Mapping[str, object]
"""Objects that the written code uses, by the names that it has for them."""


class SourceCode:
    """The body of a function that is being written.

    What the configuration says goes in as a literal (``repr``) or as a constant's value, never as
    code.
    """

    def __init__(self, constants: Constants) -> None:
        self._constants = dict(constants)
        self._lines: list[str] = []
        self._names: dict[str, str] = {}

    def line(self, text: str) -> None:
        """Add a line of the function's body."""
        self._lines.append(text)

    def open(self, lines: list[str]) -> None:
        """Put lines in front of those that have been written."""
        self._lines[:0] = lines

    def assign(self, expression: str, stem: str = "value") -> str:
        """Returns the name of the expression's value: an equal expression is evaluated once."""
        if expression not in self._names:
            name = f"{stem}_{len(self._names)}"
            self._names[expression] = name
            self.line(f"{name} = {expression}")
        return self._names[expression]

    def constant(self, value: object, stem: str) -> str:
        """Returns the name by which the code knows an object."""
        name = f"{stem}_{len(self._constants)}"
        self._constants[name] = value
        return name

    def function(self, name: str, parameters: str) -> Callable[..., Any]:
        """Returns the function whose body has been written."""
        text = self.text(name, parameters)
        namespace = dict(self._constants)
        exec(compile(text, f"<mapping {name}>", "exec"), namespace)  # noqa: S102 - our own code
        function: Callable[..., Any] = namespace[name]  # type: ignore[assignment]
        return function

    def text(self, name: str, parameters: str) -> str:
        """Returns the function's source."""
        return "\n".join([f"def {name}({parameters}):", *(f"    {line}" for line in self._lines)])


def tuple_of(expressions: list[str]) -> str:
    """Returns the source of a tuple.

    >>> tuple_of(["a"]), tuple_of([])
    ('(a,)', '()')
    """
    return f"({', '.join(expressions)}{',' if len(expressions) == 1 else ''})"
