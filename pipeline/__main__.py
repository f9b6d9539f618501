"""The command line: ``svod COMMAND …``, the same as ``python -m pipeline COMMAND …``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pipeline import options
from pipeline.console import print_lines, say
from pipeline.explain.story import explain
from pipeline.failures import plain_reason
from pipeline.options import Options, Parser
from pipeline.report import write_report
from pipeline.review.judgements import judge, kind_of
from pipeline.review.page import ReviewServer
from pipeline.review.pairs import terminal_lines
from pipeline.review.spreadsheet import read_csv, write_csv
from pipeline.status import show_status
from transforms.core.errors import ConfigurationError, SvodError
from transforms.core.secrets import mask
from transforms.ledger.database import Ledger
from transforms.ledger.runs import last_reported_run


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and end with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code. Wrong usage and configuration give 2."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(list(argv))
    try:
        chosen = options.resolve(arguments, rest)
        for warning in chosen.warnings:
            say(f"warning: {warning}")
        command: Callable[[Options, argparse.Namespace], int] = arguments.run
        return command(chosen, arguments)
    except ConfigurationError as error:
        say(f"svod: {mask(str(error))}")
        return 2
    except (SvodError, SQLAlchemyError) as error:
        say(f"svod: {plain_reason(error)}")
        return 1
    except KeyboardInterrupt:
        say("svod: interrupted")
        return 130


def _parser() -> Parser:
    parser = Parser(
        prog="svod",
        allow_abbrev=False,
        description="One clean base of business customers in Bitrix24, from two stores.",
        epilog="Options that svod does not know go to Beam (--runner, …). Secrets are better given"
        " in the environment, or in a file that VARIABLE_FILE names.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    full = _command(commands, "full", _full, "read both stores whole, load what is new or changed")
    options.add_full(full)
    delta = _command(commands, "delta", _delta, "load what has changed since the last run")
    options.add_delta(delta)
    plan = _command(commands, "plan", _plan, "write down what full or delta would do to the CRM")
    options.add_plan(plan)
    plan.add_argument("--mode", choices=("full", "delta"), default="full")
    plan.add_argument("--plan", type=Path, default=Path("plan.jsonl"), help="default plan.jsonl")
    applies = _command(commands, "apply", _apply, "load exactly what a plan says")
    applies.add_argument("file", metavar="FILE", type=Path)
    applies.add_argument("--only", default="", help="company, contact, TINs or keys, by commas")
    applies.add_argument("--limit", type=options.positive(int), help="so many records at most")
    options.add_load(applies)
    crm = _command(commands, "crm", _crm, "check the portal, and make svod's own fields in it")
    crm.add_argument("action", choices=("setup",))
    options.add_load(crm)
    reconcile = _command(commands, "reconcile", _reconcile, "compare the CRM with what was loaded")
    reconcile.add_argument("--repair", action="store_true", help="put right what is ours")
    options.add_load(reconcile)
    replay = _command(
        commands, "replay", _replay, "take refused, deferred and rejected records up again"
    )
    options.add_load(replay)
    register = _command(commands, "register", _register, "fill the register's answers from files")
    register.add_argument("action", choices=("import",))
    register.add_argument("files", nargs="+", metavar="FILE")
    options.add_ledger(register)
    explain = _command(commands, "explain", _explain, "why is it in the CRM, or why not")
    explain.add_argument("what", metavar="TIN|SOURCE:ID")
    explain.add_argument("other", nargs="?", metavar="SOURCE:ID", help="are the two one person?")
    options.add_ledger(explain)
    judging = _command(commands, "review", _review, "judge what may be one and is not merged")
    ways = judging.add_mutually_exclusive_group()
    ways.add_argument("--yes", nargs=2, metavar=("ONE", "OTHER"), help="the two are one")
    ways.add_argument("--no", nargs=2, metavar=("ONE", "OTHER"), help="the two are not one")
    ways.add_argument("--write", type=Path, metavar="FILE", help="the list as CSV")
    ways.add_argument("--read", type=Path, metavar="FILE", help="the CSV with its verdicts")
    ways.add_argument("--page", action="store_true", help="a page in the browser, until Ctrl-C")
    options.add_ledger(judging)
    status = _command(commands, "status", _status, "the last runs, and what waits")
    status.add_argument("--watch", action="store_true", help="show it anew until Ctrl-C")
    options.add_ledger(status)
    report = _command(commands, "report", _report, "write the last run's report")
    report.add_argument("--report", default="report", help="folder; default report")
    options.add_ledger(report)
    return parser


def _command(
    commands: "argparse._SubParsersAction[Parser]",
    name: str,
    command: Callable[[Options, argparse.Namespace], int],
    description: str,
) -> Parser:
    parser = commands.add_parser(
        name, help=description, description=description.capitalize() + ".", allow_abbrev=False
    )
    parser.set_defaults(run=command)
    return parser


def _full(chosen: Options, _: argparse.Namespace) -> int:
    from pipeline.graph import full_sources
    from pipeline.run import load

    if not chosen.store_a and not chosen.store_b_files:
        raise ConfigurationError("--store_a or --store_b_files is needed: see svod full --help")
    return load("full", chosen, full_sources)


def _delta(chosen: Options, _: argparse.Namespace) -> int:
    from pipeline.follow.command import follow
    from pipeline.graph import delta_sources
    from pipeline.run import load

    if not chosen.store_a and not chosen.store_b_kafka:
        raise ConfigurationError("--store_a or --store_b_kafka is needed: see svod delta --help")
    if chosen.follow:
        return follow(chosen)
    return load("delta", chosen, delta_sources)


def _replay(chosen: Options, _: argparse.Namespace) -> int:
    from pipeline.replay import forget_refusals, replay_sources
    from pipeline.run import load

    return load("replay", chosen, replay_sources, forget_refusals)


def _plan(chosen: Options, arguments: argparse.Namespace) -> int:
    from pipeline.graph import delta_sources, full_sources
    from pipeline.plan.command import plan

    of_b = chosen.store_b_files if arguments.mode == "full" else chosen.store_b_kafka
    if not chosen.store_a and not of_b:
        raise ConfigurationError("a store is needed: see svod plan --help")
    sources = {"full": full_sources, "delta": delta_sources}[arguments.mode]
    return plan(chosen, sources, arguments.plan)


def _apply(chosen: Options, arguments: argparse.Namespace) -> int:
    from pipeline.plan.command import apply

    only = [name.strip() for name in arguments.only.split(",") if name.strip()]
    return apply(chosen, arguments.file, only, arguments.limit)


def _crm(chosen: Options, _: argparse.Namespace) -> int:
    from pipeline.crm_setup import set_up

    print_lines(*set_up(chosen))
    return 0


def _reconcile(chosen: Options, arguments: argparse.Namespace) -> int:
    from pipeline.reconcile import reconcile

    return reconcile(chosen, arguments.repair)


def _register(chosen: Options, arguments: argparse.Namespace) -> int:
    from pipeline.register_import import import_files

    with options.opened(chosen) as ledger:
        told, complete = import_files(ledger, arguments.files)
    print_lines(*told)
    return 0 if complete else 3


def _explain(chosen: Options, arguments: argparse.Namespace) -> int:
    with options.opened(chosen) as ledger:
        print_lines(explain(ledger, arguments.what, arguments.other or ""))
    return 0


def _review(chosen: Options, arguments: argparse.Namespace) -> int:
    with options.opened(chosen) as ledger:
        for pair, same in ((arguments.yes, True), (arguments.no, False)):
            if pair:
                judge(ledger, kind_of(pair), {(pair[0], pair[1]): same})
                print_lines("Remembered; the next run obeys it.")
                return 0
        if arguments.write:
            print_lines(f"{write_csv(ledger, arguments.write):,} pairs: {arguments.write}")
        elif arguments.read:
            count = read_csv(ledger, arguments.read)
            print_lines(f"{count:,} verdicts remembered; the next run obeys them.")
        elif arguments.page:
            _serve(ledger)
        else:
            print_lines(*terminal_lines(ledger))
    return 0


def _serve(ledger: Ledger) -> None:
    with ReviewServer(ledger) as server:
        print_lines(f"Open {server.url} in a browser; Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _status(chosen: Options, arguments: argparse.Namespace) -> int:
    with options.opened(chosen) as ledger:
        show_status(ledger, sys.stdout, arguments.watch)
    return 0


def _report(chosen: Options, arguments: argparse.Namespace) -> int:
    with options.opened(chosen) as ledger:
        with ledger.read() as connection:
            run_id = last_reported_run(connection)
        if run_id is None:
            raise SvodError("there is no finished run to report on: start one with svod full")
        print_lines(f"Report: {write_report(ledger, run_id, Path(arguments.report))}")
    return 0


if __name__ == "__main__":
    main()
