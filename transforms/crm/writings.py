"""Phones, e-mails and sites that people have typed into the CRM: the same in another writing?"""

from transforms.fields import email, phone, site


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
