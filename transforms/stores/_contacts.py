"""The facts of a contact, from whichever store, as a clean and judged row."""

from functools import lru_cache

import msgspec

from transforms.core.records import CONTACT, Contact, Note, Row, encode
from transforms.fields import email, person, phone, text
from transforms.fields.placeholders import is_placeholder
from transforms.stores._rows import Origin

_VALID = ("", "")


class ContactFacts(msgspec.Struct, frozen=True):
    """What a store tells of a contact: any JSON values, except the ids of its companies."""

    last_name: object
    first_name: object
    middle_name: object
    position: object
    company_ids: tuple[str, ...]
    phones: object
    emails: object
    notes: text.Notes


def contact_row(origin: Origin, facts: ContactFacts) -> Row:
    """The contact's row, valid or refused."""
    name, name_notes = person.parse(facts.last_name, facts.first_name, facts.middle_name)
    position, position_notes = text.parse_common(facts.position, "position")
    if position and not _is_position(position):
        position, position_notes = "", (Note("position", "placeholder", position),)
    phones, phone_notes = phone.parse(facts.phones)
    emails, email_notes = email.parse(facts.emails)
    notes = name_notes + position_notes + phone_notes + email_notes + facts.notes
    contact = Contact(
        name.last, name.first, name.middle, position, facts.company_ids, phones, emails, notes
    )
    return origin.row(CONTACT, "", _verdict(origin, name, facts.company_ids), encode(contact))


@lru_cache(maxsize=8192)
def _is_position(position: str) -> bool:
    return any(map(str.isalpha, position)) and not is_placeholder(position)


def _verdict(origin: Origin, name: person.Name, company_ids: tuple[str, ...]) -> tuple[str, str]:
    if origin.deleted:
        return "deleted_in_store", "the store marks the contact as deleted"
    if not any(name):
        return "no_name", "the contact has no name"
    if not company_ids:
        return "no_company", "the contact names no company"
    return _VALID
