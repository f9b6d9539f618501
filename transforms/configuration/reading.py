"""Reads a configuration file, and says all that is wrong in it at once.

Source: contracts/configuration.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from transforms.configuration.builtin import built_in_configuration
from transforms.configuration.crm_rules import check_crm
from transforms.configuration.problems import Problem, raise_problems
from transforms.configuration.shape import join_key, prune, type_name
from transforms.configuration.store_rules import check_stores
from transforms.configuration.structs import Configuration, StoreTable
from transforms.core.errors import ConfigurationError
from transforms.core.secrets import mask

OptionsCheck = Callable[[Mapping[str, object]], Iterable[Problem]]
"""Finds what is wrong in the table ``[options]``."""

_OPTIONS = "options"


def read_configuration(file: Path, check_options: OptionsCheck) -> Configuration:
    """Returns what a file says; the stores are the built-in ones where it has none.

    Relative paths become those of the file's folder.

    Raises:
        ConfigurationError: the file cannot be read, or some of it is wrong: all of that, with keys.
    """
    configuration, problems = parse_configuration(_load(file), check_options)
    raise_problems(str(file), problems)
    if file.parent == Path():
        return configuration
    if configuration.store is built_in_configuration().store:
        return configuration
    stores = {key: _located(store, file.parent) for key, store in configuration.store.items()}
    return msgspec.structs.replace(configuration, store=stores)


def parse_configuration(
    content: Mapping[str, Any], check_options: OptionsCheck
) -> tuple[Configuration, list[Problem]]:
    """Returns the configuration in a file's content, and what is wrong there, by key."""
    options = content.get(_OPTIONS, {})
    if not isinstance(options, dict):
        text = f"expected is a table, not {type_name(options)}"
        option_problems, options = [Problem(_OPTIONS, text)], {}
    else:
        option_problems = list(check_options(options))
    rest = {name: table for name, table in content.items() if name != _OPTIONS}
    configuration, shape_problems = prune(rest)
    if not configuration.store:
        stores = built_in_configuration().store
        configuration = msgspec.structs.replace(configuration, store=stores)
    rule_problems = [*_check_stores(configuration, content), *check_crm(configuration)]
    problems = [*option_problems, *shape_problems]
    keys = [problem.key for problem in problems]
    problems += (problem for problem in rule_problems if not _is_explained(problem.key, keys))
    problems += _secret_problems("", rest)
    return msgspec.structs.replace(configuration, options=options), _unique(problems)


def _located(store: StoreTable, folder: Path) -> StoreTable:
    """Returns the store whose files lie in a folder."""
    places: dict[str, Any] = {}
    for name in ("full", "changes", "company", "contact", "order"):
        table = getattr(store, name)
        paths: dict[str, Any] = {}
        if files := getattr(table, "files", None):
            paths["files"] = [_path(path, folder) for path in files]
        if config_file := getattr(table, "config_file", None):
            paths["config_file"] = _path(config_file, folder)
        if paths:
            places[name] = msgspec.structs.replace(table, **paths)
    return msgspec.structs.replace(store, **places)


def _path(path: str, folder: Path) -> str:
    return path if "://" in path else str(folder / Path(path).expanduser())


def _check_stores(configuration: Configuration, content: Mapping[str, Any]) -> Iterator[Problem]:
    if configuration.store is not built_in_configuration().store:
        yield from check_stores(configuration, content)


def _is_explained(key: str, keys: list[str]) -> bool:
    """Whether another problem lies in the same place: the rest of it is not known."""
    return any(name == key or name.startswith((f"{key}.", f"{key}[")) for name in keys)


def _unique(problems: Iterable[Problem]) -> list[Problem]:
    """Returns the first problem of each key."""
    by_key: dict[str, Problem] = {}
    for problem in problems:
        by_key.setdefault(problem.key, problem)
    return list(by_key.values())


def _secret_problems(key: str, value: object) -> Iterator[Problem]:
    """Yields a problem for each URL with a password."""
    if isinstance(value, str) and mask(value) != value:
        yield Problem(
            key,
            "a password stands in it: put it into a variable, and name that (NAME_env)",
        )
    entries: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for name, entry in entries:
        yield from _secret_problems(join_key(key, name), entry)


def _load(file: Path) -> dict[str, Any]:
    try:
        # An editor of Windows puts a mark before the text.
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"--config: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: it is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: it is not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{file}: it is not TOML: too deeply nested") from None
