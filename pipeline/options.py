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

from transforms.core.errors import ConfigurationError, SecretError
from transforms.core.secrets import Secret, mask

LEDGER = Secret("SVOD_LEDGER")
STORE_A = Secret("SVOD_STORE_A")
CRM = Secret("SVOD_CRM")
REGISTER_TOKEN = Secret("SVOD_REGISTER_TOKEN")

DEFAULT_LEDGER = "sqlite:///svod.db"

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
    """The options of one call of ``svod``. Secrets stay in the environment, under fixed names."""

    store_a: str = ""
    store_a_connections: int = 2
    store_a_window: float = 15.0
    follow: bool = False
    poll: float = 60.0
    store_b_files: tuple[str, ...] = ()
    store_b_encoding: str = "utf-8"
    store_b_kafka: str = ""
    store_b_topic: str = "sap.crm.partners"
    store_b_group: str = "svod"
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


def resolve(arguments: argparse.Namespace, rest: Sequence[str]) -> Options:
    """The options of the command line, completed from the environment.

    Their values are also put into the environment, where workers look for them. ``rest`` are the
    arguments that svod does not know.

    Raises:
        ConfigurationError: naming the option.
    """
    typed = {name: vars(arguments)[name] or "" for name in _VARIABLES if name in arguments}
    warnings = [_secret_warning(name) for name, value in typed.items() if _is_secret(name, value)]
    values = {name: value or _environment(_VARIABLES[name]) for name, value in typed.items()}
    values["ledger"] = _absolute(values["ledger"] or DEFAULT_LEDGER)
    _publish(values)
    fields = _fields({**vars(arguments), **values})
    return Options(**{**fields, "warnings": warnings, "beam": beam_arguments(rest)})


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that ``Options`` has, and that are not left to its defaults."""
    names = Options.__struct_fields__
    fields = {name: values[name] for name in names if values.get(name) is not None}
    fields["store_b_files"] = tuple(fields.get("store_b_files", ()))
    return fields


def _publish(values: Mapping[str, str]) -> None:
    """Put the values into the environment."""
    os.environ.update({_VARIABLES[name]: value for name, value in values.items() if value})


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
    if not (os.environ.get(variable) or os.environ.get(f"{variable}_FILE")):
        return ""
    try:
        return Secret(variable).value()
    except SecretError as error:
        raise ConfigurationError(str(error)) from None


def _absolute(ledger: str) -> str:
    # A worker may run in another folder than the one where the command was typed.
    prefix, scheme, rest = ledger.partition("sqlite://")
    if prefix or not scheme:
        return ledger
    path, mark, query = rest.removeprefix("/").partition("?")
    if path in ("", ":memory:"):
        raise ConfigurationError("--ledger: it names no file: write sqlite:///svod.db")
    return f"sqlite:///{Path(path).expanduser().absolute()}{mark}{query}"


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
