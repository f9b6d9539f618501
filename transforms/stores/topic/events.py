"""Makes events of the messages of store B's topic, and rows of the events.

Source: contracts/stores.

>>> message = TopicMessage(
...     7, 0, b"0001000123", b'{"op": "upsert", "partner": {"partner": "0001000123",'
...     b' "category": "2", "changed_at": "2024-02-11T17:40:12+03:00"}}')
>>> event = read_event("sap.crm.partners", 2, message)
>>> event.partner["partner"], event.order == message_order(2, 7)
('0001000123', True)
>>> read_event("sap.crm.partners", 0, TopicMessage(7, 0, None, b"?")).reason
'not_json'
"""

from typing import Any, NamedTuple, cast

import msgspec

from transforms.configuration.builtin import SECOND_STORE
from transforms.core.records import NO_PARTITION, UNKNOWN_KIND, DeadLetter, Row, message_order
from transforms.fields import moments
from transforms.stores.export.json_values import decode
from transforms.stores.mapping.headers import ClockBound, raw_json
from transforms.stores.topic.messages import TopicMessage
from transforms.stores.two_stores import clean_partner, partner_problem, read_partner_number

_BYTE_ORDER_MARK = "\ufeff"
# The end of the year 9999, in milliseconds since the epoch.
_LATEST_TIMESTAMP = 253_402_300_799_999
# By how many microseconds clocks may differ.
_CLOCK_SKEW = 300_000_000


class Event(NamedTuple):
    """A raw partner, with its ``message_order`` among versions of equal ``changed_at``.

    ``sent_at`` replaces the ``changed_at`` of a partner that has none. ``arrived_at`` is the
    brokers' timestamp, 0 when they keep none. Both are in microseconds since the epoch.
    """

    partner: dict[str, object]
    order: int
    sent_at: int
    arrived_at: int


class _DeadLetterError(Exception):
    """The message is not an event; the exception's text is the dead letter's reason."""


def event_row(event: Event) -> Row:
    """Returns the row of an event, dated by ``changed_at`` unless that is later than its arrival.

    A deletion has no payload when it has no trustworthy ``changed_at``, or does not say whether it
    deletes a company or a contact: see ``Row``.
    """
    partner, order, sent_at, arrived_at = event
    clock_bound = _clock_bound(arrived_at)
    changed_at = moments.parse(partner.get("changed_at"))[0]
    is_dated = changed_at and clock_bound.allows(changed_at)
    if "category" in partner:
        row: Row = clean_partner(partner, order=order, clock_bound=clock_bound)
        if row.reason == "deleted_in_store" and not is_dated:
            return msgspec.structs.replace(row, changed_at=sent_at, tin="", payload=b"")
        return msgspec.structs.replace(row, changed_at=sent_at) if row.undated else row
    number = read_partner_number(partner["partner"])
    if is_dated:
        # The time decides the order, and the offset only among equal times.
        sent_at, order = changed_at, order | NO_PARTITION
    raw = raw_json(partner)
    return Row(SECOND_STORE, UNKNOWN_KIND, number, sent_at, order, "", "", "", b"", raw)


def _clock_bound(arrived_at: int) -> ClockBound:
    return ClockBound(arrived_at + _CLOCK_SKEW, arrived_at)


def read_event(topic: str, partition: int, message: TopicMessage) -> Event | DeadLetter:
    """Returns the event in a message, or a dead letter when there is none.

    The reasons are ``not_utf8``, ``not_json``, ``not_an_object``, ``unknown_op``, and those of
    ``partner_problem``.
    """
    order, arrived_at = message_order(partition, message.offset), _arrival(message)
    try:
        if message.value is None:
            return Event(_deletion(message.key or b""), order, arrived_at, arrived_at)
        envelope = _decode_envelope(message.value)
        sent_at = moments.parse(envelope.get("sent_at"))[0]
        if not sent_at or not _clock_bound(arrived_at).allows(sent_at):
            sent_at = arrived_at
        return Event(_partner(envelope), order, sent_at, arrived_at)
    except _DeadLetterError as error:
        raw = message.value if message.value is not None else message.key or b""
        return DeadLetter(topic, partition, message.offset, str(error), raw)


def _arrival(message: TopicMessage) -> int:
    """When the message arrived, in microseconds; a producer may have set any number."""
    return 1000 * min(max(message.timestamp, 0), _LATEST_TIMESTAMP)


def _deletion(key: bytes) -> dict[str, object]:
    """Returns the partner that a message without a value deletes: the one of its key."""
    try:
        number = read_partner_number(key.decode())
    except UnicodeDecodeError:
        raise _DeadLetterError("not_utf8") from None
    if not number:
        raise _DeadLetterError("no_partner_number")
    return {"partner": number, "deleted": True}


def _partner(envelope: dict[str, Any]) -> dict[str, object]:
    op = envelope.get("op") or "upsert"
    op = op.strip().lower() if isinstance(op, str) else ""
    if op not in ("upsert", "delete"):
        raise _DeadLetterError("unknown_op")
    partner = envelope.get("partner")
    problem = partner_problem(partner)
    # A deletion may have no more than the number.
    if problem and (op, problem.reason) != ("delete", "bad_category"):
        raise _DeadLetterError(problem.reason)
    raw = cast(dict[str, object], partner)
    if op == "delete":
        raw = {**raw, "deleted": True}
    if problem:
        raw.pop("category", None)
    return raw


def _decode_envelope(value: bytes) -> dict[str, Any]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise _DeadLetterError("not_utf8") from None
    try:
        envelope = decode(text.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        raise _DeadLetterError("not_json") from None
    if not isinstance(envelope, dict):
        raise _DeadLetterError("not_an_object")
    return envelope
