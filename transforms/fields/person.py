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
    """A name's parts, "" where not known; an initial is a letter with a dot."""

    last: str = ""
    first: str = ""
    middle: str = ""


# One Russian word, as most parts are.
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
# Endings that surnames have and hardly a first name has ("-ин" and "-ина" are not among them).
_SURNAME = re.compile(
    r".{2,}(?:[оеё]ва?|[сц]к(?:ий|ая)|[уо]ллина?|енко|[чщ]ук|ых|дзе|швили|заде|зода|янц?)"
    r"|.{2,}(?:[oe]va?|sk(?:y|iy|aya)|enko|[cs]huk|dze|shvili|zade|zoda|yan)"
).fullmatch
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\.?").fullmatch
_ASIDE = re.compile(r"\([^()]*\)")
# What people write behind a name: after a comma, or after a dash with blanks around it.
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
    """The name in three JSON values, or in one of them that holds it all."""
    last_name, last_notes = _read(last, "last_name")
    first_name, first_notes = _read(first, "first_name")
    middle_name, middle_notes = _read(middle, "middle_name")
    notes = last_notes + first_notes + middle_notes
    if first_name and last_name and " " not in last_name + first_name:
        return Name(last_name, first_name, middle_name), notes
    return _arrange(_glue(last_name), _glue(first_name), _glue(middle_name)), notes


def _read(value: object, field: str) -> tuple[str, text.Notes]:
    if type(value) is str and len(value) <= _CACHED:
        return _clean(value, field)
    written, notes = text.parse(value, field, _LONGEST)
    cleaned, more = _clean(written, field)
    return cleaned, notes + more


@lru_cache(maxsize=65536)
def _clean(value: str, field: str) -> tuple[str, text.Notes]:
    """One field's words in their proper case; what cannot belong to a name is noted."""
    if _WORD(value) and (name := value.capitalize()) not in _NO_NAMES:
        return name, ()
    written = text.clean(value)
    if is_placeholder(written):
        return "", (Note(field, "placeholder", written),) if written else ()
    told, asides = _without_asides(written)
    words = told.split()
    problems = dict.fromkeys(asides, "unreadable")
    problems.update((word, problem) for word in words if (problem := _problem(word)))
    spaced = [part for word in words if word not in problems for part in _initials(word)]
    if len(spaced) > _MOST_WORDS:
        return "", (Note(field, "unreadable", written),)
    notes = tuple(Note(field, problem, word) for word, problem in problems.items())
    # "Оглы" in front is a name of its own, "ДЕ" alone as well.
    lone = len(spaced) == 1 or (bool(spaced) and spaced[0].lower() in SONS)
    cased = [_case(word, lone and not at) for at, word in enumerate(spaced)]
    return " ".join(cased), notes


def _without_asides(written: str) -> tuple[str, list[str]]:
    """The name without what is not said of it: brackets, somebody's post, a form of address.

    >>> _without_asides("Иванов, Пётр - менеджер"), _without_asides("Директор")
    (('Иванов Пётр', ['менеджер']), ('Директор', []))
    """
    if written.isalpha():  # one word, as most are
        return written, []
    asides = _ASIDE.findall(written)
    pieces = _BEHIND.split(_ASIDE.sub(" ", written).strip(_EDGES))
    name = pieces[0]
    for piece in filter(None, pieces[1:]):
        if " " in name and not any(map(_is_of_a_name, piece.split())):
            asides.append(piece)
        else:
            name = f"{name} {piece}"
    bare = _POST.sub(" ", name)
    if any(map(str.isalpha, bare)):
        asides += _POST.findall(name)
        name = bare
    return name, asides


def _is_of_a_name(word: str) -> bool:
    key = compare_key(word)
    return key in GIVEN_NAMES or len(key) == 1 or bool(_PATRONYMIC(key) or _SURNAME(key))


def _problem(word: str) -> str:
    if is_placeholder(word):
        return "placeholder"
    # A digit or @ belongs to a phone number or an address that was typed beside the name.
    strange = not any(map(str.isalpha, word)) or any(c.isdigit() or c == "@" for c in word)
    return "unreadable" if strange else ""


