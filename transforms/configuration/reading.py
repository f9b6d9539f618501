"""Reads a configuration file, and says all that is wrong in it at once.

Source: contracts/configuration.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from transforms.configuration.problems import Problem, raise_problems
from transforms.configuration.structs import Configuration
from transforms.core.errors import ConfigurationError

OptionsCheck = Callable[[Mapping[str, object]], Iterable[Problem]]
"""Finds what is wrong in the table ``[options]``."""


def read_configuration(file: Path, check_options: OptionsCheck) -> Configuration:
    """Returns what a file says; it may have no store.

    Raises:
        ConfigurationError: the file cannot be read, or some of it is wrong: all of that, with keys.
    """
    content = _load(file)
    raise_problems(str(file), list(check_options(content.get("options", {}))))
    try:
        return msgspec.convert(content, Configuration)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def _load(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--config: cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: it is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: it is not TOML: {error}") from None
