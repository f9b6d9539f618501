"""The phones and e-mails of a contact's row, and when a row was made and changed."""

from random import Random

from sandbox.world import phones as phones
from sandbox.world.identities import Identities, TruePerson

# 2019-01-01 to 2024-11-22, UTC: Moscow is three hours ahead all that time.
_EARLIEST = 1_546_300_800
_SPAN = 186_000_000
YEAR = 31_536_000


def contact_phones(
    rng: Random, identities: Identities, person: TruePerson, evidence: tuple[str, ...]
) -> list[str]:
    """The numbers as typed: the person's own, the company's landline, the reception's, junk."""
    draw = rng.random
    written = []
    if "mobile" in evidence:
        written.append(phones.write_phone(draw, person.mobile))
    if "second_mobile" in evidence:
        written.append(phones.write_phone(draw, person.second_mobile))
    lot = draw()
    if lot < 0.25:
        written.append(phones.write_landline(draw, identities.landline(person.homes[0])))
    elif lot < 0.28:
        written.append(phones.write_phone(draw, identities.shared_mobile(person.homes[0])))
    elif lot < 0.34:
        written.append(phones.junk_phone(draw))
    return written


def contact_emails(
    rng: Random, identities: Identities, person: TruePerson, evidence: tuple[str, ...]
) -> list[str]:
    """The addresses as typed: the person's own, a role box of the company, junk."""
    draw = rng.random
    domain = identities.domain(person.homes[0])
    written = [phones.write_email(draw, person.mailbox, domain)] if "email" in evidence else []
    lot = draw()
    if lot < 0.1:
        written.append(phones.role_email(draw, domain))
    elif lot < 0.14:
        written.append(phones.junk_email(draw))
    return written


def created_and_changed(rng: Random) -> tuple[int, int]:
    """Two moments in seconds of the epoch, UTC, the first not after the second."""
    created = _EARLIEST + int(rng.random() * _SPAN)
    return created, created + int(rng.random() ** 2 * (_EARLIEST + _SPAN - created))
