"""The arguments of each command, as ``argparse`` reads them; their meaning is in ``options``."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from typing import NoReturn

from transforms.core.secrets import mask

DEFAULT_LEDGER = "sqlite:///svod.db"


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Report wrong usage."""
        self.exit(2, f"svod: {mask(message)}\nTry: {self.prog} --help\n")


def add_full(parser: Parser) -> None:
    """The command that reads the stores whole."""
    _add_whole(_add_stores(parser))
    _add_engine(parser)
    add_load(parser)


def add_delta(parser: Parser) -> None:
    """The command that reads what has changed."""
    _add_changes(_add_stores(parser))
    parser.add_argument("--follow", action="store_true", help="go on until SIGTERM or Ctrl-C")
    parser.add_argument("--metrics_file", help="write Prometheus metrics to this file")
    parser.add_argument(
        "--metrics_address",
        type=parse_address,
        metavar="HOST:PORT",
        help="with --follow: serve /metrics, /health and /live there",
    )
    parser.add_argument(
        "--poll", type=_positive(float), help="seconds between two polls of store A; default 60"
    )
    _add_engine(parser)
    add_load(parser)


def add_plan(parser: Parser) -> None:
    """The command that plans a full load or a delta."""
    stores = _add_stores(parser)
    _add_whole(stores)
    _add_changes(stores)
    _add_engine(parser)
    add_load(parser)
    parser.add_argument(
        "--mode", choices=("full", "delta"), default="full", help="the load to plan; default full"
    )
    parser.add_argument(
        "--plan",
        type=Path,
        default=Path("plan.jsonl"),
        help="the file to write; default plan.jsonl",
    )


def add_replay(parser: Parser) -> None:
    """The command that tries open records again."""
    _add_engine(parser)
    add_load(parser)


def add_apply(parser: Parser) -> None:
    """The command that loads what a plan says."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the plan that svod plan wrote")
    parser.add_argument(
        "--only",
        type=parse_words,
        default=[],
        help="load these only: company, contact, TINs or keys, comma separated",
    )
    parser.add_argument("--limit", type=_positive(int), help="load at most this many records")
    add_load(parser)


def add_crm(parser: Parser) -> None:
    """The command that prepares the portal."""
    parser.add_argument("action", choices=("setup",), help="check the portal, create the fields")
    add_load(parser)


def add_reconcile(parser: Parser) -> None:
    """The command that compares the CRM with the ledger."""
    parser.add_argument(
        "--repair", action="store_true", help="load again what svod sent and the CRM lacks"
    )
    add_load(parser)


def add_register(parser: Parser) -> None:
    """The command that imports the register's bulk files."""
    parser.add_argument("action", choices=("import",), help="read the files")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a bulk file: EGRUL, EGRIP or small businesses"
    )
    add_ledger(parser)


def add_explain(parser: Parser) -> None:
    """The command that explains a record, or a pair of rows."""
    parser.add_argument("name", metavar="TIN|STORE:ID", help="a company's TIN, or a row as A:17")
    parser.add_argument(
        "second_name",
        nargs="?",
        default="",
        metavar="STORE:ID",
        help="a second contact row: why are the two one person, or why not",
    )
    add_ledger(parser)


def add_review(parser: Parser) -> None:
    """The command that shows doubtful pairs and takes judgements."""
    group = parser.add_mutually_exclusive_group()
    pair = ("RECORD", "RECORD")
    group.add_argument("--yes", nargs=2, metavar=pair, help="judge that the two records are one")
    group.add_argument("--no", nargs=2, metavar=pair, help="judge that they are different")
    group.add_argument("--write", type=Path, metavar="FILE", help="write the pairs as CSV")
    group.add_argument("--read", type=Path, metavar="FILE", help="read verdicts from that CSV")
    group.add_argument(
        "--page", action="store_true", help="show the pairs in a browser, until Ctrl-C"
    )
    add_ledger(parser)


def add_status(parser: Parser) -> None:
    """The command that shows the last runs."""
    parser.add_argument("--watch", action="store_true", help="refresh every second until Ctrl-C")
    add_ledger(parser)


def add_report(parser: Parser) -> None:
    """The command that writes the report."""
    parser.add_argument("--report", default="report", help="folder to write into; default report")
    add_ledger(parser)


def add_check(parser: Parser) -> None:
    """The command that tries the configuration."""
    stores = _add_stores(parser)
    _add_whole(stores)
    _add_changes(stores)
    parser.add_argument(
        "--sample",
        type=_positive(int),
        default=200,
        help="records of each table to clean; default 200",
    )
    parser.add_argument("--show", action="store_true", help="show the examples' values unmasked")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page of it")
    add_load(parser)


