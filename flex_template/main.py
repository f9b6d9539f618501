"""The program of a Flex template's launcher: builds and submits the graph of ``svod full``.

The launcher must not wait for the job, so what ``svod`` does after one (count the outcomes, enter
the run as ended) is the graph's last step. ``svod status`` and ``svod report`` work from any
machine that reaches the ledger.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import closing

import apache_beam as beam
from boot import fill
from sqlalchemy.exc import SQLAlchemyError

from pipeline import graph, options
from pipeline.access import write_configured_stores
from pipeline.arguments import Parser, add_full
from pipeline.checks import check_options, check_portal
from pipeline.console import say
from pipeline.engine import engine_options, runner
from pipeline.failures import plain_reason
from pipeline.options import Options
from pipeline.summary import account
from transforms.configuration.selection import readable_stores
from transforms.core.errors import ConfigurationError, SvodError
from transforms.core.identity import Run
from transforms.core.outcomes import FAILED
from transforms.core.secrets import mask
from transforms.ledger.database import open_ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, start_run

# The launcher names the runner; without one Beam would run the job in the launcher itself.
_DEFAULTS = ("--runner=DataflowRunner",)


def launch(arguments: Sequence[str]) -> int:
    """Submit one full load; returns the exit code. A launch that fails ends its run as failed."""
    parser = Parser(prog="svod full", allow_abbrev=False)
    add_full(parser)
    try:
        typed, rest = parser.parse_known_args(list(arguments))
        _submit(options.resolve(typed, [*_DEFAULTS, *rest]))
    except ConfigurationError as error:
        say(f"svod: {mask(str(error))}")
        return 2
    except (SvodError, SQLAlchemyError) as error:
        say(f"svod: {plain_reason(error)}")
        return 1
    return 0


def _submit(chosen: Options) -> None:
    """Check, enter the run, and hand the graph to the engine, alone with the ledger.

    Raises:
        ConfigurationError: an option is wrong.
        SvodError: another run is going on, or the engine did not take the job.
    """
    if not readable_stores(chosen.configuration, "full"):
        raise ConfigurationError("store A (its secret) or store_b_files is needed")
    check_options(chosen, "full")
    with closing(open_ledger(chosen.ledger)) as ledger, exclusive(ledger):
        check_portal(chosen, ledger)
        write_configured_stores(ledger, chosen)
        run = start_run(ledger, "full")
        try:
            build(chosen, run).run()
        except BaseException as error:
            # On an engine that runs the job at once, the job may have ended the run already.
            finish_run(ledger, run, FAILED, None)
            if isinstance(error, Exception):
                raise SvodError(f"the launch failed: {plain_reason(error)}") from error
            raise


def build(chosen: Options, run: Run) -> beam.Pipeline:
    """The graph of a full load, whose last step enters the run as ended."""
    root = beam.Pipeline(runner=runner(chosen), options=engine_options(chosen))
    loaded = graph.build(root, graph.full_sources(root, chosen, run), graph.settings(chosen, run))
    _ = loaded | "Conclude" >> beam.Map(conclude, run, chosen.crm_rate).with_output_types(str)
    return root


def conclude(_: int, run: Run, crm_rate: float) -> str:
    """Enter the run as ended, with its summary, or as failed; returns its status.

    Raises:
        NumbersDoNotAddUpError: a row that was read has no outcome: the job fails, too.
    """
    with closing(open_ledger(options.LEDGER.value())) as ledger:
        return str(account(ledger, run, "full", crm_rate)["status"])


if __name__ == "__main__":
    fill(os.environ)
    sys.exit(launch(sys.argv[1:]))
