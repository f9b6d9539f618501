"""The command line: ``svod COMMAND …``, the same as ``python -m pipeline COMMAND …``.

Commands that run the graph import it only when they are called: the others start a second sooner.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from pipeline import options
from pipeline.access import crm_access
from pipeline.arguments import (
    Parser,
    add_apply,
    add_check,
    add_crm,
    add_delta,
    add_explain,
    add_full,
    add_init,
    add_plan,
    add_reconcile,
    add_register,
    add_replay,
    add_report,
    add_review,
    add_status,
)
from pipeline.console import print_lines, say
from pipeline.explain.story import explain
from pipeline.failures import plain_reason
from pipeline.options import Options
from pipeline.report import write_report
from pipeline.review.judgements import judge, kind_of
from pipeline.review.page import ReviewServer
from pipeline.review.pairs import terminal_lines
from pipeline.review.spreadsheet import read_csv, write_csv
from pipeline.status import show_status
from transforms.core.errors import ConfigurationError, SvodError
from transforms.core.secrets import mask
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.runs import last_reported_run


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and end with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code. Wrong usage and configuration give 2."""
    arguments, rest = _parser().parse_known_args(list(argv))
    try:
        chosen = options.resolve(arguments, rest)
        for warning in chosen.warnings:
            say(f"warning: {warning}")
        command: RunCommand = arguments.run
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
        description="One clean base of business customers in Bitrix24, from any stores.",
        epilog="Options that svod does not know go to Beam (--runner, …). Secrets are better given"
        " in the environment, or in a file that VARIABLE_FILE names.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name, run_command, add_arguments, summary in _COMMANDS:
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[:1].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        command.set_defaults(run=run_command)
        add_arguments(command)
    return parser


def _full(chosen: Options, _: Namespace) -> int:
    from pipeline.checks import check_stores
    from pipeline.graph import full_sources
    from pipeline.run import load

    check_stores(chosen, "full", "full")
    return load("full", chosen, full_sources)


def _delta(chosen: Options, _: Namespace) -> int:
    from pipeline.checks import check_stores
    from pipeline.follow.command import follow
    from pipeline.graph import delta_sources
    from pipeline.run import load

    check_stores(chosen, "delta", "delta")
    if chosen.follow:
        return follow(chosen)
    return load("delta", chosen, delta_sources)


def _init(_: Options, arguments: Namespace) -> int:
    from pipeline.init.command import DEFAULT_FILE, template_text, write_configuration
    from transforms.configuration.builtin import built_in_text

    if arguments.two_stores:
        print_lines(built_in_text().rstrip())
        return 0
    file = arguments.output or DEFAULT_FILE
    if arguments.places:
        return _propose(file, arguments.places)
    write_configuration(file, template_text())
    print_lines(f"Configuration file: {file}")
    return 0


def _check(chosen: Options, arguments: Namespace) -> int:
    from pipeline.check.command import check

    return check(chosen, arguments.sample, arguments.page, is_shown=arguments.show)


def _propose(file: Path, places: Sequence[str]) -> int:
    from pipeline.init.command import write_configuration
    from pipeline.init.proposal import VARIABLE, propose

    draft = propose(places)
    write_configuration(file, draft.text)
    if any(mask(place) != place for place in places):
        say(
            "warning: --from holds a secret and stands in the list of processes: better put it into"
            f" {VARIABLE}, and give --from {VARIABLE}"
        )
    print_lines(f"Configuration file: {file}. Look through it, then try: svod check")
    if draft.statements:
        print_lines("", "Run this in the database first:", "", *draft.statements)
    return 0


def _replay(chosen: Options, _: Namespace) -> int:
    from pipeline.replay import forget_refusals, replay_sources
    from pipeline.run import load

    return load("replay", chosen, replay_sources, forget_refusals)


def _plan(chosen: Options, arguments: Namespace) -> int:
    from pipeline.checks import check_stores
    from pipeline.graph import delta_sources, full_sources
    from pipeline.plan.command import plan

    mode = arguments.mode
    check_stores(chosen, mode, "plan")
    return plan(chosen, mode, full_sources if mode == "full" else delta_sources, arguments.plan)


