"""Person names: last, first and middle name.

Source: contracts, "Person".

>>> parse("ИВАНОВ", "ПЁТР", "сергеевич")[0]
Name(last='Иванов', first='Пётр', middle='Сергеевич')
>>> parse("Пётр Сергеевич Иванов", None, "")[0]        # one field with all three
Name(last='Иванов', first='Пётр', middle='Сергеевич')
>>> parse(None, "Петрова-водкина А.И.", None)[0]
Name(last='Петрова-Водкина', first='А.', middle='И.')
>>> parse("МАМЕДОВ ЭЛЬДАР РАСИМ ОГЛЫ", None, None)[0]
Name(last='Мамедов', first='Эльдар', middle='Расим оглы')
>>> name, notes = parse("г-н Иванов Пётр Сергеевич, зам. директора по продажам", None, None)
>>> name, [note.value for note in notes]
(Name(last='Иванов', first='Пётр', middle='Сергеевич'), ['зам. директора по продажам', 'г-н'])
>>> name, notes = parse("-", "Пётр", "8-921")
>>> name, [(note.problem, note.value) for note in notes]
(Name(last='', first='Пётр', middle=''), [('placeholder', '-'), ('unreadable', '8-921')])
"""

import re
from functools import lru_cache
from typing import NamedTuple

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.given_names import GIVEN_NAMES
from transforms.fields.placeholders import WORDS, is_placeholder, words


class Name(NamedTuple):
    """A name's parts, "" where unknown; an initial is a letter with a dot."""

    last: str = ""
    first: str = ""
    middle: str = ""


# One Russian word, like most parts.
_WORD = re.compile("[А-ЯЁ](?:[а-яё]+|[А-ЯЁ]+)|[а-яё]{2,}").fullmatch
_LONGEST = 200
_CACHED = 100
_MOST_WORDS = 6
SONS = words("оглы оглу кызы гызы улы уулу углы")
_NO_NAMES = frozenset(map(str.capitalize, WORDS | SONS))
_PARTICLES = SONS | words("фон дер де ла ибн")
_PATRONYMIC = re.compile(
    r".{2,}(?:[оеё]вич|[оеё]вна|[иь]нична|[^ао]ична)"
    r"|(?:иль|кузьм|лук|никит|савв|фом)ич|.+[- ](?:оглы|оглу|кызы|гызы|улы|уулу|углы)"
    r"|.{2,}(?:[oey]vi(?:ch|c|č)|[oey]vna|inichna|[^aov]ichna)|il[iy]i?ch"
).fullmatch
# Endings of surnames that hardly any first name has (so without "-ин" and "-ина").
_SURNAME = re.compile(
    r".{2,}(?:[оеё]ва?|[сц]к(?:ий|ая)|[уо]ллина?|енко|[чщ]ук|ых|дзе|швили|заде|зода|янц?)"
    r"|.{2,}(?:[oe]va?|sk(?:y|iy|aya)|enko|[cs]huk|dze|shvili|zade|zoda|yan)"
).fullmatch
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\.?").fullmatch
_ASIDE = re.compile(r"\([^()]*\)")
# Text behind a name follows a comma, or a dash with blanks around it.
_BEHIND = re.compile(r"\s*[,;]\s*|\s+[-–—]\s+")
_POST = re.compile(
    r"(?<![^\W_])(?:г-н|г-жа|господин|госпожа|mrs?\.?|ms\.?"
    r"|(?:(?:генеральн|коммерческ|исполнительн|техническ|финансов|главн|старш|ведущ)\w+\s+"
    r"|зам(?:\.|естител[ья])?\s*|(?:ген|тех|фин|ком|гл)\.?\s*|и\.\s?о\.\s*)*"
    r"(?:(?:директор|менеджер|бухгалтер|инженер|начальник|логист|администратор|главбух)[ауы]?"
    r"|руководител[ьяи]|секретар[ьяи]|снабженец|закупщик|кладовщик|продавец"
    r"|manager|director|accountant)"
    r"(?:\s+(?:по\s+\w+|отдела(?:\s+\w+)?|склада|магазина|цеха))*)(?![^\W_])",
    re.IGNORECASE,
)
_EDGES = " .,;:-–—_*'\"«»„“”()[]"


def parse(last: object, first: object, middle: object) -> tuple[Name, text.Notes]:
    """Returns the name in three JSON values, or in one of them that has all of it."""
    last_name, last_notes = _read(last, "last_name")
    first_name, first_notes = _read(first, "first_name")
    middle_name, middle_notes = _read(middle, "middle_name")
    notes = last_notes + first_notes + middle_notes
    if first_name and last_name and " " not in last_name + first_name:
        return Name(last_name, first_name, middle_name), notes
    return _arrange(_words(last_name), _words(first_name), _words(middle_name)), notes


