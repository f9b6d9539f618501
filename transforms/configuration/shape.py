"""The shape of the file: each key known, each value of its type, each obligatory key there.

``prune`` goes through the whole file by the types of ``structs``, and leaves out what is wrong, so
that the rules behind it can look at the rest.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import cache
from math import isfinite
from typing import Any

import msgspec
from msgspec import inspect

from transforms.configuration.problems import Problem, unknown_name
from transforms.configuration.structs import Configuration

_PLACEHOLDER = "id"
_TYPE_NAMES: Mapping[type, str] = {
    inspect.StrType: "a text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}
_VALUE_NAMES: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    datetime: "a date",
    date: "a date",
    time: "a time",
}
_VALUE_TYPES: Mapping[type, tuple[type, ...]] = {
    str: (inspect.StrType, inspect.LiteralType),
    bool: (inspect.BoolType,),
    int: (inspect.IntType, inspect.FloatType),
    float: (inspect.FloatType,),
    list: (inspect.ListType,),
    dict: (inspect.StructType, inspect.DictType),
}


def prune(content: Mapping[str, Any]) -> tuple[Configuration, list[Problem]]:
    """Returns the configuration that is left without what is wrong in the content, and problems.

    An obligatory name that is missing is replaced by another, and told.
    """
    problems: list[Problem] = []
    value = _Pruner(problems).value("", content, _configuration_type())
    return msgspec.convert(value, Configuration), problems


def join_key(*names: object) -> str:
    """Returns the key of a place in the file; a position stands in brackets.

    >>> join_key("store", "shop", "bank", 0, "bik"), join_key("", "crm")
    ('store.shop.bank[0].bik', 'crm')
    """
    text = ""
    for name in names:
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else str(name)
    return text


def type_name(value: object) -> str:
    """Returns what a value of the file is, in words."""
    return _VALUE_NAMES[type(value)]


@cache
def _configuration_type() -> inspect.Type:
    return inspect.type_info(Configuration)


class _Pruner:
    """Leaves out what is wrong; ``problems`` receives why."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def value(self, key: str, value: object, expected: inspect.Type) -> Any:
        """Returns the value without what is wrong in it; ``UNSET`` when nothing is left."""
        options = list(_options(expected))
        fitting = _VALUE_TYPES.get(type(value), ())
        kind = next((option for option in options if isinstance(option, fitting)), None)
        if kind is None:
            text = f"expected is {_describe(options)}, not {type_name(value)}"
            return self._wrong(key, text)
        if isinstance(value, dict):
            return self._table(key, value, kind)
        if isinstance(kind, inspect.ListType):
            return self._list(key, value, kind)
        return self._scalar(key, value, kind)

    def _wrong(self, key: str, text: str) -> Any:
        self._problems.append(Problem(key, text))
        return msgspec.UNSET

    def _scalar(self, key: str, value: Any, kind: inspect.Type) -> Any:
        if isinstance(kind, inspect.LiteralType) and value not in kind.values:
            # What stands there in its place may be anything, a secret too.
            name = value if value.isidentifier() else "of that name"
            return self._wrong(key, unknown_name("kind", name, map(str, kind.values)))
        if isinstance(value, str) and not value.strip():
            return self._wrong(key, "expected is a text, not an empty one: leave the key out")
        if isinstance(value, int | float) and not (isfinite(value) and abs(value) < 2**53):
            return self._wrong(key, "expected is a number of a common size")
        return value

    def _list(self, key: str, values: Any, kind: inspect.ListType) -> Any:
        items = [
            self.value(join_key(key, number), value, kind.item_type)
            for number, value in enumerate(values)
        ]
        return [item for item in items if item is not msgspec.UNSET]

    def _table(self, key: str, table: dict[str, Any], kind: inspect.Type) -> Any:
        if isinstance(kind, inspect.DictType):
            items = (
                (name, self.value(join_key(key, name), value, kind.value_type))
                for name, value in table.items()
            )
            return {name: item for name, item in items if item is not msgspec.UNSET}
        fields = kind.fields if isinstance(kind, inspect.StructType) else ()
        return self._struct(key, table, {field.encode_name: field for field in fields})

    def _struct(self, key: str, table: dict[str, Any], fields: Mapping[str, inspect.Field]) -> Any:
        self._tell_unknown_names(key, table, fields)
        values = {
            name: self.value(join_key(key, name), table[name], field.type)
            for name, field in fields.items()
            if name in table
        }
        required = {name: field.type for name, field in fields.items() if field.required}
        for name, expected in required.items():
            if name not in table:
                text = f"it is missing: expected is {_describe(list(_options(expected)))}"
                self._wrong(join_key(key, name), text)
            if values.get(name, msgspec.UNSET) is msgspec.UNSET:
                values[name] = _replacement(expected)
        if any(values[name] is msgspec.UNSET for name in required):
            return msgspec.UNSET
        return {name: item for name, item in values.items() if item is not msgspec.UNSET}

    def _tell_unknown_names(
        self, key: str, table: Mapping[str, Any], fields: Mapping[str, inspect.Field]
    ) -> None:
        kind = "key" if key else "table"
        for name in table:
            if name not in fields:
                self._wrong(join_key(key, name), unknown_name(kind, name, fields))


def _options(expected: inspect.Type) -> Iterator[inspect.Type]:
    if not isinstance(expected, inspect.UnionType):
        yield expected
        return
    for option in expected.types:
        if not isinstance(option, inspect.NoneType):
            yield option


def _replacement(expected: inspect.Type) -> Any:
    """Returns a value in the place of an obligatory one; ``UNSET`` where rules depend on it."""
    kinds = {type(option) for option in _options(expected)}
    if inspect.StrType in kinds:
        return _PLACEHOLDER
    return 1 if inspect.IntType in kinds else msgspec.UNSET


def _describe(options: list[inspect.Type]) -> str:
    names: dict[str, None] = {}
    for option in options:
        if isinstance(option, inspect.LiteralType):
            names[f"one of {', '.join(map(str, option.values))}"] = None
        else:
            names[_TYPE_NAMES[type(option)]] = None
    return " or ".join(names)
