"""Phone numbers as E.164, with extensions as ``+78121234567;ext=12``.

Source: contracts/fields, "Phone"; ``phonenumbers`` decides what is a number. It needs 20 µs for
each, so the usual Russian forms take a short cut that returns the same (a test holds that).

>>> parse("8 (812) 123-45-67 доб. 12")
(('+78121234567;ext=12',), ())
>>> parse(["+7 921 123-45-67, 8-812-1234567", 79991234567])[0]
('+79211234567', '+78121234567', '+79991234567')

Text that is not a number becomes a note, and nothing is completed or guessed:

>>> phones, notes = parse("тел. 8-921-123-45-67, спросить Машу; 234-56-71 / +7 999 999-99-99")
>>> phones, [(note.problem, note.value) for note in notes[:2]]
(('+79211234567',), [('unreadable', 'спросить Машу'), ('incomplete', '234-56-71')])
>>> notes[2]
Note(field='phone', problem='placeholder', value='+7 999 999-99-99')
"""

import re
from functools import lru_cache

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields._phone_numbers import parse_number, parse_usual
from transforms.fields.placeholders import is_filler_number, is_placeholder

_LONGEST = 2000
_NUMBER = re.compile(r"\+?[ (]?\d[\d\s().\-‐‑‒–—―−]*")
_SEPARATORS = re.compile(r"[,;/|\\]")
_EXTENSION = re.compile(
    r"[\s,.(\[]*(?:доб(?:авочный)?|вн(?:утр(?:енний)?)?|ext(?:ension)?|#|[xх](?=\s?\d))"
    r"[\s.:№#-]{0,4}\(?(\d{1,7})(?!\d)[)\]]?",
    re.IGNORECASE,
)
# A label, one number, an extension: nearly all cells that have more than a number.
_USUAL = re.compile(
    rf"(?:(?:тел|моб)\.:? )?(\+?\d[\d ().\-‑]{{0,30}}\d)(?:{_EXTENSION.pattern})?", re.IGNORECASE
).fullmatch
_EXTENSION_PARAMETER = re.compile(r";\s?ext=", re.IGNORECASE)
# "8", "812", "+7 (812)": the beginning of a number that a comma or a slash has split.
_FRONT = re.compile(r"\W*(?:(?:\+?7|8)\W*(?:\d\W*){0,5}|(?:\d\W*){3,5})")
_LABELS = re.compile(r"(?:(?:тел(?:ефоны?)?|моб(?:ильный)?|сот(?:овый)?|т|tel|phone|mob)\b|\W)*")
_EDGES = " .:()[]-–—_"


