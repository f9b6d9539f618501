"""Options, from the command line or the environment; they are checked before anything is read."""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.arguments import DEFAULT_LEDGER
from pipeline.option_values.file_options import (
    check_file_options,
    option_values,
    options_without_effect,
)
from pipeline.option_values.store_options import STORE_OPTIONS, lay_over, misfit
from transforms.configuration.builtin import built_in_configuration
from transforms.configuration.reading import read_configuration
from transforms.configuration.selection import is_set
from transforms.configuration.structs import Configuration
from transforms.core.errors import ConfigurationError, SecretError
from transforms.core.secrets import Secret, mask

LEDGER = Secret("SVOD_LEDGER")
STORE_A = Secret("SVOD_STORE_A")
CRM = Secret("SVOD_CRM")
REGISTER_TOKEN = Secret("SVOD_REGISTER_TOKEN")

DEFAULT_FILE = "svod.toml"
"""The configuration file of the working folder, where no other is named."""

# The environment variable of each option; it holds the option's value where the job runs.
_VARIABLES = {
    "store_a": STORE_A.variable,
    "store_b_kafka": "SVOD_KAFKA",
    "crm": CRM.variable,
    "register": "SVOD_REGISTER",
    "register_token": REGISTER_TOKEN.variable,
    "ledger": LEDGER.variable,
}

_OPTION_NAME = re.compile(r"--?[A-Za-z][\w-]*")


class Options(msgspec.Struct):
    """The options of one call of ``svod``. Secrets stay in the environment, under fixed names.

    ``configuration`` has the stores as the options leave them. ``configuration_file`` is empty
    where none was read; ``has_file_stores`` says that the stores are the file's.
    """

    configuration: Configuration = msgspec.field(default_factory=built_in_configuration)
    configuration_file: str = ""
    has_file_stores: bool = False
    store_a: str = ""
    read_stores: tuple[str, ...] | None = None
    """The keys of the stores that this run reads; None: all that the options name."""
    follow: bool = False
    poll: float = 60.0
    store_b_files: tuple[str, ...] = ()
    store_b_encoding: str = "utf-8"
    store_b_kafka_config: str = ""
    processes: int = 0
    since: datetime | None = None
    crm: str = ""
    crm_rate: float = 2.0
    crm_burst: int = 50
    crm_operating: float = 480.0
    crm_settle: float = 65.0
    crm_responsible: int = 0
    crm_company_type: str = ""
    register: str = ""
    register_token: str = ""
    register_rate: float = 30.0
    register_daily: int = 10_000
    ledger: str = DEFAULT_LEDGER
    report: str = ""
    metrics_file: str = ""
    metrics_address: tuple[str, int] | None = None
    one_machine: bool = False
    shared_paths: bool = False
    warnings: list[str] = []
    beam: list[str] = []

    def reads(self, store: str) -> bool:
        """Whether this run reads the store of this key."""
        return self.read_stores is None or store in self.read_stores


def resolve(arguments: argparse.Namespace, rest: Sequence[str]) -> Options:
    """The options of the command line, completed from the environment and the configuration file.

    Their values are also put into the environment, where workers look for them. ``rest`` are the
    arguments that svod does not know.

    Raises:
        ConfigurationError: naming the option, or the file and its keys.
    """
    file = _configuration_file(arguments)
    configuration = _configuration(file)
    typed = {name: vars(arguments)[name] or "" for name in _VARIABLES if name in arguments}
    warnings = [_secret_warning(name) for name, value in typed.items() if _is_secret(name, value)]
    warnings += [
        f"{file}: {name} has no effect in this version"
        for name in (
            *options_without_effect(configuration.options),
            *_tables_without_effect(configuration),
        )
    ]
    warnings += _drop_foreign_variables(typed, configuration)
    values = {name: value or _environment(_VARIABLES[name]) for name, value in typed.items()}
    values = _completed({**vars(arguments), **values}, configuration, file)
    if "ledger" in values:
        values["ledger"] = _absolute(values["ledger"] or DEFAULT_LEDGER, Path())
    _publish(values)
    return Options(
        **_fields(values),
        configuration=lay_over(configuration, _store_values(values)),
        configuration_file=str(file or ""),
        has_file_stores=configuration.store is not built_in_configuration().store,
        warnings=warnings,
        beam=beam_arguments(rest),
    )


