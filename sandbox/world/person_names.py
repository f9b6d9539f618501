"""Names of kin and namesakes, and names as people type them: short, Latin, mistyped, shuffled."""

from collections.abc import Callable
from random import Random
from typing import Final

from sandbox.world import name_stock
from sandbox.world.name_stock import FullName

Draw = Callable[[], float]

# Rows in a thousand whose name has this variant.
_SLIPS: Final = {"short": 25, "latin": 10, "mistyped": 25, "other_gender": 3, "shuffled": 7}
SHORT: Final = {
    "Александр": "Саша",
    "Алексей": "Лёша",
    "Дмитрий": "Дима",
    "Евгений": "Женя",
    "Владимир": "Володя",
    "Николай": "Коля",
    "Сергей": "Серёжа",
    "Михаил": "Миша",
    "Александра": "Саша",
    "Анастасия": "Настя",
    "Анна": "Аня",
    "Екатерина": "Катя",
    "Елена": "Лена",
    "Мария": "Маша",
    "Наталья": "Наташа",
    "Ольга": "Оля",
    "Светлана": "Света",
    "Татьяна": "Таня",
    "Юлия": "Юля",
}
_LETTERS: Final = "абвгдезиклмнопрстуя"


def kin(relative: FullName, name: FullName, child: bool) -> FullName:
    """Returns the name of the relative's child or of the relative's brother or sister.

    Only a man's first name becomes a patronymic. One son in five has his father's first name.
    """
    woman = name.middle.endswith("а")
    last = name_stock.surname(relative.last, woman)
    if not child:
        middle = name_stock.patronymic_like(relative.middle, woman)
        first = name_stock.other_first(name.first) if name.first == relative.first else name.first
        return FullName(last, first, middle)
    if relative.middle.endswith("а"):  # a mother's first name makes no patronymic
        return name._replace(last=last)
    first = relative.first if not woman and len(name.last) % 5 == 0 else name.first
    return FullName(last, first, name_stock.patronymic(relative.first, woman))


def namesake(person: FullName, name: FullName) -> FullName:
    """Returns the person's last and first name with another middle name, like ``name``'s."""
    woman = person.middle.endswith("а")
    middle = name_stock.patronymic_like(name.middle, woman)
    if middle == person.middle:
        middle = name_stock.patronymic("Пётр" if middle.startswith("Иван") else "Иван", woman)
    return person._replace(middle=middle)


def maiden_name(rng: Random, name: FullName) -> str:
    """Draws a surname before marriage for one woman in twenty-five; "" for all other people."""
    if not name.middle.endswith("а") or rng.random() > 0.04:
        return ""
    return name_stock.surname(name_stock.full_name(rng).last, woman=True)


def slip(draw: Draw, name: FullName, maiden: str) -> FullName:
    """Returns the name for a row: the true one, or a variant that is wrong in one way."""
    if maiden and draw() < 0.4:
        name = name._replace(last=maiden)
    lot = draw() * 1000
    for way, share in _SLIPS.items():
        lot -= share
        if lot < 0:
            return _WAYS[way](draw, name)
    return name


def _short(draw: Draw, name: FullName) -> FullName:
    return name._replace(first=SHORT.get(name.first, name.first))


def _latin(draw: Draw, name: FullName) -> FullName:
    return FullName(*(name_stock.latin(part).title() for part in name))


def _mistyped(draw: Draw, name: FullName) -> FullName:
    parts = list(name)
    place = int(draw() * 3)
    parts[place] = mistype(draw, parts[place])
    return FullName(*parts)


def mistype(draw: Draw, word: str) -> str:
    """Returns the word with a letter lost, doubled or replaced, or two letters swapped."""
    place = 1 + int(draw() * (len(word) - 3))
    return (
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + _LETTERS[int(draw() * len(_LETTERS))] + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    )[int(draw() * 4)]


def _other_gender(draw: Draw, name: FullName) -> FullName:
    return name._replace(last=name_stock.surname(name.last, not name.middle.endswith("а")))


def _shuffled(draw: Draw, name: FullName) -> FullName:
    if draw() < 0.5:
        return FullName(name.first, name.last, name.middle)
    return FullName(name.first, name.middle, name.last)


_WAYS: Final = {
    "short": _short,
    "latin": _latin,
    "mistyped": _mistyped,
    "other_gender": _other_gender,
    "shuffled": _shuffled,
}
