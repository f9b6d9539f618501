"""Reason code of registration (КПП): one for each place where an organisation pays taxes.

Source: contracts/fields, "KPP". A field may contain several; a sole proprietor has none.

>>> parse("780501001, 7842-01-001")
(('780501001', '784201001'), ())
>>> parse(50101001)      # a number has lost its zero
(('050101001',), (Note(field='kpp', problem='leading_zero', value='50101001'),))
>>> parse("78050100")    # text has not: that is a digit too few
((), (Note(field='kpp', problem='unreadable', value='78050100'),))
>>> parse("000000000")
((), (Note(field='kpp', problem='placeholder', value='000000000'),))
"""

import re

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.placeholders import is_filler_number, is_placeholder

_FORM = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}").fullmatch
_PARTS = re.compile(r"[/\\|,;]")
_FILL = re.compile(r"^\W*(?:КПП|KPP)|[\s\-‐‑‒–—―−.:№_]+", re.IGNORECASE)


def parse(value: object) -> tuple[tuple[str, ...], text.Notes]:
    """Returns the KPPs in any JSON value, each once, in order."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if type(value) is str and _FORM(value) and not is_filler_number(value):
        return (value,), ()
    kpps: dict[str, None] = {}
    leaves, leaf_notes = text.leaf_values(value, "kpp")
    notes = list(leaf_notes)
    for leaf in leaves:
        cell, cell_notes = text.parse(leaf, "kpp")
        notes += cell_notes
        for part in _split(cell):
            kpp, problem = _read(part, isinstance(leaf, str))
            if kpp:
                kpps[kpp] = None
            if problem:
                notes.append(Note("kpp", problem, text.excerpt(part)))
    return tuple(kpps), tuple(notes)


def _split(cell: str) -> list[str]:
    words = cell.split()
    # Blanks separate several numbers, or stand inside one number ("7805 01 001").
    if words and all(map(_FORM, words)):
        return words
    return [part for part in _PARTS.split(cell) if part.strip()]


def _read(part: str, is_text: bool) -> tuple[str, str]:
    """Returns the KPP in one part, and the problem that was found or repaired."""
    compact = _FILL.sub("", part).upper()
    if not is_text and len(compact) == 8:
        compact, problem = "0" + compact, "leading_zero"
    else:
        problem = ""
    if is_filler_number(compact) or is_placeholder(part):
        return "", "placeholder"
    return (compact, problem) if _FORM(compact) else ("", "unreadable")
