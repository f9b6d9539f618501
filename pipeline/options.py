"""Options: from the command line or the environment, checked before anything is read."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import NoReturn

import msgspec
from apache_beam.options.pipeline_options import PipelineOptions

from transforms.core.errors import ConfigurationError, SecretError
from transforms.core.secrets import Secret, mask
from transforms.ledger.database import Ledger, open_ledger

LEDGER = Secret("SVOD_LEDGER")
STORE_A = Secret("SVOD_STORE_A")
CRM = Secret("SVOD_CRM")
REGISTER_TOKEN = Secret("SVOD_REGISTER_TOKEN")

DEFAULT_LEDGER = "sqlite:///svod.db"

# Each option's variable, which holds its value where the job runs.
_VARIABLES = {
    "store_a": STORE_A.variable,
    "store_b_kafka": "SVOD_KAFKA",
    "crm": CRM.variable,
    "register": "SVOD_REGISTER",
    "register_token": REGISTER_TOKEN.variable,
    "ledger": LEDGER.variable,
}


class Options(msgspec.Struct):
    """What one call of ``svod`` was told. Secrets stay in the environment, under fixed names."""

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
    warnings: list[str] = []
    beam: list[str] = []


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with 2."""

    def error(self, message: str) -> NoReturn:
        """Wrong usage."""
        self.exit(2, f"svod: {mask(message)}\nTry: {self.prog} --help\n")


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """The option that every command has."""
    parser.add_argument("--ledger", help=f"SQLAlchemy URL (SVOD_LEDGER); default {DEFAULT_LEDGER}")


def add_full(parser: argparse.ArgumentParser) -> None:
    """The options of the command that reads both stores whole."""
    _whole(_stores(parser))
    add_load(parser)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """The options of the command that plans what either of the others would do."""
    stores = _stores(parser)
    _whole(stores)
    _changes(stores)
    add_load(parser)


def add_delta(parser: argparse.ArgumentParser) -> None:
    """The options of the command that reads what has changed."""
    _changes(_stores(parser))
    parser.add_argument("--follow", action="store_true", help="go on until SIGTERM or Ctrl-C")
    parser.add_argument("--metrics_file", help="write Prometheus metrics there after each run")
    parser.add_argument(
        "--metrics_address",
        type=_address,
        metavar="HOST:PORT",
        help="with --follow: serve /metrics and /health there",
    )
    parser.add_argument(
        "--poll", type=positive(float), help="seconds between two looks at store A; default 60"
    )
    add_load(parser)


def _whole(stores: "argparse._ArgumentGroup") -> None:
    stores.add_argument("--store_b_files", help="files or globs, comma separated")
    stores.add_argument(
        "--store_b_encoding",
        choices=("utf-8", "windows-1251"),
        help="default utf-8",
    )
    stores.add_argument(
        "--processes",
        type=positive(int),
        help="clean and match in so many processes; default: as many as help on this machine"
        " (and 1 when --runner is given: a cluster has workers of its own)",
    )
    stores.add_argument("--since", type=_date, help="only records changed since that date")


def _changes(stores: "argparse._ArgumentGroup") -> None:
    stores.add_argument(
        "--store_a_window",
        type=positive(float),
        help="minutes before the last run's newest change that are read again; default 15",
    )
    stores.add_argument("--store_b_kafka", help="brokers, host:port, comma separated (SVOD_KAFKA)")
    stores.add_argument("--store_b_topic", help="default sap.crm.partners")
    stores.add_argument("--store_b_group", help="consumer group; default svod")
    stores.add_argument("--store_b_kafka_config", help="librdkafka properties file (TLS, SASL)")


