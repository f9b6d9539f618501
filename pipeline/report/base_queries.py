"""State of the whole base, whichever runs brought it about: cheap counts over the ledger."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.outcomes import REGISTER_NO_ANSWER
from transforms.core.records import COMPANY, CONTACT
from transforms.core.stores import Store
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table
from transforms.register.answer import NOT_ACTIVE, NOT_IN_REGISTER


class StoreRows(msgspec.Struct):
    """The source rows of one kind of one store, by outcome."""

    loaded: int = 0
    refused: int = 0
    waiting: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.loaded + self.refused + self.waiting


class Queue(msgspec.Struct, frozen=True):
    """Rows that wait for one reason; the oldest waits since ``since`` (ISO 8601, UTC)."""

    kind: str
    reason: str
    count: int
    since: str


class Verdicts(msgspec.Struct, frozen=True):
    """Number of TINs by the register's answer; ``not_active`` by the register's status."""

    active: int
    not_active: dict[str, int]
    not_in_register: int
    no_answer: int


class Minute(msgspec.Struct, frozen=True):
    """Requests to the CRM in one minute since the epoch."""

    minute: int
    requests: int
    refused: int
    waited_ms: int


def count_store_rows(connection: Connection) -> Mapping[tuple[str, str], StoreRows]:
    """Returns the counts by ``(kind, store key)``; zeros for a store without rows.

    A row that waits counts as waiting, even if its previous version is in the base.
    """
    counts: defaultdict[tuple[str, str], StoreRows] = defaultdict(StoreRows)
    members, deferred = schema.members.c, schema.deferred.c
    loaded = sa.select(members.kind, members.source, sa.func.count())
    for kind, source, count in connection.execute(loaded.group_by(members.kind, members.source)):
        counts[kind, source].loaded = count
    waiting = (
        sa.select(deferred.kind, deferred.source, sa.func.count(), sa.func.count(members.source_id))
        .outerjoin(
            schema.members,
            sa.and_(
                members.kind == deferred.kind,
                members.source == deferred.source,
                members.source_id == deferred.source_id,
            ),
        )
        .group_by(deferred.kind, deferred.source)
    )
    for kind, source, count, also_loaded in connection.execute(waiting):
        counts[kind, source].waiting = count
        counts[kind, source].loaded -= also_loaded
    for kind in (COMPANY, CONTACT):
        table = invalid_table(kind)
        query = sa.select(table.c.source, sa.func.count()).group_by(table.c.source)
        for source, count in connection.execute(query):
            counts[kind, source].refused = count
    return counts


def count_overlap(
    connection: Connection, kind: str, stores: Sequence[Store]
) -> dict[tuple[str, ...], int]:
    """Returns the number of golden records by the combination of stores that have rows of it.

    A combination is the stores' keys in the order of ``stores``; only those that occur are here.
    """
    members = schema.members.c
    # A bit for each store: the sum of a record's bits tells its combination, in one column.
    bits = {store.key: 1 << place for place, store in enumerate(stores)}
    source_bit = sa.case(bits, value=members.source, else_=0)
    records = (
        sa.select(sa.func.sum(source_bit.distinct()).label("bits"))
        .where(members.kind == kind)
        .group_by(members.key)
        .subquery()
    )
    query = sa.select(records.c.bits, sa.func.count()).group_by(records.c.bits)
    return {
        tuple(key for key, bit in bits.items() if int(total) & bit): count
        for total, count in connection.execute(query)
    }


def read_queues(connection: Connection) -> list[Queue]:
    """Returns the rows that wait, by kind and reason, the longest queue first."""
    table = schema.deferred.c
    query = sa.select(table.kind, table.reason, sa.func.count(), sa.func.min(table.since)).group_by(
        table.kind, table.reason
    )
    queues = [Queue(*values) for values in connection.execute(query)]
    return sorted(queues, key=lambda queue: (-queue.count, queue.kind, queue.reason))


def count_verdicts(connection: Connection) -> Verdicts:
    """Returns the register's answers on the TINs of the base."""
    golden, deferred = schema.golden.c, schema.deferred.c
    active = sa.select(sa.func.count()).where(golden.kind == COMPANY)
    no_answer = sa.select(sa.func.count(deferred.tin.distinct())).where(
        deferred.kind == COMPANY, deferred.reason == REGISTER_NO_ANSWER
    )
    refused = schema.invalid_companies.c
    query = (
        sa.select(refused.reason, refused.detail, sa.func.count(refused.tin.distinct()))
        .where(refused.reason.in_((NOT_ACTIVE, NOT_IN_REGISTER)))
        .group_by(refused.reason, refused.detail)
    )
    not_active: Counter[str] = Counter()
    absent = 0
    for reason, status, count in connection.execute(query):
        if reason == NOT_ACTIVE:
            not_active[status or ""] += count
        else:
            absent += count
    return Verdicts(
        connection.execute(active).scalar_one(),
        dict(not_active.most_common()),
        absent,
        connection.execute(no_answer).scalar_one(),
    )


def read_crm_minutes(connection: Connection, run_id: str) -> list[Minute]:
    """Returns the run's requests by minute; minutes without requests are left out."""
    table = schema.crm_usage.c
    query = (
        sa.select(table.minute, table.requests, table.refused, table.waited_ms)
        .where(table.run_id == run_id)
        .order_by(table.minute)
    )
    return [Minute(*values) for values in connection.execute(query)]
