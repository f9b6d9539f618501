"""The parts of each record that were sent to the CRM last, and the writes that are under way."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import now
from transforms.ledger import schema
from transforms.ledger.statements import upsert

ITEM = "item"
UPDATE = "update"
"""The part under which an item's update is under way."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode

Key = tuple[str, str]
"""``(key, part)``: a record, and one of its parts."""


class Sent(msgspec.Struct, frozen=True):
    """The fields that were sent last of one part, and its id in the CRM."""

    crm_id: int
    fields: dict[str, Any]


class Intent(msgspec.Struct, frozen=True):
    """A write under way: the moment of sending (microseconds since the epoch), and its fields."""

    sent_at: int
    fields: dict[str, Any]


def sent_parts(
    connection: Connection, kind: str, keys: Sequence[str]
) -> dict[str, dict[str, Sent]]:
    """The fields sent last of each record, by part."""
    table = schema.sent.c
    query = sa.select(table.key, table.part, table.crm_id, table.payload).where(table.kind == kind)
    parts: dict[str, dict[str, Sent]] = defaultdict(dict)
    for chunk in chunks(keys):
        for key, part, crm_id, payload in connection.execute(query.where(table.key.in_(chunk))):
            parts[key][part] = Sent(crm_id, _decode(payload))
    return parts


def save_sent(connection: Connection, kind: str, parts: Mapping[Key, Sent]) -> None:
    """Remember the fields of these parts that the CRM now holds; their writes are not under way."""
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


def intents(connection: Connection, kind: str, keys: Sequence[str]) -> dict[Key, Intent]:
    """The writes of these records whose outcome is not known."""
    table = schema.intents.c
    query = sa.select(table.key, table.part, table.sent_at, table.payload).where(table.kind == kind)
    return {
        (key, part): Intent(sent_at, _decode(payload))
        for chunk in chunks(keys)
        for key, part, sent_at, payload in connection.execute(query.where(table.key.in_(chunk)))
    }


def save_intents(connection: Connection, kind: str, parts: Mapping[Key, Mapping[str, Any]]) -> None:
    """Note writes that are about to be sent."""
    moment = now()
    upsert(
        connection,
        schema.intents,
        [
            {"kind": kind, "key": key, "part": part, "sent_at": moment, "payload": _encode(fields)}
            for (key, part), fields in parts.items()
        ],
    )


def clear_intents(connection: Connection, kind: str, parts: Iterable[Key]) -> None:
    """Forget writes whose outcome is known."""
    keys_by_part: dict[str, list[str]] = defaultdict(list)
    for key, part in parts:
        keys_by_part[part].append(key)
    table = schema.intents.c
    for part, keys in keys_by_part.items():
        for chunk in chunks(keys):
            connection.execute(
                schema.intents.delete().where(
                    table.kind == kind, table.part == part, table.key.in_(chunk)
                )
            )