def parse(value: object) -> tuple[tuple[str, ...], text.Notes]:
    """Returns all numbers in any JSON value, each once, in order."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if type(single) is str and (phone := _usual_number(single)):
        return (phone,), ()
    cells, leaf_notes = text.leaf_values(value, "phone")
    phones: list[str] = []
    notes = list(leaf_notes)
    for cell in cells:
        if type(cell) is str and len(cell) <= _LONGEST and (phone := _usual_number(cell)):
            phones.append(phone)
            continue
        clean_cell, cell_notes = text.parse(_join_lines(cell), "phone", _LONGEST)
        numbers, rest_notes = _read_cell(clean_cell)
        phones += numbers
        notes += cell_notes + rest_notes
    return tuple(dict.fromkeys(phones)), tuple(notes)


def _usual_number(cell: str) -> str:
    """Returns the number of a cell that has one in a usual form, with a label or without."""
    return _only_number(cell) if cell[:1].isalpha() else parse_usual(cell)


def _only_number(cell: str) -> str:
    """Returns the number, with its extension, of a cell with nothing else but a label."""
    match = _USUAL(cell)
    if not match or not (phone := parse_usual(match[1])):
        return ""
    return f"{phone};ext={match[2]}" if match[2] else phone


def _join_lines(cell: object) -> object:
    return ";".join(cell.splitlines()) if isinstance(cell, str) else cell


@lru_cache(maxsize=8192)
def _read_cell(cell: str) -> tuple[tuple[str, ...], text.Notes]:
    """Returns the numbers of a cell, and notes of its other text; cached, for fillers recur."""
    if phone := _only_number(cell):
        return (phone,), ()
    phones: list[str] = []
    notes: list[Note] = []
    extendable = False
    for piece in _pieces(cell):
        numbers, rest = _read_piece(piece)
        if extendable and (tail := _EXTENSION.fullmatch(piece)):
            phones[-1] += f";ext={tail[1]}"
        elif rest and not (numbers and _LABELS.fullmatch(rest.lower())):
            notes.append(Note("phone", _problem(rest), text.excerpt(rest)))
        phones += numbers
        extendable = bool(numbers) and ";ext=" not in numbers[-1]
    return tuple(phones), tuple(notes)


def _pieces(cell: str) -> list[str]:
    """Splits a cell at its separators, but not inside a number: "8,812,123-45-67" is one.

    >>> _pieces("8/812/1234567, 8-921-123-45-67;ext=5; 765-43-21/22")
    ['8 812 1234567', '8-921-123-45-67 доб 5', '765-43-21', '22']
    """
    if not _SEPARATORS.search(cell):
        return [cell] if cell else []
    split = _SEPARATORS.split(_EXTENSION_PARAMETER.sub(" доб ", cell))
    parts = [part.strip() for part in split if part.strip()]
    pieces = []
    start = 0
    while start < len(parts):
        size = _count_joined(parts[start : start + 5]) if _FRONT.fullmatch(parts[start]) else 1
        pieces.append(" ".join(parts[start : start + size]))
        start += size
    return pieces


def _count_joined(parts: list[str]) -> int:
    """Returns how many parts make up the first number, when the first part only begins it."""
    for size in range(2, len(parts) + 1):
        joined = " ".join(parts[:size])
        match = _NUMBER.match(joined)
        if match and match.end() > len(joined) - len(parts[size - 1]) and parse_number(match[0]):
            return size
    return 1


def _read_piece(piece: str) -> tuple[list[str], str]:
    """Returns the numbers of text without separators, with extensions, and the text around."""
    phones: list[str] = []
    rest: list[str] = []
    start = 0
    while match := _NUMBER.search(piece, start):
        numbers, unread = _resolve(match[0])
        end = match.start() + len(match[0].rstrip(_EDGES))
        tail = _EXTENSION.match(piece, end) if numbers else None
        if tail:
            numbers[-1] += f";ext={tail[1]}"
        rest += [piece[start : match.start()], unread]
        phones += numbers
        start = tail.end() if tail else match.end()
    if not phones:
        return [], piece
    rest.append(piece[start:])
    return phones, " ".join(filter(None, (words.strip(_EDGES) for words in rest)))


def _resolve(candidate: str) -> tuple[list[str], str]:
    """Returns the numbers in digits and punctuation, and the digits that belong to none.

    >>> _resolve("8 921 123-45-67 8 812 765 43 21"), _resolve("12 89211234567")
    ((['+79211234567', '+78127654321'], ''), (['+79211234567'], '12'))
    """
    if whole := parse_number(candidate):
        return [whole], ""
    numbers: list[str] = []
    unread: list[str] = []
    run: list[str] = []
    for word in [*candidate.split(), ""]:
        number = parse_number(word)
        if word and not number:
            run.append(word)
            continue
        run_numbers = _consecutive(run)
        numbers += [*run_numbers, number] if number else run_numbers
        unread += [] if run_numbers else run
        run = []
    return numbers, " ".join(unread)


def _consecutive(words: list[str]) -> list[str]:
    """Returns the numbers that the words make up one after the other, none if a word remains."""
    numbers: list[str] = []
    start = 0
    for end in range(1, len(words) + 1):
        if phone := parse_number(" ".join(words[start:end])):
            numbers.append(phone)
            start = end
    return numbers if start == len(words) else []


def _problem(rest: str) -> str:
    digits = "".join(filter(str.isdigit, rest))
    national = digits[1:] if len(digits) == 11 and digits[0] in "78" else digits
    has_letters = any(map(str.isalpha, rest))
    if is_placeholder(rest) or (not has_letters and is_filler_number(national)):
        return "placeholder"
    return "incomplete" if not has_letters and 5 <= len(digits) <= 7 else "unreadable"
