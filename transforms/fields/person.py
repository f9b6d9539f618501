"""Person names: last, first and middle name.

Source: contracts/fields, "Person".

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

from typing import NamedTuple

from transforms.fields import text
from transforms.fields._name_words import (
    SONS,
    clean_words,
    compare_key,
    match_patronymic,
    match_surname,
)
from transforms.fields.given_names import GIVEN_NAMES

__all__ = ["SONS", "Name", "agree", "compare_key", "is_swapped", "parse"]

_LONGEST = 200
_CACHED = 100


class Name(NamedTuple):
    """A name's parts, "" where unknown; an initial is a letter with a dot."""

    last: str = ""
    first: str = ""
    middle: str = ""


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
        return clean_words(value, field)
    cell, notes = text.parse(value, field, _LONGEST)
    name, name_notes = clean_words(cell, field)
    return name, notes + name_notes


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
    return match_patronymic(word.lower()) is not None


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
    return bool(match_surname(first)) and not match_surname(last)


def agree(name: str, spelling: str) -> bool:
    """Whether two spellings may be of one part: equal, unknown, or an initial of the other.

    >>> agree("Пётр", "Петр"), agree("П.", "Пётр"), agree("", "Пётр"), agree("Павел", "Пётр")
    (True, True, True, False)
    """
    short, long = sorted((compare_key(name), compare_key(spelling)), key=len)
    return long.startswith(short) if len(short) < 2 else short == long
