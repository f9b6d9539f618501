"""The matching's model: learned from the base's own rows, and frozen under its version."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import contact_keys, links, schema
from transforms.ledger.database import Ledger
from transforms.ledger.source_rows import RowKey, Run, row_ref
from transforms.matching.learning import ENOUGH, PLENTY, Sample, learn
from transforms.matching.model import encode_model
from transforms.matching.profiles import Profile, profile_of
from transforms.records import CONTACT, decode_contact

_AT_ONCE = 5000


def current(connection: Connection) -> bytes:
    """The model that counts, encoded: the last one learned, or nothing before there is one."""
    table = schema.models.c
    query = sa.select(table.payload).order_by(table.version.desc()).limit(1)
    payload = connection.execute(query).scalar()
    return b"" if payload is None else bytes(payload)


def learn_if_due(ledger: Ledger, run: Run) -> None:
    """Learn when the base has rows enough; when they were not many, again from twice as many.

    The first may be those of a trial, or of one store. All rows are dirty then.
    """
    with ledger.read() as connection:
        version, enough = _next(connection)
        if not enough:
            return
        total = _count_in_base(connection)
        if total < enough:
            return
        sample = Sample(total)
        rows: set[RowKey] = set()
        for row, profile in _profiles(connection):
            rows.add(row)
            sample.add(row_ref(row), profile)
    if len(rows) < enough:
        return
    model = learn(sample, version)

    def save(connection: Connection) -> None:
        contact_keys.mark_dirty(connection, rows)
        connection.execute(
            schema.models.insert().values(
                version=model.version,
                learned_at=run.started_at,
                learned_from=len(sample.profiles),
                payload=encode_model(model),
            )
        )

    ledger.transact(save)


def _next(connection: Connection) -> tuple[int, int]:
    """The version of the next model, and how many rows it takes; 0 when none is needed any more."""
    table = schema.models.c
    query = sa.select(table.version, table.learned_from).order_by(table.version.desc()).limit(1)
    last = connection.execute(query).first()
    if last is None:
        return 1, ENOUGH
    return last.version + 1, 2 * last.learned_from if last.learned_from < PLENTY else 0


def _count_in_base(connection: Connection) -> int:
    """About how many contact rows the base has, those included that have just come."""
    members = sa.select(sa.func.count()).where(schema.members.c.kind == CONTACT)
    new = sa.select(sa.func.count()).select_from(schema.dirty_contacts)
    return connection.execute(members).scalar_one() + connection.execute(new).scalar_one()


def _contacts() -> tuple[sa.ColumnElement[bool], ...]:
    return schema.rows.c.kind == CONTACT, schema.rows.c.reason == ""


def _profiles(connection: Connection) -> Iterator[tuple[RowKey, Profile]]:
    table = schema.rows.c
    query = (
        sa.select(table.source, table.source_id, table.payload)
        .where(*_contacts())
        .order_by(table.source, table.source_id)
        .limit(_AT_ONCE)
    )
    last = ("", "")
    while found := connection.execute(
        query.where(
            sa.or_(
                table.source > last[0], sa.and_(table.source == last[0], table.source_id > last[1])
            )
        )
    ).all():
        tins = links.tins_of(connection, [(row.source, row.source_id) for row in found])
        for source, source_id, payload in found:
            if own := tins.get((source, source_id)):
                yield (source, source_id), profile_of(decode_contact(payload), own)
        last = found[-1].source, found[-1].source_id
