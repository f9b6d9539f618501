"""What the CRM is known to hold, what was sent last, and which creates are under way."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import chunks, upsert
from transforms.ledger.runs import utc_now
from transforms.ledger.source_rows import Run, now
from transforms.records import CONTACT

NOT_REACHED = "crm_not_reached"
ITEM = "item"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode

Key = tuple[str, str]
"""``(key, part)``: which part of which record."""


class Pending(msgspec.Struct, frozen=True):
    """A golden record that the CRM does not hold in this version; ``crm_id`` 0 when not at all."""

    key: str
    version: str
    payload: bytes
    crm_id: int


class Sent(msgspec.Struct, frozen=True):
    """What was sent last of one part, and which CRM record it is."""

    crm_id: int
    fields: dict[str, Any]


class Intent(msgspec.Struct, frozen=True):
    """A create under way: when it was sent (microseconds since the epoch), and what."""

    sent_at: int
    fields: dict[str, Any]


class Refusal(msgspec.Struct, frozen=True):
    """A record that the portal refuses: its reason, and exactly what was sent."""

    key: str
    version: str
    reason: str
    detail: str
    record: str


def _open() -> sa.ColumnElement[bool]:
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


def pending(connection: Connection, kind: str, after: str, limit: int) -> list[Pending]:
    """Up to ``limit`` records to be loaded, by key, from behind the key ``after``."""
    golden, crosswalk = schema.golden.c, schema.crosswalk.c
    query = (
        _with_state(
            golden.key, golden.version, golden.payload, sa.func.coalesce(crosswalk.crm_id, 0)
        )
        .where(golden.kind == kind, golden.key > after, _open())
        .order_by(golden.key)
        .limit(limit)
    )
    return [Pending(*values) for values in connection.execute(query)]


def count_pending(connection: Connection, kind: str) -> int:
    """How many records are to be loaded."""
    query = _with_state(sa.func.count()).where(schema.golden.c.kind == kind, _open())
    return int(connection.execute(query).scalar_one())


def crm_ids(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, int]:
    """The CRM ids of those records that are there."""
    table = schema.crosswalk.c
    query = sa.select(table.key, table.crm_id).where(table.kind == kind)
    return {
        key: crm_id
        for chunk in chunks(keys)
        for key, crm_id in connection.execute(query.where(table.key.in_(chunk)))
    }


def rejected_keys(connection: Connection, kind: str, keys: Sequence[str]) -> set[str]:
    """Those of the records that the portal refuses."""
    table = schema.rejected.c
    query = sa.select(table.key).where(table.kind == kind)
    return {
        key
        for chunk in chunks(keys)
        for key in connection.execute(query.where(table.key.in_(chunk))).scalars()
    }


def sent_parts(
    connection: Connection, kind: str, keys: Sequence[str]
) -> dict[str, dict[str, Sent]]:
    """What was sent last of each record, part by part."""
    table = schema.sent.c
    query = sa.select(table.key, table.part, table.crm_id, table.payload).where(table.kind == kind)
    found: dict[str, dict[str, Sent]] = defaultdict(dict)
    for chunk in chunks(keys):
        for key, part, crm_id, payload in connection.execute(query.where(table.key.in_(chunk))):
            found[key][part] = Sent(crm_id, _decode(payload))
    return found


def save_sent(connection: Connection, kind: str, parts: Mapping[Key, Sent]) -> None:
    """Remember what the CRM now holds of these parts; they are no longer under way."""
    upsert(
        connection,
        schema.sent,
        [
            {
                "kind": kind,
                "key": key,
                "part": part,
                "crm_id": sent.crm_id,
                "payload": _encode(sent.fields),
            }
            for (key, part), sent in parts.items()
        ],
    )
    clear_intents(connection, kind, parts)


def enter_items(connection: Connection, run: Run, kind: str, created: Mapping[str, int]) -> None:
    """Items that are in the CRM now; their parts are still to be sent, so no version yet."""
    _cross(connection, run, kind, {key: (crm_id, "") for key, crm_id in created.items()})


def complete(
    connection: Connection, run: Run, kind: str, done: Mapping[str, tuple[int, str]]
) -> None:
    """Records that the CRM holds in full: key to its id there and the version."""
    _cross(connection, run, kind, done)
    accept(connection, kind, list(done))


def _cross(
    connection: Connection, run: Run, kind: str, values: Mapping[str, tuple[int, str]]
) -> None:
    at = utc_now()
    upsert(
        connection,
        schema.crosswalk,
        [
            {
                "kind": kind,
                "key": key,
                "crm_id": crm_id,
                "version": version,
                "loaded_at": at,
                "created_run": run.run_seq,
                "updated_run": run.run_seq,
            }
            for key, (crm_id, version) in values.items()
        ],
        keep="created_run",
    )


def found_items(connection: Connection, run: Run, kind: str, found: Mapping[str, int]) -> None:
    """Items of ours that the CRM already held: not created by this run."""
    _cross(connection, run, kind, {key: (crm_id, "") for key, crm_id in found.items()})
    table = schema.crosswalk.c
    for chunk in chunks(list(found)):
        connection.execute(
            schema.crosswalk.update()
            .where(table.kind == kind, table.key.in_(chunk))
            .values(created_run=0)
        )


def relink_contacts(connection: Connection, tins: Sequence[str]) -> None:
    """Contacts that were loaded before these companies were: their links are to be sent."""
    crosswalk, own = schema.crosswalk.c, schema.golden_tins.c
    for chunk in chunks(tins):
        keys = sa.select(own.key).where(own.tin.in_(chunk))
        connection.execute(
            schema.crosswalk.update()
            .where(crosswalk.kind == CONTACT, crosswalk.key.in_(keys))
            .values(version="")
        )


def intents(connection: Connection, kind: str, keys: Sequence[str]) -> dict[Key, Intent]:
    """Creates whose outcome is not known."""
    table = schema.intents.c
    query = sa.select(table.key, table.part, table.sent_at, table.payload).where(table.kind == kind)
    return {
        (key, part): Intent(sent_at, _decode(payload))
        for chunk in chunks(keys)
        for key, part, sent_at, payload in connection.execute(query.where(table.key.in_(chunk)))
    }


def save_intents(connection: Connection, kind: str, parts: Mapping[Key, Mapping[str, Any]]) -> None:
    """These creates are about to be sent."""
    at = now()
    upsert(
        connection,
        schema.intents,
        [
            {"kind": kind, "key": key, "part": part, "sent_at": at, "payload": _encode(fields)}
            for (key, part), fields in parts.items()
        ],
    )


def clear_intents(connection: Connection, kind: str, parts: Iterable[Key]) -> None:
    """The outcome of these creates is known."""
    by_part: dict[str, list[str]] = defaultdict(list)
    for key, part in parts:
        by_part[part].append(key)
    table = schema.intents.c
    for part, keys in by_part.items():
        for chunk in chunks(keys):
            connection.execute(
                schema.intents.delete().where(
                    table.kind == kind, table.part == part, table.key.in_(chunk)
                )
            )


def reject(connection: Connection, run: Run, kind: str, refusals: Sequence[Refusal]) -> None:
    """The portal refuses these records: not sent again until they change or are replayed."""
    upsert(
        connection,
        schema.rejected,
        [
            {
                "kind": kind,
                "key": refusal.key,
                "reason": refusal.reason[:64],
                "detail": refusal.detail,
                "record": refusal.record,
                "run_id": run.run_id,
                "seen_at": utc_now(),
                "version": refusal.version,
            }
            for refusal in refusals
        ],
    )


def accept(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """The portal refuses these records no longer."""
    table = schema.rejected.c
    for chunk in chunks(keys):
        connection.execute(schema.rejected.delete().where(table.kind == kind, table.key.in_(chunk)))


def defer_unloaded(connection: Connection, run: Run) -> None:
    """Rows of records that did not reach the CRM are deferred, all others are no longer."""
    deferred, golden, members = schema.deferred, schema.golden.c, schema.members.c
    since = {
        (kind, source, source_id): at
        for kind, source, source_id, at in connection.execute(
            sa.select(
                deferred.c.kind, deferred.c.source, deferred.c.source_id, deferred.c.since
            ).where(deferred.c.reason == NOT_REACHED)
        )
    }
    connection.execute(deferred.delete().where(deferred.c.reason == NOT_REACHED))
    query = (
        _with_state(members.kind, members.source, members.source_id, members.key)
        .join(schema.members, sa.and_(members.kind == golden.kind, members.key == golden.key))
        .where(_open())
    )
    rows = [
        {
            "kind": kind,
            "source": source,
            "source_id": source_id,
            "tin": "" if kind == CONTACT else key,
            "reason": NOT_REACHED,
            "since": since.get((kind, source, source_id), run.started_at),
        }
        for kind, source, source_id, key in connection.execute(query)
    ]
    for part in chunks(rows, 5000):
        upsert(connection, deferred, part)


def count_loads(connection: Connection, run: Run, kind: str) -> dict[str, int]:
    """How this run ended for each golden record: created, updated, unchanged, rejected, …"""
    golden, crosswalk, rejected = schema.golden.c, schema.crosswalk.c, schema.rejected.c
    outcome = sa.case(
        (rejected.version == golden.version, "rejected"),
        (crosswalk.version.is_(None), "not_reached"),
        (crosswalk.version != golden.version, "not_reached"),
        (crosswalk.created_run == run.run_seq, "created"),
        (crosswalk.updated_run == run.run_seq, "updated"),
        else_="unchanged",
    )
    query = (
        _with_state(outcome.label("outcome"), sa.func.count())
        .where(golden.kind == kind)
        .group_by(sa.text("outcome"))
    )
    names = ("created", "updated", "unchanged", "rejected", "not_reached")
    return dict.fromkeys(names, 0) | {name: count for name, count in connection.execute(query)}
