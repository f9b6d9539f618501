"""The input of both programs, and the result on which they must agree."""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
import sqlalchemy as sa

from pipeline.options import REGISTER_TOKEN
from transforms.clean_batch import clean_partners
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run
from transforms.known_originals import OriginalsOfLedger
from transforms.ledger import schema
from transforms.ledger.database import Ledger

# The same for both programs and not entered in the ledger, so that their tables can be compared.
RUN = Run("bench", 1, "2024-01-01T00:00:00Z")

ORIGINALS = OriginalsOfLedger(None, RUN)
"""The originals of an empty ledger: each record gets the digest that a later load compares."""

CLEAN_B = partial(clean_partners, originals=ORIGINALS)
"""The function by which the plain program cleans store B's partners."""

REMEMBERED = (schema.rows, schema.links)
CONSOLIDATED = (
    *REMEMBERED,
    schema.golden,
    schema.members,
    schema.golden_tins,
    schema.invalid_companies,
    schema.invalid_contacts,
    schema.invalid_messages,
    schema.deferred,
)


class Task(msgspec.Struct, frozen=True):
    """Names the input files; the URLs of store A and the ledger are in the environment."""

    files: str
    answers: str

    @property
    def register(self) -> RegisterAccess:
        """Access to the register for use inside ``instant_register``."""
        return RegisterAccess(self.answers, REGISTER_TOKEN, rate=1e9, daily=1_000_000_000)


Tally = dict[str, int | str]
"""Counts and digests by name: equal for both programs, or their work differs."""


class Stage(msgspec.Struct, frozen=True):
    """One program's work up to a point; digests of ``tables`` belong to the result.

    Before consolidation a refused row that has become good may still stand as refused.
    """

    work: Callable[[Task], Tally]
    only_b: bool = False
    tables: tuple[sa.Table, ...] = ()


def contents(ledger: Ledger, tables: Iterable[sa.Table]) -> Tally:
    """Returns a digest of each table."""
    with ledger.read() as connection:
        return {table.name: _digest(connection, table) for table in tables}


def _digest(connection: sa.Connection, table: sa.Table) -> str:
    digest = hashlib.blake2b(digest_size=8)
    encode = msgspec.msgpack.Encoder().encode
    count = 0
    query = sa.select(table).order_by(*table.primary_key)
    for row in connection.execution_options(yield_per=1000).execute(query):
        digest.update(encode(tuple(row)))
        count += 1
    return f"{count} rows, {digest.hexdigest()}"
