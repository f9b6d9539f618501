"""Queueing cards whose portal's fields are not those that were filled last: in file or portal."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.records import COMPANY, CONTACT
from transforms.core.stores import Stores
from transforms.crm.api.custom_fields import first_fields
from transforms.crm.api.portal import Portal
from transforms.crm.api.portal_fields import PortalField
from transforms.crm.card_settings import CardSettings
from transforms.crm.loading.card_values import sources_of
from transforms.ledger.base.card_sources import CardNote, card_note, save_card_note
from transforms.ledger.database import Ledger
from transforms.ledger.loads.load_queue import requeue_all
from transforms.ledger.stores import read_stores


def are_rules_new(ledger: Ledger, settings: CardSettings) -> bool:
    """Whether the file says something else of cards than at the last load."""
    with ledger.read() as connection:
        notes = {kind: card_note(connection, kind) for kind in (COMPANY, CONTACT)}
    rules = {kind: settings.fields_of(kind) for kind in notes}
    return any(
        note.rules != _digest(rules[kind]) if note else bool(rules[kind])
        for kind, note in notes.items()
    )


def queue_changed_cards(ledger: Ledger, portal: Portal) -> None:
    """Queue all cards of a kind whose fields are not those that were filled last, and note these.

    In the ledger of a program that did not note them, cards have the fields that it filled.
    """

    def queue(connection: Connection) -> None:
        stores = read_stores(connection)
        for kind in (COMPANY, CONTACT):
            fields = portal.fields_of(kind)
            note = CardNote(
                _digest(portal.cards.fields_of(kind)),
                _fields_digest(fields, stores, portal.cards.language),
                sources_of(kind, fields),
            )
            previous = card_note(connection, kind)
            if note == previous:
                continue
            earlier_fields = previous.fields if previous else _first_digest(fields, stores, portal)
            if note.fields != earlier_fields:
                requeue_all(connection, kind)
            save_card_note(connection, kind, note)

    ledger.transact(queue)


def _first_digest(fields: Sequence[PortalField], stores: Stores, portal: Portal) -> str:
    return _fields_digest(first_fields(fields), stores, portal.cards.language)


def _fields_digest(fields: Iterable[PortalField], stores: Stores, language: str) -> str:
    """A digest of the fields and of the words that go into them; nothing depends on their order."""
    ordered_fields = sorted(fields, key=lambda field: field.name)
    titles = {store.key: store.title for store in stores} if _name_stores(ordered_fields) else {}
    words = language if any(f.value == "register.status" for f in ordered_fields) else ""
    return _digest([ordered_fields, sorted(titles.items()), words])


def _name_stores(fields: Iterable[PortalField]) -> bool:
    return any(field.value in ("stores", "store_ids") for field in fields)


def _digest(content: object) -> str:
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=8).hexdigest()
