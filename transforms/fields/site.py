"""Web site of a company: one address as it is typed, with the host in lower case.

>>> parse(" WWW.Romashka.example "), parse("https://romashka.example/Shop")
(('www.romashka.example', ()), ('https://romashka.example/Shop', ()))
>>> parse("нет"), parse("есть сайт")[1][0].problem
(('', (Note(field='site', problem='placeholder', value='нет'),)), 'unreadable')
"""

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.placeholders import is_placeholder

_LONGEST = 255


def parse(value: object) -> tuple[str, text.Notes]:
    """Returns the site in any JSON value, or "" and a note of what is wrong."""
    address, notes = text.parse(value, "site", _LONGEST)
    if not address:
        return "", notes
    if is_placeholder(address):
        return "", (*notes, Note("site", "placeholder", address))
    if "." not in address or " " in address or "@" in address:
        return "", (*notes, Note("site", "unreadable", text.excerpt(address)))
    scheme, slashes, rest = address.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{slashes}{host.lower()}{slash}{path}", notes
