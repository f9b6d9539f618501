"""Cleans the words of one field of a person's name: their case, and the text that is not a name."""

import re
from functools import lru_cache

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.given_names import GIVEN_NAMES
from transforms.fields.placeholders import WORDS, is_placeholder, words

# One Russian word, like most parts.
_WORD = re.compile("[А-ЯЁ](?:[а-яё]+|[А-ЯЁ]+)|[а-яё]{2,}").fullmatch
_MOST_WORDS = 6
SONS = words("оглы оглу кызы гызы улы уулу углы")
_NO_NAMES = frozenset(map(str.capitalize, WORDS | SONS))
_PARTICLES = SONS | words("фон дер де ла ибн")
match_patronymic = re.compile(
    r".{2,}(?:[оеё]вич|[оеё]вна|[иь]нична|[^ао]ична)"
    r"|(?:иль|кузьм|лук|никит|савв|фом)ич|.+[- ](?:оглы|оглу|кызы|гызы|улы|уулу|углы)"
    r"|.{2,}(?:[oey]vi(?:ch|c|č)|[oey]vna|inichna|[^aov]ichna)|il[iy]i?ch"
).fullmatch
# Endings of surnames that hardly any first name has (so without "-ин" and "-ина").
match_surname = re.compile(
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


@lru_cache(maxsize=65536)
def clean_words(value: str, field: str) -> tuple[str, text.Notes]:
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
    return key in GIVEN_NAMES or len(key) == 1 or bool(match_patronymic(key) or match_surname(key))


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


def compare_key(part: str) -> str:
    """Returns the same key for spellings of one name part; an initial's key is its letter.

    >>> compare_key("Пётр"), compare_key("Петрова-Водкина"), compare_key("П.")
    ('петр', 'петрова водкина', 'п')
    """
    bare = part.lower().replace("ё", "е").replace("-", " ").replace(".", " ")
    return " ".join(bare.replace("'", "").replace("’", "").split())