def _initials(word: str) -> list[str]:
    """``П.С.`` as ``П.`` and ``С.``; any other word without signs at its ends."""
    word = word.strip(_EDGES)
    if _INITIALS(word):
        return [f"{letter.upper()}." for letter in word if letter != "."]
    return [word]


def _case(word: str, alone: bool) -> str:
    """A word all in capitals or all in small letters as a name is written.

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
    """Put words that stand in another part's field where they belong."""
    if bool(last) + bool(first) + bool(middle) == 1:
        words = last or first or middle
        if len(words) > 1:
            return _split(words)
    # "Иванов Пётр Сергеевич" | "Пётр" | "Сергеевич": what is said twice counts once.
    last, first = _without(last, first + middle), _without(first, last)
    if not middle and len(first) > 1 and (first[-1].endswith(".") or _is_patronymic(first[-1])):
        first, middle = first[:-1], first[-1:]
    if not first and len(middle) > 1:
        first, middle = middle[:1], middle[1:]
    if not middle and len(last) == 2 and len(first) == 1 and _is_patronymic(last[1]):
        return Name(first[0], *last)
    if not first and len(last) == 2:
        return _split(last)._replace(middle=" ".join(middle))
    return Name(" ".join(last), " ".join(first), " ".join(middle))


def _glue(written: str) -> list[str]:
    """The words, with "сын" or "дочь" of a patronymic kept together: ``Расим оглы``."""
    words = written.split()
    if len(words) > 1 and words[-1] in SONS:
        words[-2:] = [" ".join(words[-2:])]
    return words


def _without(words: list[str], others: list[str]) -> list[str]:
    told = set(map(compare_key, others))
    return [word for word in words if compare_key(word) not in told] or words


def _is_patronymic(word: str) -> bool:
    return _PATRONYMIC(word.lower()) is not None


def _split(words: list[str]) -> Name:
    """The parts of a name that stands in one field.

    >>> _split(["Роман", "Аркадьевич", "Абрамович"])
    Name(last='Абрамович', first='Роман', middle='Аркадьевич')
    >>> [tuple(_split(x.split())) for x in ("П. Иванов", "Пётр Иванов", "Анна Сергеевна")]
    [('Иванов', 'П.', ''), ('Иванов', 'Пётр', ''), ('', 'Анна', 'Сергеевна')]
    >>> _split(["Айдос", "Каримов"])
    Name(last='Каримов', first='Айдос', middle='')
    """
    front = [word.endswith(".") for word in words]
    if len(words) > 2:
        if _is_patronymic(words[1]) or (front[0] and front[1] and not front[-1]):
            return Name(" ".join(words[2:]), words[0], words[1])
        return Name(" ".join(words[:-2]), words[-2], words[-1])
    one, two = words
    if _is_patronymic(two):
        return Name("", one, two)
    if not front[1] and (front[0] or is_turned(compare_key(one), compare_key(two))):
        return Name(two, one)
    return Name(one, two)


def is_turned(last: str, first: str) -> bool:
    """Whether two keys stand in each other's place: a first name we know, else a surname's ending.

    >>> is_turned("петр", "иванов"), is_turned("айдос", "каримов"), is_turned("ким", "айдос")
    (True, True, False)
    """
    given = last in GIVEN_NAMES, first in GIVEN_NAMES
    if any(given):
        return given == (True, False)
    return bool(_SURNAME(first)) and not _SURNAME(last)


def compare_key(part: str) -> str:
    """What two spellings of one name part share; an initial's key is its letter.

    >>> compare_key("Пётр"), compare_key("Петрова-Водкина"), compare_key("П.")
    ('петр', 'петрова водкина', 'п')
    """
    bare = part.lower().replace("ё", "е").replace("-", " ").replace(".", " ")
    return " ".join(bare.replace("'", "").replace("’", "").split())


def agree(one: str, other: str) -> bool:
    """Whether two spellings of a part may be one: equal, not known, or an initial of the other.

    >>> agree("Пётр", "Петр"), agree("П.", "Пётр"), agree("", "Пётр"), agree("Павел", "Пётр")
    (True, True, True, False)
    """
    short, long = sorted((compare_key(one), compare_key(other)), key=len)
    return long.startswith(short) if len(short) < 2 else short == long
