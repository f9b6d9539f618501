"""The queue of records to be loaded into the CRM, and the crosswalk of those that are there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import CHUNK, chunks
from transforms.core.identity import Run
from transforms.core.outcomes import COMPANY_REJECTED
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.base.goldens import contacts_in, enqueue
from transforms.ledger.loads.sent import Sent, save_sent
from transforms.ledger.runs import utc_now
from transforms.ledger.statements import upsert, values_of

__all__ = ["Sent", "save_sent"]


class PendingRecord(msgspec.Struct, frozen=True):
    """A golden record that the CRM does not hold in this version; ``crm_id`` 0: not in any."""

    key: str
    version: str
    payload: bytes
    crm_id: int


def is_open() -> sa.ColumnElement[bool]:
    """Whether a record of ``golden``, joined to its crosswalk and rejection, is to be loaded."""
    golden, crosswalk, rejected = schema.golden.c, schema.crosswalk.c, schema.rejected.c
    return sa.and_(
        sa.or_(crosswalk.version.is_(None), crosswalk.version != golden.version),
        sa.or_(rejected.version.is_(None), rejected.version != golden.version),
    )


def _with_state(*columns: Any) -> Any:
    golden, crosswalk, rejected = schema.golden.c, schema.crosswalk.c, schema.rejected.c
    return (
        sa.select(*columns)
        .select_from(schema.golden)
        .outerjoin(
            schema.crosswalk,
            sa.and_(crosswalk.kind == golden.kind, crosswalk.key == golden.key),
        )
        .outerjoin(
            schema.rejected, sa.and_(rejected.kind == golden.kind, rejected.key == golden.key)
        )
    )


def pending_page(connection: Connection, kind: str, after: str, limit: int) -> list[PendingRecord]:
    """Up to ``limit`` records to be loaded whose key is above ``after``, by key.

    An empty page is the end of the queue.
    """
    golden, crosswalk = schema.golden.c, schema.crosswalk.c
    columns = golden.key, golden.version, golden.payload, sa.func.coalesce(crosswalk.crm_id, 0)
    for keys in queued(connection, kind, after, limit):
        query = _with_state(*columns).where(golden.kind == kind, golden.key.in_(keys), is_open())
        page = connection.execute(query.order_by(golden.key)).all()
        if page:
            return [PendingRecord(*values) for values in page]
    return []


def pending_records(connection: Connection, kind: str, keys: Iterable[str]) -> list[PendingRecord]:
    """Those of the records that are to be loaded."""
    golden, crosswalk = schema.golden.c, schema.crosswalk.c
    query = _with_state(
        golden.key, golden.version, golden.payload, sa.func.coalesce(crosswalk.crm_id, 0)
    ).where(golden.kind == kind, is_open())
    return [
        PendingRecord(*values)
        for chunk in chunks(sorted(keys))
        for values in connection.execute(query.where(golden.key.in_(chunk)))
    ]


def missing_in_crm(connection: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    """Those of the records that are to be created in the CRM: it neither holds nor rejects them."""
    golden, crosswalk = schema.golden.c, schema.crosswalk.c
    query = _with_state(golden.key).where(
        golden.kind == kind, crosswalk.crm_id.is_(None), is_open()
    )
    return {
        key
        for chunk in chunks(keys)
        for key in connection.execute(query.where(golden.key.in_(chunk))).scalars()
    }


def golden_keys(connection: Connection, kind: str, after: str, limit: int) -> Sequence[str]:
    """Up to ``limit`` keys of golden records above the key ``after``."""
    table = schema.golden.c
    query = sa.select(table.key).where(table.kind == kind, table.key > after)
    return connection.execute(query.order_by(table.key).limit(limit)).scalars().all()


def still_open() -> sa.ColumnElement[bool]:
    """Whether a record in the queue (``unloaded``) is still to be loaded.

    It is a look-up for each record, not a join: databases plan such joins badly.
    """
    queued, golden = schema.unloaded.c, schema.golden.c
    record = _with_state(sa.literal(1)).where(
        golden.kind == queued.kind, golden.key == queued.key, is_open()
    )
    return sa.exists(record.correlate(schema.unloaded))


def count_pending(connection: Connection, kind: str) -> int:
    """The number of records to be loaded."""
    query = sa.select(sa.func.count()).select_from(schema.unloaded)
    query = query.where(schema.unloaded.c.kind == kind, still_open())
    return int(connection.execute(query).scalar_one())


def queued(
    connection: Connection, kind: str, after: str = "", limit: int = CHUNK
) -> Iterator[Sequence[str]]:
    """The keys in the queue above ``after``, in pages of ``limit``."""
    table = schema.unloaded.c
    query = sa.select(table.key).where(table.kind == kind).order_by(table.key).limit(limit)
    while keys := connection.execute(query.where(table.key > after)).scalars().all():
        yield keys
        after = keys[-1]


def crm_ids(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, int]:
    """The CRM ids of those records that are in the CRM."""
    table = schema.crosswalk.c
    return values_of(connection, table.key, table.crm_id, kind, keys)


def crm_versions(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, str]:
    """The golden version that the CRM holds in full, of those records that are in the CRM."""
    table = schema.crosswalk.c
    return values_of(connection, table.key, table.version, kind, keys)


def record_items(
    connection: Connection, run: Run, kind: str, ids: Mapping[str, int], created: bool
) -> None:
    """Note the CRM ids of items that are in the CRM now: ``created`` by this run, or found there.

    They have no version yet, as their parts are still to be sent. Contacts of such a company that
    were loaded or rejected without it are queued again, for their link.
    """
    created_run = run.run_seq if created else 0
    _write_crosswalk(
        connection, kind, {key: (crm_id, "") for key, crm_id in ids.items()}, created_run
    )
    if kind == COMPANY:
        _relink(connection, sorted(contacts_in(connection, sorted(ids))))


def _relink(connection: Connection, contacts: Sequence[str]) -> None:
    crosswalk, rejected = schema.crosswalk, schema.rejected
    for chunk in chunks(contacts):
        connection.execute(
            crosswalk.update()
            .where(crosswalk.c.kind == CONTACT, crosswalk.c.key.in_(chunk))
            .values(version="")
        )
        connection.execute(
            rejected.delete().where(
                rejected.c.kind == CONTACT,
                rejected.c.key.in_(chunk),
                rejected.c.reason == COMPANY_REJECTED,
            )
        )
        enqueue(connection, CONTACT, chunk)


def mark_loaded(
    connection: Connection, run: Run, kind: str, loaded: Mapping[str, tuple[int, str]]
) -> None:
    """Note records that the CRM holds in full: ``loaded`` is ``(CRM id, version)`` by key."""
    _write_crosswalk(connection, kind, loaded, run.run_seq, keep=["created_run", "updated_run"])
    table = schema.rejected.c
    for chunk in chunks(list(loaded)):
        connection.execute(schema.rejected.delete().where(table.kind == kind, table.key.in_(chunk)))


def _write_crosswalk(
    connection: Connection,
    kind: str,
    values: Mapping[str, tuple[int, str]],
    run_seq: int,
    keep: Sequence[str] = (),
) -> None:
    loaded_at = utc_now()
    upsert(
        connection,
        schema.crosswalk,
        [
            {
                "kind": kind,
                "key": key,
                "crm_id": crm_id,
                "version": version,
                "loaded_at": loaded_at,
                "created_run": run_seq,
                "updated_run": run_seq,
            }
            for key, (crm_id, version) in values.items()
        ],
        keep=keep,
    )


def mark_updated(connection: Connection, run: Run, kind: str, keys: Sequence[str]) -> None:
    """Note that this run has sent some part of these records."""
    table = schema.crosswalk.c
    for chunk in chunks(keys):
        connection.execute(
            schema.crosswalk.update()
            .where(table.kind == kind, table.key.in_(chunk))
            .values(updated_run=run.run_seq)
        )


def forget_items(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """Forget the records' CRM ids and what was sent: the loader looks them up in the CRM."""
    for chunk in chunks(keys):
        for table in (schema.crosswalk, schema.sent):
            connection.execute(table.delete().where(table.c.kind == kind, table.c.key.in_(chunk)))
    golden = schema.golden.c
    query = sa.select(golden.key).where(golden.kind == kind)
    for chunk in chunks(keys):
        enqueue(connection, kind, connection.execute(query.where(golden.key.in_(chunk))).scalars())


def requeue_all(connection: Connection, kind: str) -> None:
    """Queue all records that are in the CRM, as there are new fields to send."""
    table = schema.crosswalk
    connection.execute(table.update().where(table.c.kind == kind).values(version=""))
    query = sa.select(table.c.key).where(table.c.kind == kind)
    enqueue(connection, kind, connection.execute(query).scalars())


def keys_created_by(connection: Connection, run: Run, kind: str, keys: Sequence[str]) -> set[str]:
    """Those of the records that this run has created in the CRM."""
    table = schema.crosswalk.c
    query = sa.select(table.key).where(table.kind == kind, table.created_run == run.run_seq)
    return {
        key
        for chunk in chunks(keys)
        for key in connection.execute(query.where(table.key.in_(chunk))).scalars()
    }
