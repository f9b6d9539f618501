"""Phones, e-mails and sites that people have typed into the CRM: the same in another writing?"""

from collections.abc import Iterable, Mapping
from typing import Any

from transforms.fields import email, phone, site


def is_there(kind: str, value: str, held: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the values of ``fm`` says what ``value`` says.

    >>> is_there("PHONE", "+78121234567", [{"typeId": "PHONE", "value": "8 (812) 123-45-67"}])
    True
    """
    written = [str(one.get("value")) for one in held if str(one.get("typeId")) == kind]
    if value in written:  # the usual case, in which nothing has to be parsed
        return True
    said = readings(kind, value)
    return any(not said.isdisjoint(readings(kind, one)) for one in written)


def readings(kind: str, value: str) -> frozenset[str]:
    """All that a value of this ``typeId`` says, however it is written; what is unreadable, itself.

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
        written = site.parse(value)[0].rpartition("://")[2]
        found = (written.removeprefix("www.").rstrip("/"),)
    else:
        found = (phone if kind == "PHONE" else email).parse(value)[0]
    return frozenset(filter(None, found)) or frozenset({value})
