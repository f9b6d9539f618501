"""One golden record as an operator reads it: each field's winner, and its place in the CRM."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.identity import row_ref
from transforms.core.records import Address, BankAccount, Orders
from transforms.crm.api.custom_fields import value_names
from transforms.crm.api.portal_fields import fold_name
from transforms.crm.card_settings import NO_SETTINGS, CardSettings
from transforms.ledger.base.goldens import members_of
from transforms.ledger.inspection import find_golden, find_item, find_rejection
from transforms.ledger.loads.card_facts import unfit_values_of
from transforms.ledger.loads.sent import ITEM, intents, sent_parts


def instant(microseconds: int) -> str:
    """A time of the ledger for people.

    >>> instant(1707662412000000), instant(0)
    ('2024-02-11 14:40:12 UTC', 'at an unknown time')
    """
    if not microseconds:
        return "at an unknown time"
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def golden_lines(connection: Connection, kind: str, key: str) -> Iterator[str]:
    """The record field by field, each with the row that won, and the record's members."""
    golden = find_golden(connection, kind, key)
    if golden is None:
        yield "   no record: none of its rows is good"
        return
    for field, value in msgspec.structs.asdict(golden.record).items():
        if field == "extra":
            for name, text in value:
                yield _field_line(f"extra.{name}", text, golden.provenance)
        elif value and value != Address():
            yield _field_line(field, value, golden.provenance)
    members = members_of(connection, kind, [key])[key]
    yield f"   members: {', '.join(sorted(map(row_ref, members)))}"


def _field_line(field: str, value: object, provenance: dict[str, str]) -> str:
    origin = provenance.get(field, "all its rows" if field == "orders" else "")
    return f"   {field}: {_value_text(value)}" + (f"   <- {origin}" if origin else "")


def _value_text(value: object) -> str:
    if isinstance(value, Address):
        return value.text
    if isinstance(value, BankAccount):
        return f"{value.account} (BIK {value.bik})"
    if isinstance(value, Orders):
        last = f", the last on {value.last_on}" if value.last_on else ""
        return f"{value.count}, {value.total / 100:,.2f} RUB{last}"
    if isinstance(value, tuple):
        return ", ".join(map(_value_text, value))
    return str(value)


def standing(connection: Connection, kind: str, key: str, obstacle: str = "") -> str:
    """Whether the record is in the CRM, in one line; ``obstacle``: why its rows do not count."""
    golden, item = find_golden(connection, kind, key), find_item(connection, kind, key)
    place = f"in the CRM as {kind} {item.crm_id}" if item else "not in the CRM"
    if golden is None:
        return f"{place}; no row stands for it" + (f": {obstacle}" if obstacle else "")
    if item and item.version == golden.version:
        return f"{place}, in full"
    rejection = find_rejection(connection, kind, key)
    is_rejected = rejection is not None and rejection.version == golden.version
    reason = "the CRM rejects it" if is_rejected else "still to be sent"
    return f"{place}, but not in its newest form: {reason}" if item else f"{place}: {reason}"


def crm_lines(
    connection: Connection, kind: str, key: str, cards: CardSettings = NO_SETTINGS
) -> Iterator[str]:
    """Ids in the CRM part by part, the portal's own fields, writes under way, the rejection."""
    golden, item = find_golden(connection, kind, key), find_item(connection, kind, key)
    if item is None:
        yield "   never loaded"
    else:
        is_full = golden is not None and item.version == golden.version
        yield (
            f"   {kind} {item.crm_id}, {'in full' if is_full else 'not in full'},"
            f" last written {item.loaded_at}"
        )
    for part, sent in sorted(sent_parts(connection, kind, [key]).get(key, {}).items()):
        yield f"   {part}: {sent.crm_id}"
    for (_, part), intent in sorted(intents(connection, kind, [key]).items()):
        yield f"   {part}: sent {instant(intent.sent_at)}, its outcome is not known yet"
    yield from _card_lines(connection, kind, key, cards)
    if rejection := find_rejection(connection, kind, key):
        yield f"   rejected {rejection.seen_at}, {rejection.reason}: {rejection.detail}"


def _card_lines(connection: Connection, kind: str, key: str, cards: CardSettings) -> Iterator[str]:
    """The portal's own fields of the card: what was sent, from where, and what does not fit."""
    value_by_field = value_names(cards.fields_of(kind))
    item = sent_parts(connection, kind, [key]).get(key, {}).get(ITEM)
    for name, content in sorted(item.fields.items() if item else ()):
        if value := value_by_field.get(fold_name(name)):
            text = ", ".join(map(str, content)) if isinstance(content, list) else content
            yield f"   {name}: {text}   <- {value}"
    for unfit in unfit_values_of(connection, kind, [key]):
        origin = value_by_field.get(fold_name(unfit.field), "the file of that day")
        yield f"   {unfit.field}: left alone, {unfit.problem}: {unfit.value}   <- {origin}"
