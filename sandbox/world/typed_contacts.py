"""Phones and e-mail addresses as people typed them, and those of a contact's row."""

from collections.abc import Callable
from random import Random
from typing import Final

from sandbox.world.identities import Identities, TruePerson

Draw = Callable[[], float]

PLACEHOLDERS: Final = (
    "+70000000000",
    "+79999999999",
    "8 (999) 999-99-99",
    "1111111",
    "1234567",
    "0",
    "-",
    "нет",
)
UNREADABLE: Final = (
    "спросить Машу",
    "см. договор",
    "8 921 12-45",
    "+7 (___) ___-__-__",
    "внутр. 204",
    "звонить после 14:00",
    "++7 812",
    "📞",
)
EMAIL_PLACEHOLDERS: Final = ("test@a.example", "no@no.example", "нет@", "1@1.ru", "нет", "-", "@")
ROLES: Final = ("info", "office", "sales", "zakaz", "buh")
_EXTENSIONS = (" доб. {}", " доб{}", " ext {}", " вн. {}", "#{}", " доб.{}")
_SEPARATORS = (", ", ",", "; ", ";", " / ", "/", "\n", "\r\n")
# By area code, three, two and two digits.
_NOTATIONS = (
    "+7{}{}{}{}",
    "+7{}{}{}{}",
    "8{}{}{}{}",
    "8 ({}) {}-{}-{}",
    "+7 ({}) {}-{}-{}",
    "+7 {} {}-{}-{}",
    "8 {} {} {} {}",
    "8-{}-{}-{}-{}",
    "8({}){}{}{}",
    "7{}{}{}{}",
    "7 {} {} {} {}",
    "007{}{}{}{}",
    "+7\xa0({})\xa0{}\u2011{}\u2011{}",
    "8 {}.{}.{}.{}",
    "тел. 8 ({}) {}-{}-{}",
    "моб.: +7 {} {} {} {}",
    "{}{}{}{}",
    " +7 ( {} ) {} - {} - {} ",
)


def write_phone(draw: Draw, number: str) -> str:
    """Formats ten digits in one of the usual notations."""
    notation = _NOTATIONS[int(draw() * len(_NOTATIONS))]
    return notation.format(number[:3], number[3:6], number[6:8], number[8:])


def write_landline(draw: Draw, number: str) -> str:
    """Formats a landline: in full, with an extension, or only its seven local digits."""
    lot = draw()
    if lot < 0.05:
        return f"{number[3:6]}-{number[6:8]}-{number[8:]}"
    if lot < 0.08:
        return f"8-800-{number[3:6]}-{number[6:8]}-{number[8:]}"
    phone = write_phone(draw, number)
    if lot > 0.7:
        extension = _EXTENSIONS[int(draw() * len(_EXTENSIONS))]
        return phone.rstrip() + extension.format(10 + int(draw() * 900))
    return phone


def join_phones(draw: Draw, phones: list[str]) -> str:
    """Joins several numbers to one field."""
    return _SEPARATORS[int(draw() * len(_SEPARATORS))].join(phones)


def junk_phone(draw: Draw) -> str:
    """Draws a placeholder or a text without a readable number."""
    pool = PLACEHOLDERS if draw() < 0.5 else UNREADABLE
    return pool[int(draw() * len(pool))]


def write_email(draw: Draw, mailbox: str, domain: str) -> str:
    """Returns the address, in one row of eight damaged in a repairable way."""
    if draw() > 0.125:
        return f"{mailbox}@{domain}"
    return (
        f"{mailbox} @{domain}",
        f"{mailbox}@ {domain}",
        f"  {mailbox}@{domain}\t",
        f"{mailbox}@{domain.replace('.', ',')}",
        f"{mailbox}@{domain}.",
        f"<{mailbox}@{domain}>",
        f"{mailbox.title()}@{domain.title()}",
        f"{mailbox}+shop@{domain.upper()}",
        f"mailto:{mailbox}@{domain}",
        f"{mailbox}@{domain}\u200b",
    )[int(draw() * 10)]


def role_email(draw: Draw, domain: str) -> str:
    """Draws a shared mailbox: ``info@``, ``buh@`` …"""
    return f"{ROLES[int(draw() * len(ROLES))]}@{domain}"


def junk_email(draw: Draw) -> str:
    """Draws a placeholder or an address beyond repair."""
    lot = int(draw() * (len(EMAIL_PLACEHOLDERS) + 2))
    return (*EMAIL_PLACEHOLDERS, "ivanov.example", "a@@b@c.example")[lot]


def contact_phones(
    rng: Random, identities: Identities, person: TruePerson, evidence: tuple[str, ...]
) -> list[str]:
    """Returns a contact's phones as typed: personal ones, the landline, the reception's, junk."""
    draw = rng.random
    phones = []
    if "mobile" in evidence:
        phones.append(write_phone(draw, person.mobile))
    if "second_mobile" in evidence:
        phones.append(write_phone(draw, person.second_mobile))
    lot = draw()
    if lot < 0.25:
        phones.append(write_landline(draw, identities.landline(person.homes[0])))
    elif lot < 0.28:
        phones.append(write_phone(draw, identities.shared_mobile(person.homes[0])))
    elif lot < 0.34:
        phones.append(junk_phone(draw))
    return phones


def contact_emails(
    rng: Random, identities: Identities, person: TruePerson, evidence: tuple[str, ...]
) -> list[str]:
    """Returns a contact's addresses as typed: the personal one, a shared mailbox, junk."""
    draw = rng.random
    domain = identities.domain(person.homes[0])
    emails = [write_email(draw, person.mailbox, domain)] if "email" in evidence else []
    lot = draw()
    if lot < 0.1:
        emails.append(role_email(draw, domain))
    elif lot < 0.14:
        emails.append(junk_email(draw))
    return emails
