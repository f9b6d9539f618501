"""The table ``[options]`` of the configuration file: the command line's options, by their names."""

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import arguments
from transforms.configuration.problems import Problem, unknown_name
from transforms.core.errors import ConfigurationError, SecretError
from transforms.core.secrets import Secret, mask

_FOR_ONE_RUN = frozenset(
    ("config", "since", "follow", "accept_changes", "adopt", "limit", "only", "show")
)
_OF_A_COMMAND = frozenset(("help", "mode", "plan"))

# Their values are secrets; those of the others in _VARIABLE_OPTIONS may be.
_SECRETS = frozenset(("store_a", "crm", "register_token"))
_VARIABLE_OPTIONS = _SECRETS | {"store_b_kafka", "register", "ledger", "notify"}
_PATHS = frozenset(("store_b_files", "store_b_kafka_config", "report", "metrics_file"))

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ENV = "_env"


def check_file_options(options: Mapping[str, object]) -> Iterator[Problem]:
    """Yields a problem for each key of ``[options]`` that is not known, or whose value is wrong."""
    for name, value in options.items():
        if text := _problem(name, value):
            yield Problem(f"options.{name}", text)


def option_values(options: Mapping[str, Any], names: set[str], folder: Path) -> dict[str, Any]:
    """Returns the values of those of ``names`` that the file has, as the command line gives them.

    Paths are relative to ``folder``, the file's.

    Raises:
        ConfigurationError: a variable that the file names is not set.
    """
    values = {
        name: _parse(_actions()[name], value, folder)
        for name, value in options.items()
        if name in names and name in _actions()
    }
    for key, variable in options.items():
        name = key.removesuffix(_ENV)
        if key != name and name in names and name in _VARIABLE_OPTIONS:
            values[name] = _variable_value(f"options.{key}", variable)
    return values


def options_without_effect(options: Mapping[str, Any]) -> list[str]:
    """Returns the keys of the file's options that no command has."""
    return [
        f"options.{name}" for name in options if name in _WITHOUT_COMMAND and name not in _actions()
    ]


def _variable_value(key: str, variable: str) -> str:
    if not (os.environ.get(variable) or os.environ.get(f"{variable}_FILE")):
        raise ConfigurationError(
            f"{key}: the variable {variable} is not set: set it, or {variable}_FILE to a file that"
            " holds the value"
        )
    try:
        return Secret(variable).value()
    except SecretError as error:
        raise ConfigurationError(f"{key}: {error}") from None


class _Number:
    """The type of an option that is not a command's yet."""

    def __call__(self, text: str) -> float:
        if (number := float(text)) > 0:
            return number
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")


def _action(name: str, **rule: Any) -> argparse.Action:
    return argparse.ArgumentParser().add_argument(f"--{name}", **rule)


# Options of contracts/program that no command has yet: the file may hold them.
_WITHOUT_COMMAND = {
    "language": _action("language", choices=("ru", "en")),
    "max_change": _action("max_change", type=str),
    "notify": _action("notify", type=arguments.parse_words),
    "wait": _action("wait", type=_Number()),
    "keep_originals": _action("keep_originals", type=_Number()),
    "keep_changes": _action("keep_changes", type=_Number()),
}


@cache
def _actions() -> Mapping[str, argparse.Action]:
    """The options that a file may hold, by name."""
    actions: dict[str, argparse.Action] = {}
    for add in (arguments.add_full, arguments.add_delta, arguments.add_plan):
        parser = arguments.Parser()
        add(parser)
        actions |= {action.dest: action for action in parser._actions if action.option_strings}
    return {
        name: action for name, action in actions.items() if name not in _FOR_ONE_RUN | _OF_A_COMMAND
    }


def _problem(name: str, value: object) -> str:
    option = name.removesuffix(_ENV)
    if option != name and option in _VARIABLE_OPTIONS:
        return _variable_problem(value)
    if name in _FOR_ONE_RUN:
        return f"--{name} is said for one run: give it on the command line"
    action = _actions().get(name) or _WITHOUT_COMMAND.get(name)
    if action is None:
        keys = {*_actions(), *_WITHOUT_COMMAND, *(f"{key}{_ENV}" for key in _VARIABLE_OPTIONS)}
        return unknown_name("option", name, keys - _SECRETS)
    if name in _SECRETS or (isinstance(value, str) and mask(value) != value):
        return f'it is a secret: put it into a variable, and write {name}{_ENV} = "VARIABLE" here'
    return _value_problem(action, value)


def _variable_problem(value: object) -> str:
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return ""
    # What stands there may be the secret itself.
    return "expected is the name of a variable (A-Z 0-9 _), not its value"


def _value_problem(action: argparse.Action, value: object) -> str:
    expected = _expected(action)
    if not _has_type(expected, value):
        return f"expected is {expected}, not {_type_name(value)}"
    if action.choices and value not in action.choices:
        return f"expected is one of {', '.join(map(str, action.choices))}"
    try:
        _parse(action, value, Path())
    except (argparse.ArgumentTypeError, ValueError) as error:
        return mask(str(error))
    return ""


_TEXT, _NUMBER, _YES_NO = "a text", "a number", "true or false"
_LIST, _TEXT_OR_NUMBER = "a text or a list of texts", "a text or a number"


def _expected(action: argparse.Action) -> str:
    if action.nargs == 0:
        return _YES_NO
    if action.type is None or action.type is arguments.parse_address:
        return _TEXT
    if action.type is str:
        return _TEXT_OR_NUMBER
    return _LIST if action.type is arguments.parse_words else _NUMBER


def _has_type(expected: str, value: object) -> bool:
    if isinstance(value, bool) or expected == _YES_NO:
        return isinstance(value, bool) and expected == _YES_NO
    if isinstance(value, int | float):
        return expected in (_NUMBER, _TEXT_OR_NUMBER)
    if isinstance(value, list) and expected == _LIST:
        return bool(value) and all(isinstance(item, str) and item for item in value)
    return isinstance(value, str) and bool(value) and expected != _NUMBER


def _type_name(value: object) -> str:
    names = {bool: "true or false", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "a date")


def _parse(action: argparse.Action, value: Any, folder: Path) -> Any:
    parse = action.type
    if isinstance(value, list):
        value = ",".join(value)
    result = parse(str(value)) if callable(parse) else value
    if action.dest in _PATHS:
        return _absolute(result, folder)
    return result


def _absolute(paths: Any, folder: Path) -> Any:
    if isinstance(paths, list):
        return [_absolute(path, folder) for path in paths]
    return paths if "://" in paths else str(folder / Path(paths).expanduser())
