"""Conditions of the file: ``only``, ``deleted``, ``prefer``. Source: contracts/configuration.

A condition compares texts, without regard to the blanks around them and to case.

>>> condition = Condition(field="kind", is_=["org", 2])
>>> [holds(condition, value) for value in (" ORG", 2.0, "2", "person", None, ["org"])]
[True, True, True, False, False, False]
>>> holds(Condition(field="kind", is_not=["org"]), None)
True
"""

from collections.abc import Callable, Iterable

from transforms.configuration.structs import Condition, Scalar
from transforms.fields import text
from transforms.stores.mapping.source_code import SourceCode, tuple_of

_LONGEST = 1000
_EMPTY: tuple[object, ...] = ("", [], {}, ())


def holds(condition: Condition, value: object) -> bool:
    """Whether the condition holds for the value of its field."""
    return compile_condition(condition)(value)


def compile_condition(condition: Condition) -> Callable[[object], bool]:
    """Returns the test of a value of the condition's field."""
    code = SourceCode(CONSTANTS)
    code.line(f"return {condition_source(code, condition, 'value')}")
    test: Callable[[object], bool] = code.function("holds", "value")
    return test


def condition_source(code: SourceCode, condition: Condition, value: str) -> str:
    """Returns the source of a test of ``value``, which is a name."""
    tests = []
    if condition.is_ is not None:
        tests.append(_among_source(code, condition.is_, value))
    if condition.is_not is not None:
        tests.append(f"not {_among_source(code, condition.is_not, value)}")
    if condition.filled is not None:
        tests.append(f"{'' if condition.filled else 'not '}is_filled({value})")
    return f"({' and '.join(tests) or 'True'})"


def _among_source(code: SourceCode, constants: list[Scalar], value: str) -> str:
    texts = code.constant(folded_texts(constants), "texts")
    return f"({spelling_source(constants, value)} or is_among({value}, {texts}))"


def spelling_source(constants: list[Scalar], value: str) -> str:
    """Returns the source of a test whether ``value`` is a constant as the file spells it.

    >>> spelling_source([2, "org"], "kind")
    "kind in ('2', 2, 'org')"
    """
    spellings = [
        spelling
        for constant in constants
        for spelling in (
            [constant] if isinstance(constant, str | bool) else [str(constant), constant]
        )
    ]
    return f"{value} in {tuple_of([repr(spelling) for spelling in spellings])}"


def folded_texts(constants: list[Scalar]) -> frozenset[str]:
    """Returns the texts with which values are compared."""
    return frozenset(folded for constant in constants for folded in _folded(constant))


def is_among(value: object, texts: frozenset[str]) -> bool:
    """Whether a value is one of some folded texts."""
    return not texts.isdisjoint(_folded(value))


def is_filled(value: object) -> bool:
    """Whether a value says anything.

    >>> [is_filled(value) for value in (None, " ", [], 0, False, "x")]
    [False, False, False, True, True, True]
    """
    return value is not None and (value.strip() if isinstance(value, str) else value) not in _EMPTY


def _folded(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value.strip().casefold(),) if len(value) <= _LONGEST else ()
    if isinstance(value, bool):
        # A database without truth values has 1 and 0.
        return ("true", "1") if value else ("false", "0")
    number = text.integer(value)
    if number is not None:
        return (str(number),)
    return (str(value).casefold(),) if isinstance(value, float) else ()


CONSTANTS = {"is_among": is_among, "is_filled": is_filled}
"""What the source of a condition calls."""
