"""Cleans a contact of any store and decides whether its row is valid."""

from functools import lru_cache

import msgspec

from transforms.core.outcomes import DELETED_IN_STORE
from transforms.core.records import CONTACT, Extra, Note, Row, encode_fields
from transforms.fields import email, person, phone, text
from transforms.fields.placeholders import is_placeholder
from transforms.stores.mapping.headers import RowHeader

_VALID = ("", "")


class RawContact(msgspec.Struct, frozen=True):
    """A contact's fields in a store: any JSON values, but its companies' ids already cleaned."""

    last_name: object
    first_name: object
    middle_name: object
    position: object
    company_ids: tuple[str, ...]
    phones: object
    emails: object
    notes: text.Notes
    extra: Extra = ()


def contact_row(header: RowHeader, raw: RawContact) -> Row:
    """Returns the contact's row, valid or refused."""
    name, name_notes = person.parse(raw.last_name, raw.first_name, raw.middle_name)
    position, position_notes = text.parse_cached(raw.position, "position")
    if position and not _is_position(position):
        position, position_notes = "", (Note("position", "placeholder", position),)
    phones, phone_notes = phone.parse(raw.phones)
    emails, email_notes = email.parse(raw.emails)
    notes = name_notes + position_notes + phone_notes + email_notes + raw.notes
    payload = encode_fields((*name, position, raw.company_ids, phones, emails, notes), raw.extra)
    return header.row(CONTACT, "", _verdict(header, name, raw.company_ids), payload)


@lru_cache(maxsize=8192)
def _is_position(position: str) -> bool:
    return any(map(str.isalpha, position)) and not is_placeholder(position)


def _verdict(header: RowHeader, name: person.Name, company_ids: tuple[str, ...]) -> tuple[str, str]:
    if header.deleted:
        return DELETED_IN_STORE, "the store marks the contact as deleted"
    if not any(name):
        return "no_name", "the contact has no name"
    if not company_ids:
        return "no_company", "the contact names no company"
    return _VALID