def _tables_without_effect(configuration: Configuration) -> list[str]:
    # Single orders are summed for their companies; they get no items of their own yet.
    return ["crm.orders"] if configuration.crm.orders else []


def _configuration_file(arguments: argparse.Namespace) -> Path | None:
    """The file that is named; else the working folder's, if it has one."""
    if "config" not in arguments:
        return None
    if name := arguments.config or os.environ.get("SVOD_CONFIG"):
        return Path(name).expanduser()
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def _configuration(file: Path | None) -> Configuration:
    return read_configuration(file, check_file_options) if file else built_in_configuration()


def _drop_foreign_variables(typed: dict[str, str], configuration: Configuration) -> list[str]:
    """Take out the variables whose store the configuration lacks; returns a warning for each."""
    warnings = []
    for option in ("store_a", "store_b_kafka"):
        reason = misfit(option, configuration)
        if option in typed and not typed[option] and reason:
            if is_set(variable := _VARIABLES[option]):
                warnings.append(f"{variable} is not used: {reason}")
            del typed[option]
    return warnings


def _completed(
    values: dict[str, Any], configuration: Configuration, file: Path | None
) -> dict[str, Any]:
    """The values, and those of the file where neither command line nor environment has any."""
    missing = {name for name, value in values.items() if value in (None, "", (), False)}
    folder = (file or Path()).absolute().parent
    additions = option_values(configuration.options, missing, folder)
    if "ledger" in additions:
        additions["ledger"] = _absolute(additions["ledger"], folder)
    return values | additions


def _store_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the stores; where the value is secret, the variable that holds it."""
    given = {name: values[name] for name in STORE_OPTIONS if values.get(name)}
    return {name: _VARIABLES.get(name, value) for name, value in given.items()}


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that ``Options`` has, and that are not left to its defaults."""
    names = Options.__struct_fields__
    fields = {name: values[name] for name in names if values.get(name) is not None}
    fields["store_b_files"] = tuple(fields.get("store_b_files", ()))
    return fields


def _publish(values: Mapping[str, Any]) -> None:
    """Put the values into the environment."""
    named = ((variable, values.get(name)) for name, variable in _VARIABLES.items())
    os.environ.update({variable: value for variable, value in named if value})


def _secret_warning(option: str) -> str:
    variable = _VARIABLES[option]
    return (
        f"--{option} holds a secret and stands in the list of processes:"
        f" better set {variable}, or {variable}_FILE to a file that holds it"
    )


def _is_secret(option: str, value: str) -> bool:
    # A ledger's URL with a password is a secret, too.
    return bool(value) and (option in ("store_a", "crm", "register_token") or mask(value) != value)


def _environment(variable: str) -> str:
    if not is_set(variable):
        return ""
    try:
        return Secret(variable).value()
    except SecretError as error:
        raise ConfigurationError(str(error)) from None


def _absolute(ledger: str, folder: Path) -> str:
    # A worker may run in another folder than the one where the command was typed.
    prefix, scheme, rest = ledger.partition("sqlite://")
    if prefix or not scheme:
        return ledger
    path, mark, query = rest.removeprefix("/").partition("?")
    if path in ("", ":memory:"):
        raise ConfigurationError("--ledger: it names no file: write sqlite:///svod.db")
    return f"sqlite:///{(folder / Path(path).expanduser()).absolute()}{mark}{query}"


def beam_arguments(rest: Sequence[str]) -> list[str]:
    """The arguments for Beam: those that svod does not know.

    Raises:
        ConfigurationError: naming the first argument that neither knows.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise ConfigurationError(_unknown_text(unknown[0]))
    return list(rest)


def _unknown_text(argument: str) -> str:
    # A mistyped option may hold a secret, and a bare word may be one: only a name is shown.
    if name := _OPTION_NAME.match(argument):
        return f"{name[0]}: neither svod nor Beam has such an option"
    return (
        "the command takes no such word (not shown, for it may be a secret): neither svod nor Beam"
        " has such an option; see svod COMMAND --help"
    )


def need(value: object, option: str, variable: str = "") -> None:
    """Raise ``ConfigurationError`` when an option that is needed is missing."""
    if not value:
        hint = f" (or {variable}, or {variable}_FILE)" if variable else ""
        raise ConfigurationError(f"--{option}{hint} is needed: see svod --help")