def add_init(parser: Parser) -> None:
    """The command that writes a configuration file."""
    parser.add_argument(
        "--two_stores",
        action="store_true",
        help="print the built-in configuration: the two stores that hold without a file",
    )
    parser.add_argument(
        "--from",
        dest="places",
        action="append",
        metavar="PLACE",
        help="propose the mapping by what stands in mysql://…, postgresql://…, the variable that"
        " holds such a URL, or a file (csv, xlsx, json, jsonl; may be given several times)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the file to write; default svod.toml"
    )


def add_ledger(parser: Parser) -> None:
    """The options that every command has."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the configuration file (SVOD_CONFIG); default svod.toml, where there is one",
    )
    parser.add_argument("--ledger", help=f"SQLAlchemy URL (SVOD_LEDGER); default {DEFAULT_LEDGER}")


def add_load(parser: Parser) -> None:
    """The options of every command that loads, wherever its records come from."""
    add_ledger(parser)
    crm = parser.add_argument_group("CRM")
    crm.add_argument("--crm", help="Bitrix24 webhook URL (SVOD_CRM)")
    crm.add_argument("--crm_rate", type=_positive(float), help="requests a second; default 2")
    crm.add_argument("--crm_burst", type=_positive(int), help="requests at once; default 50")
    crm.add_argument(
        "--crm_operating",
        type=_positive(float),
        help="seconds of the portal's work for a method in ten minutes; default 480",
    )
    crm.add_argument(
        "--crm_settle",
        type=_positive(float),
        help="seconds for which the portal may still execute a request whose answer was lost;"
        " default 65",
    )
    crm.add_argument(
        "--crm_responsible", type=_positive(int), help="id of the user who gets new records"
    )
    crm.add_argument("--crm_company_type", help="type of new companies, e.g. CUSTOMER")
    register = parser.add_argument_group("register")
    register.add_argument("--register", help="the register's base URL (SVOD_REGISTER)")
    register.add_argument("--register_token", help="the register's key (SVOD_REGISTER_TOKEN)")
    register.add_argument(
        "--register_rate", type=_positive(float), help="questions a second; default 30"
    )
    register.add_argument(
        "--register_daily", type=_positive(int), help="questions a day; default 10000"
    )
    parser.add_argument("--report", help="folder for report.html and summary.json; default none")


def _add_stores(parser: Parser) -> "argparse._ArgumentGroup":
    stores = parser.add_argument_group("stores (at least one)")
    stores.add_argument(
        "--store_a", help="mysql://user:password@host:3306/shop?ssl_ca=… (SVOD_STORE_A)"
    )
    stores.add_argument(
        "--store_a_connections", type=_positive(int), help="connections at most; default 2"
    )
    return stores


def _add_engine(parser: Parser) -> None:
    engine = parser.add_argument_group("engine (--runner and its options go to Beam)")
    engine.add_argument(
        "--one_machine",
        action="store_true",
        help="all of the engine is on this machine: files of it may be named",
    )
    engine.add_argument(
        "--shared_paths",
        action="store_true",
        help="every machine of the engine has the named files under the same paths",
    )


def _add_whole(stores: "argparse._ArgumentGroup") -> None:
    stores.add_argument(
        "--store_b_files",
        type=parse_words,
        default=(),
        help="export files or globs, comma separated",
    )
    stores.add_argument(
        "--store_b_encoding",
        choices=("utf-8", "windows-1251"),
        help="the files' encoding; default utf-8",
    )
    stores.add_argument(
        "--processes",
        type=_positive(int),
        help="processes that clean and match; default: as many as help on this machine"
        " (1 when --runner is given: a cluster has its own workers)",
    )
    stores.add_argument("--since", type=_date, help="only records changed since that date")


def _add_changes(stores: "argparse._ArgumentGroup") -> None:
    stores.add_argument(
        "--store_a_window",
        type=_positive(float),
        help="minutes before the last run's newest change that are read again; default 15",
    )
    stores.add_argument("--store_b_kafka", help="brokers, host:port, comma separated (SVOD_KAFKA)")
    stores.add_argument("--store_b_topic", help="topic; default sap.crm.partners")
    stores.add_argument("--store_b_group", help="consumer group; default svod")
    stores.add_argument("--store_b_kafka_config", help="librdkafka properties file (TLS, SASL)")


def _positive(number: type[int] | type[float]) -> Callable[[str], float]:
    """A function for ``argparse`` that parses a positive number and refuses any other text."""

    def parse(text: str) -> float:
        with suppress(ValueError):
            if 0 < (value := number(text)) < 1e12:
                return value
        whole = "whole " if number is int else ""
        raise argparse.ArgumentTypeError(f"{text} is not a positive {whole}number")

    return parse


def parse_words(text: str) -> list[str]:
    """Returns the words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_address(text: str) -> tuple[str, int]:
    """Returns host and port.

    Raises:
        argparse.ArgumentTypeError: the text is not an address.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not an address: write HOST:PORT")
    return host.strip("[]"), int(port)


def _date(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a date: write YYYY-MM-DD") from None
