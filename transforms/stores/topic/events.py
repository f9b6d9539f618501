"""Messages of store B's topic to raw partners. Source: contracts, ``store_b.md``.

>>> message = Record(7, 0, b"0001000123", b'{"op": "upsert", "partner": {"partner": "0001000123",'
...                  b' "category": "2", "changed_at": "2024-02-11T17:40:12+03:00"}}')
>>> event = read_event("sap.crm.partners", 2, message)
>>> event.partner["partner"], event.order == place(2, 7)
('0001000123', True)
>>> read_event("sap.crm.partners", 0, Record(7, 0, None, b"?")).reason
'not_json'
"""

from typing import Any, NamedTuple, cast

import msgspec

from transforms.core.records import EITHER_KIND, NO_PARTITION, Broken, Row, place
from transforms.core.stores import STORE_B
from transforms.fields import time
from transforms.stores._rows import raw_json
from transforms.stores.clean_b import Handover, partner_number, partner_row, unusable
from transforms.stores.export.json_values import decode
from transforms.stores.topic.messages import Record

_BYTE_ORDER_MARK = "\ufeff"
# The end of the year 9999, in milliseconds since the epoch.
_LAST = 253_402_300_799_999
# Clocks differ by some minutes, in microseconds.
_SKEW = 300_000_000


class Event(NamedTuple):
    """A raw partner, and its ``place`` among versions of equal ``changed_at``.

    ``sent_at`` stands in for the ``changed_at`` of a partner that has none; ``arrived_at`` is what
    the brokers keep, 0 when they do not. Both are microseconds since the epoch.
    """

    partner: dict[str, object]
    order: int
    sent_at: int
    arrived_at: int


class _PoisonError(Exception):
    """The message is no event; its text is the reason."""


def event_row(event: Event) -> Row:
    """The row of an event, dated by its ``changed_at`` unless that is later than its arrival.

    A deletion without a ``changed_at`` to trust has no payload, see ``Row``; neither has one that
    does not say what it deletes.
    """
    partner, order, sent_at, arrived_at = event
    handover = _handover(arrived_at)
    changed_at = time.parse(partner.get("changed_at"))[0]
    dated = changed_at and handover.holds(changed_at)
    if "category" in partner:
        row = partner_row(partner, order=order, handover=handover)
        if row.reason == "deleted_in_store" and not dated:
            return msgspec.structs.replace(row, changed_at=sent_at, tin="", payload=b"")
        return row if changed_at else msgspec.structs.replace(row, changed_at=sent_at)
    number = partner_number(partner["partner"])
    if dated:
        # Its time decides, and its offset among equal times only.
        sent_at, order = changed_at, order | NO_PARTITION
    raw = raw_json(partner)
    return Row(STORE_B.key, EITHER_KIND, number, sent_at, order, "", "", "", b"", raw)


def _handover(arrived_at: int) -> Handover:
    return Handover(arrived_at + _SKEW, arrived_at)


def read_event(topic: str, partition: int, message: Record) -> Event | Broken:
    """The event in a message, or what is wrong with it.

    Reasons are ``not_utf8``, ``not_json``, ``not_an_object``, ``unknown_op``, and those of
    ``unusable``.
    """
    order, arrived_at = place(partition, message.offset), _moment(message)
    try:
        if message.value is None:
            return Event(_gone(message.key or b""), order, arrived_at, arrived_at)
        envelope = _object(message.value)
        sent_at = time.parse(envelope.get("sent_at"))[0]
        if not sent_at or not _handover(arrived_at).holds(sent_at):
            sent_at = arrived_at
        return Event(_partner(envelope), order, sent_at, arrived_at)
    except _PoisonError as poison:
        raw = message.value if message.value is not None else message.key or b""
        return Broken(topic, partition, message.offset, str(poison), raw)


def _moment(message: Record) -> int:
    # A producer may write any number there.
    return 1000 * min(max(message.timestamp, 0), _LAST)


def _gone(key: bytes) -> dict[str, object]:
    """What a null value says: the partner of this key is gone."""
    try:
        number = partner_number(key.decode())
    except UnicodeDecodeError:
        raise _PoisonError("not_utf8") from None
    if not number:
        raise _PoisonError("no_partner_number")
    return {"partner": number, "deleted": True}


def _partner(envelope: dict[str, Any]) -> dict[str, object]:
    op = envelope.get("op") or "upsert"
    op = op.strip().lower() if isinstance(op, str) else ""
    if op not in ("upsert", "delete"):
        raise _PoisonError("unknown_op")
    partner = envelope.get("partner")
    problem = unusable(partner)
    # Of what is gone it may say no more than the number.
    if problem and (op, problem.reason) != ("delete", "bad_category"):
        raise _PoisonError(problem.reason)
    told = cast(dict[str, object], partner)
    if op == "delete":
        told = {**told, "deleted": True}
    if problem:
        told.pop("category", None)
    return told


def _object(value: bytes) -> dict[str, Any]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise _PoisonError("not_utf8") from None
    try:
        envelope = decode(text.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        raise _PoisonError("not_json") from None
    if not isinstance(envelope, dict):
        raise _PoisonError("not_an_object")
    return envelope
