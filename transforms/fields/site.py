"""Web site of a company: one address, as it is typed, host in lower case.

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
    """The site in any JSON value, or "" with what was wrong."""
    written, notes = text.parse(value, "site", _LONGEST)
    if not written:
        return "", notes
    if is_placeholder(written):
        return "", (*notes, Note("site", "placeholder", written))
    if "." not in written or " " in written or "@" in written:
        return "", (*notes, Note("site", "unreadable", text.shown(written)))
    scheme, slashes, rest = written.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{slashes}{host.lower()}{slash}{path}", notes
