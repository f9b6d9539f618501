"""The program of a Flex template's launcher: builds and submits the graph of ``svod full``.

The launcher must not wait for the job, so what ``svod`` does after one (count the outcomes, enter
the run as ended) is the graph's last step. ``svod status`` and ``svod report`` work from any
machine that reaches the ledger.
"""

import os
import sys
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from boot import fill

from pipeline import graph, options
from pipeline.arguments import Parser, add_full
from pipeline.checks import check_options
from pipeline.summary import account
from transforms.core.errors import SvodError
from transforms.core.identity import Run
from transforms.core.secrets import mask
from transforms.ledger.database import open_ledger
from transforms.ledger.runs import start_run


def main(arguments: Sequence[str]) -> None:
    """Submits one full load."""
    parser = Parser(prog="svod full", allow_abbrev=False)
    add_full(parser)
    chosen = options.resolve(*parser.parse_known_args(list(arguments)))
    check_options(chosen)
    ledger = open_ledger(chosen.ledger)
    run = start_run(ledger, "full")
    ledger.close()
    root = beam.Pipeline(options=PipelineOptions(chosen.beam))
    loaded = graph.build(root, graph.full_sources(root, chosen, run), graph.settings(chosen, run))
    _ = loaded | "Conclude" >> beam.Map(conclude, run, chosen.crm_rate)
    root.run()


def conclude(_: int, run: Run, crm_rate: float) -> None:
    """Enter the run as ended, with its summary."""
    ledger = open_ledger(options.LEDGER.value())
    try:
        account(ledger, run, "full", crm_rate)
    finally:
        ledger.close()


if __name__ == "__main__":
    fill(os.environ)
    try:
        main(sys.argv[1:])
    except SvodError as error:
        sys.exit(f"svod: {mask(str(error))}")