def _stores(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    stores = parser.add_argument_group("stores (at least one)")
    stores.add_argument(
        "--store_a", help="mysql://user:password@host:3306/shop?ssl_ca=… (SVOD_STORE_A)"
    )
    stores.add_argument("--store_a_connections", type=positive(int), help="at most; default 2")
    return stores


def add_load(parser: argparse.ArgumentParser) -> None:
    """The options of every command that loads, wherever its records come from."""
    add_ledger(parser)
    crm = parser.add_argument_group("CRM")
    crm.add_argument("--crm", help="Bitrix24 webhook URL (SVOD_CRM)")
    crm.add_argument("--crm_rate", type=positive(float), help="requests a second")
    crm.add_argument("--crm_burst", type=positive(int), help="requests at once")
    crm.add_argument("--crm_operating", type=positive(float), help="seconds in ten minutes")
    crm.add_argument(
        "--crm_settle",
        type=positive(float),
        help="seconds that a request may go on in the portal after its answer was lost",
    )
    crm.add_argument(
        "--crm_responsible", type=positive(int), help="id of the user who gets new records"
    )
    crm.add_argument("--crm_company_type", help="type of new companies, as CUSTOMER")
    register = parser.add_argument_group("register")
    register.add_argument("--register", help="base URL (SVOD_REGISTER)")
    register.add_argument("--register_token", help="key (SVOD_REGISTER_TOKEN)")
    register.add_argument("--register_rate", type=positive(float), help="questions a second")
    register.add_argument("--register_daily", type=positive(int), help="questions a day")
    parser.add_argument("--report", help="folder for report.html and summary.json")


def positive(number: type[int] | type[float]) -> Callable[[str], float]:
    """For argparse: what makes such a number of an option's text, and refuses any other."""

    def parse(text: str) -> float:
        value = number(text)
        if not 0 < value < 1e12:
            raise ValueError
        return value

    parse.__name__ = "positive number"
    return parse


def _address(text: str) -> tuple[str, int]:
    host, mark, port = text.rpartition(":")
    if not mark or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no address: write HOST:PORT")
    return host.strip("[]"), int(port)


def _date(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date: write YYYY-MM-DD") from None


def resolve(arguments: argparse.Namespace, rest: Sequence[str]) -> Options:
    """The options with what the environment adds; values go where workers look for them.

    Raises:
        ConfigurationError: naming the option.
    """
    warnings: list[str] = []
    values = {**vars(arguments)}
    for option, variable in _VARIABLES.items():
        if option not in values:
            continue
        given = values[option] or ""
        if _is_secret(option, given):
            warnings.append(
                f"--{option} holds a secret and stands in the list of processes:"
                f" better set {variable}, or {variable}_FILE to a file that holds it"
            )
        values[option] = given or _environment(variable)
    values["ledger"] = _absolute(values["ledger"] or DEFAULT_LEDGER)
    for option, variable in _VARIABLES.items():
        if values.get(option):
            os.environ[variable] = values[option]
    files = values.get("store_b_files") or ""
    values["store_b_files"] = tuple(filter(None, (part.strip() for part in files.split(","))))
    known = {
        field: values[field] for field in Options.__struct_fields__ if values.get(field) is not None
    }
    return Options(**{**known, "warnings": warnings, "beam": beam_arguments(rest)})


@contextmanager
def opened(chosen: Options) -> Iterator[Ledger]:
    """The ledger that the options name."""
    ledger = open_ledger(chosen.ledger)
    try:
        yield ledger
    finally:
        ledger.close()


def _is_secret(option: str, value: str) -> bool:
    # The ledger's URL is one when it holds a password.
    return bool(value) and (option in ("store_a", "crm", "register_token") or mask(value) != value)


def _environment(variable: str) -> str:
    if not (os.environ.get(variable) or os.environ.get(f"{variable}_FILE")):
        return ""
    try:
        return Secret(variable).value()
    except SecretError as error:
        raise ConfigurationError(str(error)) from None


def _absolute(ledger: str) -> str:
    # A worker may stand in another folder than the one where the command was typed.
    scheme, mark, rest = ledger.partition("sqlite://")
    if scheme or not mark:
        return ledger
    path, mark, query = rest.removeprefix("/").partition("?")
    if path in ("", ":memory:"):
        raise ConfigurationError("--ledger: it names no file: write sqlite:///svod.db")
    return f"sqlite:///{Path(path).expanduser().absolute()}{mark}{query}"


def beam_arguments(rest: Sequence[str]) -> list[str]:
    """What svod does not know and Beam does.

    Raises:
        ConfigurationError: naming the first argument that neither knows.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise ConfigurationError(f"{unknown[0]}: neither svod nor Beam has such an option")
    return list(rest)


def need(value: object, option: str, variable: str = "") -> None:
    """Raise ``ConfigurationError`` when an option that is needed is missing."""
    if not value:
        hint = f" (or {variable}, or {variable}_FILE)" if variable else ""
        raise ConfigurationError(f"--{option}{hint} is needed: see svod --help")
