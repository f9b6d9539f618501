"""What the ledger holds for cards of the CRM beside golden records, and what did not fit there."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.golden_records import RegisterFacts
from transforms.core.identity import RowKey, Run
from transforms.core.stores import Stores
from transforms.ledger import schema
from transforms.ledger.base.answers import register_facts
from transforms.ledger.base.card_sources import REGISTER_FACTS, SOURCE_ROWS
from transforms.ledger.base.goldens import members_of
from transforms.ledger.statements import delete, upsert
from transforms.ledger.stores import read_stores


class CardFacts(NamedTuple):
    """What the register says of some companies, the source rows of some records, and the stores."""

    register: dict[str, RegisterFacts]
    rows: dict[str, set[RowKey]]
    stores: Stores


def read_card_facts(
    connection: Connection, kind: str, keys: Sequence[str], sources: Collection[str]
) -> CardFacts:
    """The facts about these records that come from these ``sources``."""
    return CardFacts(
        register_facts(connection, keys) if REGISTER_FACTS in sources else {},
        members_of(connection, kind, keys) if SOURCE_ROWS in sources else {},
        read_stores(connection),
    )


class UnfitValue(NamedTuple):
    """A value that a field of the portal cannot hold: of which record, and why not."""

    key: str
    field: str
    value: str
    problem: str


def save_unfit_values(
    connection: Connection,
    run: Run,
    kind: str,
    keys: Sequence[str],
    unfit_values: Sequence[UnfitValue],
) -> None:
    """Note the values of these records that did not fit, in place of those noted before."""
    delete(connection, schema.unfit_values.c.key, keys, kind=kind)
    upsert(
        connection,
        schema.unfit_values,
        [
            {"kind": kind, "run_seq": run.run_seq, **unfit_value._asdict()}
            for unfit_value in unfit_values
        ],
    )


def unfit_values_of(connection: Connection, kind: str, keys: Sequence[str]) -> list[UnfitValue]:
    """The values of these records that did not fit."""
    table = schema.unfit_values.c
    query = sa.select(table.key, table.field, table.value, table.problem).where(table.kind == kind)
    query = query.order_by(table.key, table.field)
    return [
        UnfitValue(*values)
        for chunk in chunks(keys)
        for values in connection.execute(query.where(table.key.in_(chunk)))
    ]
