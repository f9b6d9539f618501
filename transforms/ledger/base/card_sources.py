"""What the cards of the CRM show beside their golden records: noted, so that its changes are sent.

A golden record that has changed is queued for the loader. A card may also show what the register
says of a company, or which rows of the stores make up a record: those are no part of the golden
record, so the loader notes that cards show them, and whoever changes them queues the cards.
"""

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.ledger import schema
from transforms.ledger.statements import upsert

REGISTER_FACTS = "register"
SOURCE_ROWS = "rows"


class CardNote(NamedTuple):
    """How cards of a kind were filled last.

    ``rules`` is the digest of what the configuration says of them, ``fields`` that of the portal's
    fields which were found; ``sources`` are the facts that they show.
    """

    rules: str
    fields: str
    sources: frozenset[str]


def card_note(connection: Connection, kind: str) -> CardNote | None:
    """How cards of a kind were filled last; None in a ledger of a program that did not note it."""
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == _key(kind))
    text = connection.execute(query).scalar()
    if text is None:
        return None
    rules, fields, sources = str(text).split(" ", 2)
    return CardNote(rules, fields, frozenset(sources.split()))


def shown_sources(connection: Connection, kind: str) -> frozenset[str]:
    """The facts that cards of a kind show."""
    note = card_note(connection, kind)
    return note.sources if note else frozenset()


def save_card_note(connection: Connection, kind: str, note: CardNote) -> None:
    """Note how cards of a kind are filled from now on."""
    text = f"{note.rules} {note.fields} {' '.join(sorted(note.sources))}"
    upsert(connection, schema.meta, [{"key": _key(kind), "value": text}])


def _key(kind: str) -> str:
    return f"cards of {kind}"


def queue_cards(connection: Connection, kind: str, keys: Iterable[str]) -> None:
    """Let the loader look at those of the records that are in the CRM, though none has changed."""
    table = schema.crosswalk
    for chunk in chunks(sorted(keys)):
        query = table.select().where(table.c.kind == kind, table.c.key.in_(chunk))
        entries = [{**entry, "version": ""} for entry in connection.execute(query).mappings()]
        upsert(connection, table, entries)
        upsert(connection, schema.unloaded, [{"kind": kind, "key": e["key"]} for e in entries])