def _read(value: object, field: str) -> tuple[str, text.Notes]:
    if type(value) is str and len(value) <= _CACHED:
        return _clean(value, field)
    cell, notes = text.parse(value, field, _LONGEST)
    name, name_notes = _clean(cell, field)
    return name, notes + name_notes


@lru_cache(maxsize=65536)
def _clean(value: str, field: str) -> tuple[str, text.Notes]:
    """Returns a field's words in their proper case, and a note for each that is not of a name."""
    if _WORD(value) and (name := value.capitalize()) not in _NO_NAMES:
        return name, ()
    cell = text.clean(value)
    if is_placeholder(cell):
        return "", (Note(field, "placeholder", cell),) if cell else ()
    name, asides = _without_asides(cell)
    problems = dict.fromkeys(asides, "unreadable") | _problems(name)
    parts = [
        part for word in name.split() if word not in problems for part in _split_initials(word)
    ]
    if len(parts) > _MOST_WORDS:
        return "", (Note(field, "unreadable", cell),)
    notes = tuple(Note(field, problem, word) for word, problem in problems.items())
    return _put_in_case(parts), notes


def _without_asides(cell: str) -> tuple[str, list[str]]:
    """Returns the name, and the text that is not of it: in brackets, a post, a form of address.

    >>> _without_asides("Иванов, Пётр - менеджер"), _without_asides("Директор")
    (('Иванов Пётр', ['менеджер']), ('Директор', []))
    """
    if cell.isalpha():  # one word, like most cells
        return cell, []
    asides = _ASIDE.findall(cell)
    pieces = _BEHIND.split(_ASIDE.sub(" ", cell).strip(_EDGES))
    name = pieces[0]
    for piece in filter(None, pieces[1:]):
        if " " in name and not any(map(_is_name_part, piece.split())):
            asides.append(piece)
        else:
            name = f"{name} {piece}"
    bare = _POST.sub(" ", name)
    if any(map(str.isalpha, bare)):
        asides += _POST.findall(name)
        name = bare
    return name, asides


def _is_name_part(word: str) -> bool:
    key = compare_key(word)
    return key in GIVEN_NAMES or len(key) == 1 or bool(_PATRONYMIC(key) or _SURNAME(key))


def _problems(name: str) -> dict[str, str]:
    """Returns the problem of each word that cannot be part of a name."""
    return {word: problem for word in name.split() if (problem := _problem(word))}


def _problem(word: str) -> str:
    if is_placeholder(word):
        return "placeholder"
    # A digit or @ belongs to a phone number or an address that was typed next to the name.
    is_foreign = not any(map(str.isalpha, word)) or any(c.isdigit() or c == "@" for c in word)
    return "unreadable" if is_foreign else ""


def _split_initials(word: str) -> list[str]:
    """Returns ``П.`` and ``С.`` for ``П.С.``; any other word without signs at its ends."""
    word = word.strip(_EDGES)
    if _INITIALS(word):
        return [f"{letter.upper()}." for letter in word if letter != "."]
    return [word]


def _put_in_case(parts: list[str]) -> str:
    # "Оглы" in front is a name, and so is a lone "ДЕ".
    is_lone = len(parts) == 1 or (bool(parts) and parts[0].lower() in SONS)
    cased = [_case(part, is_lone and not index) for index, part in enumerate(parts)]
    return " ".join(cased)


def _case(word: str, alone: bool) -> str:
    """Returns a word that is all in capitals or all in small letters in a name's case.

    >>> [_case(x, False) for x in ("ПЕТРОВА-ВОДКИНА", "МакГрегор", "д'артаньян", "ОГЛЫ", "иВАНОВ")]
    ['Петрова-Водкина', 'МакГрегор', "Д'Артаньян", 'оглы', 'Иванов']
    """
    if word[1:] == ".":
        return word
    if word.istitle() and "-" not in word and word.lower() not in SONS:
        return word
    pieces = word.split("-")
    lone = alone and len(pieces) == 1
    return "-".join(_case_piece(piece, lone) for piece in pieces)


def _case_piece(piece: str, alone: bool) -> str:
    small = piece.lower()
    if not alone and (small in SONS or (small in _PARTICLES and not piece.istitle())):
        return small
    if not (piece.isupper() or piece.islower() or piece.swapcase().istitle()):
        return piece
    if piece[1:2] in ("'", "’"):
        return piece[:2].upper() + piece[2:].capitalize()
    return piece.capitalize()


