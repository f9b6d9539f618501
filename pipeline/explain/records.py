"""One golden record as an operator reads it: each field's winner, and where it is in the CRM."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.golden_records import decode_golden_company, decode_golden_contact
from transforms.core.records import COMPANY, Address, BankAccount, Orders
from transforms.ledger import schema


def instant(microseconds: int) -> str:
    """A time of the ledger for people.

    >>> instant(1707662412000000), instant(0)
    ('2024-02-11 14:40:12 UTC', 'at an unknown time')
    """
    if not microseconds:
        return "at an unknown time"
    at = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def golden_lines(connection: Connection, kind: str, key: str) -> Iterator[str]:
    """The record field by field, with the row that won; and its members."""
    golden, members = schema.golden.c, schema.members.c
    query = sa.select(golden.payload, golden.provenance).where(
        golden.kind == kind, golden.key == key
    )
    found = connection.execute(query).first()
    if found is None:
        yield "   no record: none of its rows goes on"
        return
    decode = decode_golden_company if kind == COMPANY else decode_golden_contact
    winners = json.loads(found.provenance)
    for field, value in msgspec.structs.asdict(decode(found.payload)).items():
        if value and value != Address():
            yield _field(field, value, winners)
    parts = sa.select(members.source, members.source_id).where(
        members.kind == kind, members.key == key
    )
    refs = sorted(f"{source}:{source_id}" for source, source_id in connection.execute(parts))
    yield f"   members: {', '.join(refs)}"


def _field(field: str, value: object, winners: dict[str, str]) -> str:
    origin = winners.get(field, "all its rows" if field == "orders" else "")
    return f"   {field}: {_shown(value)}" + (f"   <- {origin}" if origin else "")


def _shown(value: object) -> str:
    if isinstance(value, Address):
        return value.text
    if isinstance(value, BankAccount):
        return f"{value.account} (BIK {value.bik})"
    if isinstance(value, Orders):
        last = f", the last on {value.last_on}" if value.last_on else ""
        return f"{value.count}, {value.total / 100:,.2f} RUB{last}"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return str(value)


class _InCrm(msgspec.Struct, frozen=True):
    """How a record stands in the CRM: versions are empty, ids 0, where there is none."""

    golden: str
    crm_id: int
    version: str
    loaded_at: str
    rejected: str


def _in_crm(connection: Connection, kind: str, key: str) -> _InCrm:
    golden, crosswalk, rejected = schema.golden.c, schema.crosswalk.c, schema.rejected.c
    made = sa.select(golden.version).where(golden.kind == kind, golden.key == key)
    loaded = sa.select(crosswalk.crm_id, crosswalk.version, crosswalk.loaded_at).where(
        crosswalk.kind == kind, crosswalk.key == key
    )
    refused = sa.select(rejected.version).where(rejected.kind == kind, rejected.key == key)
    crm_id, version, loaded_at = connection.execute(loaded).first() or (0, "", "")
    return _InCrm(
        connection.execute(made).scalar() or "",
        crm_id,
        version,
        loaded_at,
        connection.execute(refused).scalar() or "",
    )


def standing(connection: Connection, kind: str, key: str, stopped: str = "") -> str:
    """The answer in one line: is it in the CRM, and if not, why (``stopped`` its rows)."""
    state = _in_crm(connection, kind, key)
    there = f"in the CRM as {kind} {state.crm_id}" if state.crm_id else "not in the CRM"
    if not state.golden:
        return f"{there}; no row stands for it" + (f": {stopped}" if stopped else "")
    if state.version == state.golden:
        return f"{there}, in full"
    why = "the CRM rejects it" if state.rejected == state.golden else "still to be sent"
    return f"{there}, but not in its newest form: {why}" if state.crm_id else f"{there}: {why}"


def crm_lines(connection: Connection, kind: str, key: str) -> Iterator[str]:
    """Ids in the CRM part by part, writes under way, and what the portal said against it."""
    state = _in_crm(connection, kind, key)
    if not state.crm_id:
        yield "   never loaded"
    else:
        full = "in full" if state.version == state.golden and state.golden else "not in full"
        yield f"   {kind} {state.crm_id}, {full}, last written {state.loaded_at}"
    sent, intents, rejected = schema.sent.c, schema.intents.c, schema.rejected.c
    parts = sa.select(sent.part, sent.crm_id).where(sent.kind == kind, sent.key == key)
    for part, crm_id in connection.execute(parts.order_by(sent.part)):
        yield f"   {part}: {crm_id}"
    begun = sa.select(intents.part, intents.sent_at).where(intents.kind == kind, intents.key == key)
    for part, sent_at in connection.execute(begun.order_by(intents.part)):
        yield f"   {part}: sent {instant(sent_at)}, its outcome is not known yet"
    refused = sa.select(rejected.reason, rejected.detail, rejected.seen_at).where(
        rejected.kind == kind, rejected.key == key
    )
    for reason, detail, seen_at in connection.execute(refused):
        yield f"   rejected {seen_at}, {reason}: {detail}"
