"""How the whole base stands now, whichever run brought it there: cheap counts of the ledger."""

from collections import Counter

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table


class StoreRows(msgspec.Struct):
    """Where the known rows of one kind of one store stand."""

    loaded: int = 0
    refused: int = 0
    waiting: int = 0


class Overlap(msgspec.Struct, frozen=True):
    """Golden records by the stores that know them."""

    only_a: int
    both: int
    only_b: int


class Waiting(msgspec.Struct, frozen=True):
    """Rows that wait for one reason; ``since`` is when the oldest began (ISO 8601, UTC)."""

    kind: str
    reason: str
    count: int
    since: str


class Verdicts(msgspec.Struct, frozen=True):
    """TINs by what the register says of them; ``not_active`` by the register's status."""

    active: int
    not_active: dict[str, int]
    not_in_register: int
    no_answer: int


def store_rows(connection: Connection) -> dict[tuple[str, str], StoreRows]:
    """By ``(kind, source)``; a row that waits is counted as waiting, even if it is in the base."""
    kinds: tuple[str, ...] = (COMPANY, CONTACT)
    found = {(kind, source): StoreRows() for kind in kinds for source in "AB"}
    members, deferred = schema.members.c, schema.deferred.c
    loaded = sa.select(members.kind, members.source, sa.func.count())
    for kind, source, count in connection.execute(loaded.group_by(members.kind, members.source)):
        found[kind, source].loaded = count
    waits = (
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
    for kind, source, count, also_loaded in connection.execute(waits):
        found[kind, source].waiting = count
        found[kind, source].loaded -= also_loaded
    for kind in kinds:
        table = invalid_table(kind)
        query = sa.select(table.c.source, sa.func.count()).group_by(table.c.source)
        for source, count in connection.execute(query):
            found[kind, source].refused = count
    return found


def overlap(connection: Connection, kind: str) -> Overlap:
    """How many golden records have rows in store A only, in both, in B only."""
    members = schema.members.c
    stores = (
        sa.select(
            sa.func.min(members.source).label("least"), sa.func.max(members.source).label("most")
        )
        .where(members.kind == kind)
        .group_by(members.key)
        .subquery()
    )
    query = sa.select(stores.c.least, stores.c.most, sa.func.count()).group_by(
        stores.c.least, stores.c.most
    )
    counts = Counter({least + most: count for least, most, count in connection.execute(query)})
    return Overlap(counts["AA"], counts["AB"], counts["BB"])


def waiting(connection: Connection) -> list[Waiting]:
    """What waits, the longest queue first."""
    table = schema.deferred.c
    query = sa.select(table.kind, table.reason, sa.func.count(), sa.func.min(table.since)).group_by(
        table.kind, table.reason
    )
    found = [Waiting(*values) for values in connection.execute(query)]
    return sorted(found, key=lambda part: (-part.count, part.kind, part.reason))


def verdicts(connection: Connection) -> Verdicts:
    """What the register says of the TINs of the base."""
    golden, deferred = schema.golden.c, schema.deferred.c
    active = sa.select(sa.func.count()).where(golden.kind == COMPANY)
    no_answer = sa.select(sa.func.count(deferred.tin.distinct())).where(
        deferred.kind == COMPANY, deferred.reason == "register_no_answer"
    )
    refused = schema.invalid_companies.c
    query = (
        sa.select(refused.reason, refused.detail, sa.func.count(refused.tin.distinct()))
        .where(refused.reason.in_(("not_active", "not_in_register")))
        .group_by(refused.reason, refused.detail)
    )
    not_active: Counter[str] = Counter()
    absent = 0
    for reason, status, count in connection.execute(query):
        if reason == "not_active":
            not_active[status or ""] += count
        else:
            absent += count
    return Verdicts(
        connection.execute(active).scalar_one(),
        dict(not_active.most_common()),
        absent,
        connection.execute(no_answer).scalar_one(),
    )


class Minute(msgspec.Struct, frozen=True):
    """Requests to the CRM in one minute since the epoch."""

    minute: int
    requests: int
    refused: int
    waited_ms: int


def crm_minutes(connection: Connection, run_id: str) -> list[Minute]:
    """The run's requests over time; minutes without any are not in it."""
    table = schema.crm_usage.c
    query = (
        sa.select(table.minute, table.requests, table.refused, table.waited_ms)
        .where(table.run_id == run_id)
        .order_by(table.minute)
    )
    return [Minute(*values) for values in connection.execute(query)]
