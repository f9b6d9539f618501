"""Rejections: golden records that the CRM refuses, or that people have deleted there."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.outcomes import DELETED_IN_CRM
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import schema
from transforms.ledger.base.goldens import enqueue
from transforms.ledger.runs import utc_now
from transforms.ledger.statements import upsert, values_of


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record that the CRM rejects: the reason, and exactly what was sent."""

    key: str
    version: str
    reason: str
    detail: str
    record: str


def rejected_keys(connection: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    """Those of the records that the CRM rejects."""
    return set(rejection_reasons(connection, kind, keys))


def rejection_reasons(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, str]:
    """The reason for which the CRM rejects each of those records that it rejects."""
    table = schema.rejected.c
    return values_of(connection, table.key, table.reason, kind, keys)


def reject(connection: Connection, run: Run, kind: str, records: Sequence[RejectedRecord]) -> None:
    """Note that the CRM rejects these records: they wait until they change or are replayed."""
    upsert(
        connection,
        schema.rejected,
        [
            {
                "kind": kind,
                "key": record.key,
                "reason": reason_of(record.reason),
                "detail": _storable(record.detail),
                "record": record.record,
                "run_id": run.run_id,
                "seen_at": utc_now(),
                "version": record.version,
            }
            for record in records
        ],
    )


def withdraw_rejections(connection: Connection, run: Run, reason: str, detail: str) -> None:
    """Let the records be loaded again that this run has rejected for that reason."""
    table = schema.rejected.c
    matches = sa.and_(
        table.run_id == run.run_id,
        table.reason == reason_of(reason),
        table.detail == _storable(detail),
    )
    for kind in (COMPANY, CONTACT):
        keys = connection.execute(sa.select(table.key).where(table.kind == kind, matches)).scalars()
        enqueue(connection, kind, keys.all())
    connection.execute(schema.rejected.delete().where(matches))


def retry_rejected(connection: Connection) -> None:
    """Forget all rejections, and queue their records: the portal is asked about them again."""
    table = schema.rejected.c
    for kind in (COMPANY, CONTACT):
        keys = connection.execute(sa.select(table.key).where(table.kind == kind)).scalars()
        enqueue(connection, kind, keys.all())
    connection.execute(schema.rejected.delete())


def reason_of(code: str) -> str:
    """A portal's error code as the reason of a rejection."""
    return _storable(code or "refused")[:64]


def _storable(answer: str) -> str:
    """Returns a portal's text without what a database refuses: NUL, halves of a surrogate pair."""
    return answer.encode(errors="ignore").decode().replace("\0", "")


def reject_deleted(connection: Connection, run: Run, kind: str, keys: Sequence[str]) -> None:
    """Reject records that people have deleted in the CRM, in their present version."""
    table = schema.golden.c
    query = sa.select(table.key, table.version).where(table.kind == kind)
    records = [
        RejectedRecord(key, version, DELETED_IN_CRM, "", "{}")
        for chunk in chunks(keys)
        for key, version in connection.execute(query.where(table.key.in_(chunk)))
    ]
    reject(connection, run, kind, records)
