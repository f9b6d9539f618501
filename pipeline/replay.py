"""``svod replay``: what was refused, deferred or rejected is taken up again."""

from collections.abc import Iterator

import apache_beam as beam
import msgspec
import sqlalchemy as sa

from pipeline import graph, options
from pipeline.options import Options
from transforms.clean import CleanRows
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.base.goldens import enqueue
from transforms.ledger.database import Ledger
from transforms.ledger.rows.source_rows import invalid_table
from transforms.ledger_fn import LedgerFn
from transforms.raw_batch import RawBatch
from transforms.stores import clean_a
from transforms.stores.clean_b import partner_row

_BATCH = 1000

_CLEANERS: dict[tuple[str, str], beam.PTransform] = {
    ("A", COMPANY): CleanRows(clean_a.clean_company),
    ("A", CONTACT): CleanRows(clean_a.clean_contact),
    ("B", COMPANY): CleanRows(partner_row),
    ("B", CONTACT): CleanRows(partner_row),
}


def forget_refusals(ledger: Ledger) -> None:
    """Let the portal be asked again about rejected records, the register about refused TINs."""

    def forget(connection: sa.Connection) -> None:
        for kind in (COMPANY, CONTACT):
            table = schema.rejected.c
            keys = connection.execute(sa.select(table.key).where(table.kind == kind)).scalars()
            enqueue(connection, kind, keys.all())
        connection.execute(schema.rejected.delete())
        invalid, answers = schema.invalid_companies.c, schema.register_answers
        refused = sa.select(invalid.tin).where(
            invalid.reason.in_(("not_in_register", "not_active"))
        )
        connection.execute(answers.update().where(answers.c.tin.in_(refused)).values(expires_at=0))

    ledger.transact(forget)


def replay_sources(root: beam.Pipeline, _: Options, run: Run) -> graph.Sources:
    """The refused rows' original records, cleaned anew: rules may have become better since."""
    rows: graph.Rows = {}
    for (source, kind), clean in _CLEANERS.items():
        name = f"{source} {kind}"
        records = (
            root
            | f"Name {name}" >> beam.Create([(source, kind)])
            | f"ReadRefused {name}"
            >> beam.ParDo(_RefusedFn(options.LEDGER, run)).with_output_types(RawBatch)
        )
        graph.add(rows, name, records | f"Clean {name}" >> clean)
    return graph.Sources(rows, ())


class _RefusedFn(LedgerFn):
    def process(self, table: tuple[str, str]) -> Iterator[RawBatch]:
        source, kind = table
        invalid, rows = invalid_table(kind), schema.rows.c
        query = (
            sa.select(invalid.c.source_id, rows.raw)
            .join(
                schema.rows,
                sa.and_(
                    rows.source == invalid.c.source,
                    rows.kind == kind,
                    rows.source_id == invalid.c.source_id,
                ),
            )
            .where(invalid.c.source == source)
            .order_by(invalid.c.source_id)
            .limit(_BATCH)
        )
        last = ""
        while True:
            with self.ledger.read() as connection:
                found = connection.execute(query.where(invalid.c.source_id > last)).all()
            if not found:
                return
            last = found[-1].source_id
            records = [msgspec.json.decode(row.raw) for row in found]
            # Of a record too large to keep only the head is there: the store has to tell it again.
            yield RawBatch(record for record in records if not record.get("truncated"))
