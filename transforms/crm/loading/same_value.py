"""Phones, e-mails and sites that people typed into the CRM: the same value in another writing?"""

from collections.abc import Iterable, Mapping
from typing import Any

from transforms.fields import email, phone, site


def is_present(kind: str, value: str, present: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the values of ``fm`` says what ``value`` says.

    >>> is_present("PHONE", "+78121234567", [{"typeId": "PHONE", "value": "8 (812) 123-45-67"}])
    True
    """
    texts = [str(entry.get("value")) for entry in present if str(entry.get("typeId")) == kind]
    if value in texts:  # the usual case, in which nothing has to be parsed
        return True
    value_readings = readings(kind, value)
    return any(not value_readings.isdisjoint(readings(kind, text)) for text in texts)


def readings(kind: str, value: str) -> frozenset[str]:
    """All that a value of this ``typeId`` says, however it is written; if unreadable, itself.

    >>> sorted(readings("PHONE", "8 (812) 123-45-67, 8-921-123-45-67"))
    ['+78121234567', '+79211234567']
    >>> readings("EMAIL", "Info@Romashka.Example") == readings("EMAIL", "info@romashka.example")
    True
    >>> readings("WEB", "https://www.romashka.example/") == readings("WEB", "romashka.example")
    True
    >>> readings("PHONE", "спросить Петра")
    frozenset({'спросить Петра'})
    """
    if kind == "WEB":
        address = site.parse(value)[0].rpartition("://")[2]
        parsed: Iterable[str] = (address.removeprefix("www.").rstrip("/"),)
    else:
        parsed = (phone if kind == "PHONE" else email).parse(value)[0]
    return frozenset(filter(None, parsed)) or frozenset({value})
