"""``svod replay``: refused, deferred and rejected records are tried again."""

from collections.abc import Iterator

import apache_beam as beam
from sqlalchemy.engine import Connection

from pipeline import graph, options
from pipeline.options import Options
from transforms.clean import CleanRows
from transforms.core.identity import Run
from transforms.ledger.base.answers import expire_refusing_answers
from transforms.ledger.database import Ledger
from transforms.ledger.loads.rejections import retry_rejected
from transforms.ledger.rows.refusals import refused_originals
from transforms.ledger_fn import LedgerFn
from transforms.raw_batch import RawBatch
from transforms.stores.registry import cleaners


def forget_refusals(ledger: Ledger) -> None:
    """Let the portal be asked again about rejected records, the register about refused TINs."""

    def forget(connection: Connection) -> None:
        retry_rejected(connection)
        expire_refusing_answers(connection)

    ledger.transact(forget)


def replay_sources(root: beam.Pipeline, chosen: Options, run: Run) -> graph.Sources:
    """The refused rows' original records, cleaned again: the rules may have become better since."""
    rows: graph.Rows = {}
    for source, kind, clean in cleaners(chosen.configuration):
        name = f"{source} {kind}"
        records = (
            root
            | f"Name {name}" >> beam.Create([(source, kind)])
            | f"ReadRefused {name}"
            >> beam.ParDo(_ReadRefusedFn(options.LEDGER, run)).with_output_types(RawBatch)
        )
        graph.add_cleaned(rows, name, records | f"Clean {name}" >> CleanRows(clean))
    return graph.Sources(rows, {})


class _ReadRefusedFn(LedgerFn):
    def process(self, source_and_kind: tuple[str, str]) -> Iterator[RawBatch]:
        yield from map(RawBatch, refused_originals(self.ledger, *source_and_kind))
