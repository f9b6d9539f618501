"""Phone numbers as E.164, with extensions as ``+78121234567;ext=12``.

Source: contracts, "Phone"; ``phonenumbers`` decides what is a number. It needs 20 µs for one,
so the usual Russian forms take a short cut that agrees with it (a test holds that).

>>> parse("8 (812) 123-45-67 доб. 12")
(('+78121234567;ext=12',), ())
>>> parse(["+7 921 123-45-67, 8-812-1234567", 79991234567])[0]
('+79211234567', '+78121234567', '+79991234567')

What is no number stays as a note, and nothing is completed or guessed:

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
from transforms.fields._phone_numbers import number, usual
from transforms.fields.placeholders import is_filler_number, is_placeholder

_LONGEST = 2000
_NUMBER = re.compile(r"\+?[ (]?\d[\d\s().\-‐‑‒–—―−]*")
_SEPARATORS = re.compile(r"[,;/|\\]")
_EXTENSION = re.compile(
    r"[\s,.(\[]*(?:доб(?:авочный)?|вн(?:утр(?:енний)?)?|ext(?:ension)?|#|[xх](?=\s?\d))"
    r"[\s.:№#-]{0,4}\(?(\d{1,7})(?!\d)[)\]]?",
    re.IGNORECASE,
)
# A label, one number, an extension: nearly all cells that are more than a number.
_USUAL = re.compile(
    rf"(?:(?:тел|моб)\.:? )?(\+?\d[\d ().\-‑]{{0,30}}\d)(?:{_EXTENSION.pattern})?", re.IGNORECASE
).fullmatch
_WRITTEN_EXTENSION = re.compile(r";\s?ext=", re.IGNORECASE)
# "8", "812", "+7 (812)": the front of a number that a comma or a slash has cut.
_FRONT = re.compile(r"\W*(?:(?:\+?7|8)\W*(?:\d\W*){0,5}|(?:\d\W*){3,5})")
_LABELS = re.compile(r"(?:(?:тел(?:ефоны?)?|моб(?:ильный)?|сот(?:овый)?|т|tel|phone|mob)\b|\W)*")
_EDGES = " .:()[]-–—_"


def parse(value: object) -> tuple[tuple[str, ...], text.Notes]:
    """All numbers in any JSON value, each once, in order."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if type(single) is str and (phone := _usual(single)):
        return (phone,), ()
    cells, many = text.leaves(value, "phone")
    phones: list[str] = []
    notes = list(many)
    for cell in cells:
        if type(cell) is str and len(cell) <= _LONGEST and (phone := _usual(cell)):
            phones.append(phone)
            continue
        written, wrong = text.parse(_one_line(cell), "phone", _LONGEST)
        numbers, left = _read_cell(written)
        phones += numbers
        notes += wrong + left
    return tuple(dict.fromkeys(phones)), tuple(notes)


def _usual(cell: str) -> str:
    """The number of a cell that holds one in a usual form, bare or behind a label."""
    return _alone(cell) if cell[:1].isalpha() else usual(cell)


def _alone(written: str) -> str:
    """The number, with its extension, of text that holds nothing else but a label."""
    match = _USUAL(written)
    if not match or not (phone := usual(match[1])):
        return ""
    return f"{phone};ext={match[2]}" if match[2] else phone


def _one_line(cell: object) -> object:
    return ";".join(cell.splitlines()) if isinstance(cell, str) else cell


@lru_cache(maxsize=8192)
def _read_cell(written: str) -> tuple[tuple[str, ...], text.Notes]:
    """The numbers of one cell, and what else it says; the same fillers come again and again."""
    if phone := _alone(written):
        return (phone,), ()
    phones: list[str] = []
    notes: list[Note] = []
    extendable = False
    for piece in _pieces(written):
        numbers, rest = _read_piece(piece)
        if extendable and (tail := _EXTENSION.fullmatch(piece)):
            phones[-1] += f";ext={tail[1]}"
        elif rest and not (numbers and _LABELS.fullmatch(rest.lower())):
            notes.append(Note("phone", _problem(rest), text.shown(rest)))
        phones += numbers
        extendable = bool(numbers) and ";ext=" not in numbers[-1]
    return tuple(phones), tuple(notes)


def _pieces(written: str) -> list[str]:
    """The cell split at its separators, but not inside a number: "8,812,123-45-67" is one.

    >>> _pieces("8/812/1234567, 8-921-123-45-67;ext=5; 765-43-21/22")
    ['8 812 1234567', '8-921-123-45-67 доб 5', '765-43-21', '22']
    """
    if not _SEPARATORS.search(written):
        return [written] if written else []
    split = _SEPARATORS.split(_WRITTEN_EXTENSION.sub(" доб ", written))
    parts = [part.strip() for part in split if part.strip()]
    pieces = []
    at = 0
    while at < len(parts):
        size = _joined(parts[at : at + 5]) if _FRONT.fullmatch(parts[at]) else 1
        pieces.append(" ".join(parts[at : at + size]))
        at += size
    return pieces


def _joined(parts: list[str]) -> int:
    """How many of the parts make the first number, when the first one is only its front."""
    for size in range(2, len(parts) + 1):
        joined = " ".join(parts[:size])
        match = _NUMBER.match(joined)
        if match and match.end() > len(joined) - len(parts[size - 1]) and number(match[0]):
            return size
    return 1


def _read_piece(piece: str) -> tuple[list[str], str]:
    """The numbers in text without separators, with their extensions, and the text around them."""
    found: list[str] = []
    rest: list[str] = []
    at = 0
    while match := _NUMBER.search(piece, at):
        numbers, left = _resolve(match[0])
        end = match.start() + len(match[0].rstrip(_EDGES))
        tail = _EXTENSION.match(piece, end) if numbers else None
        if tail:
            numbers[-1] += f";ext={tail[1]}"
        rest += [piece[at : match.start()], left]
        found += numbers
        at = tail.end() if tail else match.end()
    if not found:
        return [], piece
    rest.append(piece[at:])
    return found, " ".join(filter(None, (words.strip(_EDGES) for words in rest)))


def _resolve(candidate: str) -> tuple[list[str], str]:
    """The numbers in digits and punctuation, and what is left of them.

    >>> _resolve("8 921 123-45-67 8 812 765 43 21"), _resolve("12 89211234567")
    ((['+79211234567', '+78127654321'], ''), (['+79211234567'], '12'))
    """
    if whole := number(candidate):
        return [whole], ""
    numbers: list[str] = []
    left: list[str] = []
    run: list[str] = []
    for word in [*candidate.split(), ""]:
        alone = number(word)
        if word and not alone:
            run.append(word)
            continue
        together = _consecutive(run)
        numbers += [*together, alone] if alone else together
        left += [] if together else run
        run = []
    return numbers, " ".join(left)


def _consecutive(words: list[str]) -> list[str]:
    """The numbers that the words make up one after the other, none if a word is left over."""
    numbers: list[str] = []
    start = 0
    for end in range(1, len(words) + 1):
        if phone := number(" ".join(words[start:end])):
            numbers.append(phone)
            start = end
    return numbers if start == len(words) else []


def _problem(rest: str) -> str:
    digits = "".join(filter(str.isdigit, rest))
    national = digits[1:] if len(digits) == 11 and digits[0] in "78" else digits
    worded = any(map(str.isalpha, rest))
    if is_placeholder(rest) or (not worded and is_filler_number(national)):
        return "placeholder"
    return "incomplete" if not worded and 5 <= len(digits) <= 7 else "unreadable"
