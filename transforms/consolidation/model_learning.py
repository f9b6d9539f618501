"""The matching's model: learned from the base's own rows, and frozen under its version."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, Run, row_ref
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT, decode_contact
from transforms.core.stores import STORES
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import read_each
from transforms.ledger.rows import links, rebuild_marks
from transforms.ledger.statements import look_up
from transforms.matching.learning import ENOUGH, PLENTY, Sample, learn
from transforms.matching.model import encode_model
from transforms.matching.profiles import Profile, profile_of

_AT_ONCE = 5000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[RowKey, Profile]]).decode


def current(connection: Connection) -> bytes:
    """The model that counts, encoded: the last one learned, or nothing before there is one."""
    table = schema.models.c
    query = sa.select(table.payload).order_by(table.version.desc()).limit(1)
    payload = connection.execute(query).scalar()
    return b"" if payload is None else bytes(payload)


def learn_if_due(ledger: Ledger, run: Run, processes: ProcessPool = IN_PLACE) -> None:
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
    for page in read_each(ledger, _profiles, _pages(ledger), processes):
        for row, profile in _decode(page):
            rows.add(row)
            sample.add(row_ref(row), profile)
    if len(rows) < enough:
        return
    model = learn(sample, version)

    def save(connection: Connection) -> None:
        rebuild_marks.mark_dirty(connection, rows - rebuild_marks.dirty_rows(connection))
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
    dirty, members = schema.dirty_contacts.c, schema.members.c
    known = sa.exists().where(
        members.kind == CONTACT,
        members.source == dirty.source,
        members.source_id == dirty.source_id,
    )
    old = sa.select(sa.func.count()).where(members.kind == CONTACT)
    new = sa.select(sa.func.count()).select_from(schema.dirty_contacts).where(~known)
    return connection.execute(old).scalar_one() + connection.execute(new).scalar_one()


def _pages(ledger: Ledger) -> Iterator[tuple[str, list[str]]]:
    """All contact rows in their order, so many at a time: a store, and ids."""
    table = schema.rows.c
    for store in STORES:
        # Store by store: where several columns say how far it is, the index is read from its start.
        query = (
            sa.select(table.source_id)
            .where(table.source == store.key, table.kind == CONTACT)
            .order_by(table.source_id)
            .limit(_AT_ONCE)
        )
        last = ""
        while True:
            with ledger.read() as connection:
                ids = connection.execute(query.where(table.source_id > last)).scalars().all()
            if not ids:
                break
            yield store.key, list(ids)
            last = ids[-1]


def _profiles(connection: Connection, page: tuple[str, list[str]]) -> bytes:
    """The profiles of those rows of the page that are in the base, encoded."""
    source, ids = page
    table = schema.rows.c
    columns = table.source_id, table.payload
    tins = links.tins_by_contact(connection, [(source, source_id) for source_id in ids])
    found = look_up(
        connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
    )
    return _encode(
        [
            ((source, source_id), profile_of(decode_contact(payload), own))
            for source_id, payload in sorted(found)
            if (own := tins.get((source, source_id)))
        ]
    )