def _apply(chosen: Options, arguments: Namespace) -> int:
    from pipeline.plan.command import apply

    return apply(chosen, arguments.file, arguments.only, arguments.limit)


def _crm(chosen: Options, _: Namespace) -> int:
    from pipeline.crm_setup import set_up

    print_lines(*set_up(chosen))
    return 0


def _reconcile(chosen: Options, arguments: Namespace) -> int:
    from pipeline.reconcile import reconcile

    return reconcile(chosen, arguments.repair)


def _register(chosen: Options, arguments: Namespace) -> int:
    from pipeline.register_import import import_files

    with closing(open_ledger(chosen.ledger)) as ledger:
        lines, is_complete = import_files(ledger, arguments.files)
    print_lines(*lines)
    return 0 if is_complete else 3


def _explain(chosen: Options, arguments: Namespace) -> int:
    with closing(open_ledger(chosen.ledger)) as ledger:
        cards = crm_access(chosen).cards
        print_lines(explain(ledger, arguments.name, arguments.second_name, cards))
    return 0


def _review(chosen: Options, arguments: Namespace) -> int:
    with closing(open_ledger(chosen.ledger)) as ledger:
        if pair := arguments.yes or arguments.no:
            judge(ledger, kind_of(pair), {(pair[0], pair[1]): bool(arguments.yes)})
            print_lines("Saved; the next run obeys it.")
        elif arguments.write:
            print_lines(f"{write_csv(ledger, arguments.write):,} pairs: {arguments.write}")
        elif arguments.read:
            count = read_csv(ledger, arguments.read)
            print_lines(f"{count:,} verdicts saved; the next run obeys them.")
        elif arguments.page:
            _serve_review(ledger)
        else:
            print_lines(*terminal_lines(ledger))
    return 0


def _serve_review(ledger: Ledger) -> None:
    with ReviewServer(ledger) as server:
        print_lines(f"Open {server.url} in a browser; Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _status(chosen: Options, arguments: Namespace) -> int:
    with closing(open_ledger(chosen.ledger)) as ledger:
        show_status(ledger, sys.stdout, arguments.watch)
    return 0


def _report(chosen: Options, arguments: Namespace) -> int:
    with closing(open_ledger(chosen.ledger)) as ledger:
        with ledger.read() as connection:
            run_id = last_reported_run(connection)
        if run_id is None:
            raise SvodError("there is no finished run to report on: start one with svod full")
        print_lines(f"Report: {write_report(ledger, run_id, Path(arguments.report))}")
    return 0


RunCommand = Callable[[Options, Namespace], int]
"""Runs a command; returns the exit code."""

_COMMANDS: Sequence[tuple[str, RunCommand, Callable[[Parser], None], str]] = (
    ("full", _full, add_full, "read the stores whole, load what is new or changed"),
    ("delta", _delta, add_delta, "load what has changed since the last run"),
    ("plan", _plan, add_plan, "write down what full or delta would do to the CRM"),
    ("apply", _apply, add_apply, "load exactly what a plan says"),
    ("crm", _crm, add_crm, "check the portal, and create svod's fields in it"),
    ("reconcile", _reconcile, add_reconcile, "compare the CRM with what was loaded"),
    ("init", _init, add_init, "write a configuration file to begin with"),
    ("check", _check, add_check, "try the configuration: reach all, clean a sample"),
    ("replay", _replay, add_replay, "try refused, deferred and rejected records again"),
    ("register", _register, add_register, "import the register's bulk files"),
    ("explain", _explain, add_explain, "explain why a record is in the CRM, or why not"),
    ("review", _review, add_review, "judge pairs that may be one record and are not merged"),
    ("status", _status, add_status, "show the last runs, and what waits"),
    ("report", _report, add_report, "write the last run's report"),
)


if __name__ == "__main__":
    main()
