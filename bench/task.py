"""What both programs are given, and what they must agree on."""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
import sqlalchemy as sa

from pipeline.options import REGISTER_TOKEN
from transforms.clean_batch import clean_partners
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.stores.clean_b import UNKNOWN

# Not entered in the ledger and the same for both programs: so all that they write can be compared.
RUN = Run("bench", 1, "2024-01-01T00:00:00Z")

CLEAN_B = partial(clean_partners, handover=UNKNOWN)
"""What both programs do to store B's partners, in as many processes."""

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
    """Where the input is; store A's URL and the ledger's are in the environment, as in a run."""

    files: str
    answers: str

    @property
    def register(self) -> RegisterAccess:
        """A register that ``answering_at_once`` understands."""
        return RegisterAccess(self.answers, REGISTER_TOKEN, rate=1e9, daily=1_000_000_000)


Found = dict[str, int | str]
"""What a program found, by name: equal for both programs, or they did not do the same work."""


class Stage(msgspec.Struct, frozen=True):
    """One program's work up to a point; ``tables`` of the ledger tell what it has found, too.

    Before all is consolidated, a refused row that has become good may still stand as refused.
    """

    work: Callable[[Task], Found]
    only_b: bool = False
    tables: tuple[sa.Table, ...] = ()


def contents(ledger: Ledger, tables: Iterable[sa.Table]) -> Found:
    """A digest of each of the tables."""
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
