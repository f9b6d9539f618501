"""The matching's model: learned from the rows of the base, and frozen under its version."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, Run, row_ref
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT, decode_contact
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import read_each
from transforms.ledger.rows import links, rebuild_marks
from transforms.ledger.statements import look_up
from transforms.ledger.stores import stores_of_ledger
from transforms.matching.learning import ENOUGH, PLENTY, Sample, learn
from transforms.matching.model import encode_model
from transforms.matching.profiles import Profile, profile_of

_PAGE = 5000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[RowKey, Profile]]).decode


def current_model(connection: Connection) -> bytes:
    """Returns the newest model as the ledger keeps it, or b"" before the first is learned."""
    table = schema.models.c
    query = sa.select(table.payload).order_by(table.version.desc()).limit(1)
    payload = connection.execute(query).scalar()
    return b"" if payload is None else bytes(payload)


def learn_if_due(ledger: Ledger, run: Run, processes: ProcessPool = IN_PLACE) -> None:
    """Learns a model if the base has enough rows, and marks all contact rows as dirty.

    A model from few rows, which may be those of a trial or of one store, is learned again when
    there are twice as many.
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
    """Returns the next model's version, and how many rows it needs; 0 if no model is needed."""
    table = schema.models.c
    query = sa.select(table.version, table.learned_from).order_by(table.version.desc()).limit(1)
    last = connection.execute(query).first()
    if last is None:
        return 1, ENOUGH
    return last.version + 1, 2 * last.learned_from if last.learned_from < PLENTY else 0


def _count_in_base(connection: Connection) -> int:
    """Returns about how many contact rows the base has, new ones included."""
    dirty, members = schema.dirty_contacts.c, schema.members.c
    is_member = sa.exists().where(
        members.kind == CONTACT,
        members.source == dirty.source,
        members.source_id == dirty.source_id,
    )
    old_rows = sa.select(sa.func.count()).where(members.kind == CONTACT)
    new_rows = sa.select(sa.func.count()).select_from(schema.dirty_contacts).where(~is_member)
    return connection.execute(old_rows).scalar_one() + connection.execute(new_rows).scalar_one()


def _pages(ledger: Ledger) -> Iterator[tuple[str, list[str]]]:
    """Yields all contact rows page by page: a store, and ids in their order."""
    table = schema.rows.c
    for store in stores_of_ledger(ledger):
        # Store by store: a keyset of several columns would read the index from its start.
        query = (
            sa.select(table.source_id)
            .where(table.source == store.key, table.kind == CONTACT)
            .order_by(table.source_id)
            .limit(_PAGE)
        )
        last_id = ""
        while True:
            with ledger.read() as connection:
                ids = connection.execute(query.where(table.source_id > last_id)).scalars().all()
            if not ids:
                break
            yield store.key, list(ids)
            last_id = ids[-1]


def _profiles(connection: Connection, page: tuple[str, list[str]]) -> bytes:
    """Returns the profiles of those rows of the page that are in the base, encoded."""
    source, ids = page
    table = schema.rows.c
    columns = table.source_id, table.payload
    tins = links.tins_by_contact(connection, [(source, source_id) for source_id in ids])
    payloads = look_up(
        connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
    )
    return _encode(
        [
            ((source, source_id), profile_of(decode_contact(payload), row_tins))
            for source_id, payload in sorted(payloads)
            if (row_tins := tins.get((source, source_id)))
        ]
    )