def _arrange(last: list[str], first: list[str], middle: list[str]) -> Name:
    """Moves words that are in another part's field to where they belong."""
    filled = list(filter(None, (last, first, middle)))
    if len(filled) == 1 and len(filled[0]) > 1:
        return _split(filled[0])
    # "Иванов Пётр Сергеевич" | "Пётр" | "Сергеевич": repeated words count once.
    last, first = _without(last, first + middle), _without(first, last)
    first, middle = _part_first_and_middle(first, middle)
    if not middle and len(last) == 2 and len(first) == 1 and _is_patronymic(last[1]):
        return Name(first[0], *last)
    if not first and len(last) == 2:
        return _split(last)._replace(middle=" ".join(middle))
    return Name(" ".join(last), " ".join(first), " ".join(middle))


def _part_first_and_middle(first: list[str], middle: list[str]) -> tuple[list[str], list[str]]:
    """Separates a first and a middle name that are in one field."""
    if not middle and len(first) > 1 and (first[-1].endswith(".") or _is_patronymic(first[-1])):
        return first[:-1], first[-1:]
    if not first and len(middle) > 1:
        return middle[:1], middle[1:]
    return first, middle


def _words(name: str) -> list[str]:
    """Splits at blanks, but keeps "son" or "daughter" with its patronymic: ``Расим оглы``."""
    words = name.split()
    if len(words) > 1 and words[-1] in SONS:
        words[-2:] = [" ".join(words[-2:])]
    return words


def _without(words: list[str], repeated: list[str]) -> list[str]:
    """Returns the words without the repeated ones, or all of them when none would remain."""
    keys = set(map(compare_key, repeated))
    return [word for word in words if compare_key(word) not in keys] or words


def _is_patronymic(word: str) -> bool:
    return _PATRONYMIC(word.lower()) is not None


def _split(words: list[str]) -> Name:
    """Returns the parts of a name that is in one field.

    >>> _split(["Роман", "Аркадьевич", "Абрамович"])
    Name(last='Абрамович', first='Роман', middle='Аркадьевич')
    >>> [tuple(_split(x.split())) for x in ("П. Иванов", "Пётр Иванов", "Анна Сергеевна")]
    [('Иванов', 'П.', ''), ('Иванов', 'Пётр', ''), ('', 'Анна', 'Сергеевна')]
    >>> _split(["Айдос", "Каримов"])
    Name(last='Каримов', first='Айдос', middle='')
    """
    if len(words) > 2:
        return _split_long(words)
    front, back = words
    if _is_patronymic(back):
        return Name("", front, back)
    if _is_initial(back):
        return Name(front, back)
    if _is_initial(front) or is_swapped(compare_key(front), compare_key(back)):
        return Name(back, front)
    return Name(front, back)


def _split_long(words: list[str]) -> Name:
    begins_with_initials = _is_initial(words[0]) and _is_initial(words[1])
    if _is_patronymic(words[1]) or (begins_with_initials and not _is_initial(words[-1])):
        return Name(" ".join(words[2:]), words[0], words[1])
    return Name(" ".join(words[:-2]), words[-2], words[-1])


def _is_initial(word: str) -> bool:
    return word.endswith(".")


def is_swapped(last: str, first: str) -> bool:
    """Whether the keys of a last and a first name are in each other's field.

    A frequent given name decides, else the ending of a surname.

    >>> is_swapped("петр", "иванов"), is_swapped("айдос", "каримов"), is_swapped("ким", "айдос")
    (True, True, False)
    """
    are_given = last in GIVEN_NAMES, first in GIVEN_NAMES
    if any(are_given):
        return are_given == (True, False)
    return bool(_SURNAME(first)) and not _SURNAME(last)


def compare_key(part: str) -> str:
    """Returns the same key for spellings of one name part; an initial's key is its letter.

    >>> compare_key("Пётр"), compare_key("Петрова-Водкина"), compare_key("П.")
    ('петр', 'петрова водкина', 'п')
    """
    bare = part.lower().replace("ё", "е").replace("-", " ").replace(".", " ")
    return " ".join(bare.replace("'", "").replace("’", "").split())


def agree(name: str, spelling: str) -> bool:
    """Whether two spellings may be of one part: equal, unknown, or an initial of the other.

    >>> agree("Пётр", "Петр"), agree("П.", "Пётр"), agree("", "Пётр"), agree("Павел", "Пётр")
    (True, True, True, False)
    """
    short, long = sorted((compare_key(name), compare_key(spelling)), key=len)
    return long.startswith(short) if len(short) < 2 else short == long
