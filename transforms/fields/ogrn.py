"""Registration number: ОГРН (13 digits, organisation) or ОГРНИП (15 digits, sole proprietor).

Source: contracts/fields, "OGRN / OGRNIP". ``stdnum.ru.ogrn`` is not used: it forgets the
last ``% 10``.

>>> parse("1197847066020"), parse("ОГРНИП 320000000000040")
(('1197847066020', ()), ('320000000000040', ()))
>>> parse(1197847066021)
('', (Note(field='ogrn', problem='bad_checksum', value='1197847066021'),))
"""

import re

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.placeholders import is_filler_number, is_placeholder

_FILL = re.compile(r"^\W*(?:ОГРНИП|ОГРН|OGRNIP|OGRN)|[\s\-‐‑‒–—―−.:№_]+", re.IGNORECASE)
_DIVISORS = {13: 11, 15: 13}


def parse(value: object) -> tuple[str, text.Notes]:
    """Returns the first valid number in any JSON value, and a note for each other one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if type(value) is str and not _problem(value):
        return value, ()
    ogrn = ""
    leaves, leaf_notes = text.leaf_values(value, "ogrn")
    notes = list(leaf_notes)
    for leaf in leaves:
        cell, cell_notes = text.parse(leaf, "ogrn")
        notes += cell_notes
        if not cell:
            continue
        compact = _FILL.sub("", cell)
        problem = _problem(compact)
        if not problem and ogrn not in ("", compact):
            problem = "second_value"
        if problem:
            notes.append(Note("ogrn", problem, text.excerpt(cell)))
        else:
            ogrn = compact
    return ogrn, tuple(notes)


def _problem(compact: str) -> str:
    if is_placeholder(compact) or is_filler_number(compact):
        return "placeholder"
    divisor = _DIVISORS.get(len(compact))
    if not divisor or not (compact.isascii() and compact.isdigit()):
        return "unreadable"
    return "" if int(compact[:-1]) % divisor % 10 == int(compact[-1]) else "bad_checksum"
