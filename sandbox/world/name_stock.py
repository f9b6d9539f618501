"""Invented names: the pools of ``names.json``, and true names drawn from them."""

import json
from pathlib import Path
from random import Random
from typing import NamedTuple

_POOLS = json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))

POSITIONS: list[str] = _POOLS["positions"]
STREETS: list[str] = _POOLS["streets"]
BANKS: list[str] = _POOLS["banks"]
LEGAL_FORMS: dict[str, tuple[str, str]] = {
    short: (code, full) for short, (code, full) in _POOLS["legal_forms"].items()
}


class Region(NamedTuple):
    """A region of the register; ``area`` is the city's telephone code of three digits."""

    code: str
    name: str
    city: str
    area: str
    postal_code: str


class FullName(NamedTuple):
    """A person's name: the true one, or a row's variant of it."""

    last: str
    first: str
    middle: str


REGIONS = [Region(*row) for row in _POOLS["regions"]]
_STEMS: list[str] = _POOLS["company_stems"]
_TAILS: list[str] = _POOLS["company_tails"]
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        (
            *"abvgdee",
            "zh",
            *"ziyklmnoprstuf",
            "kh",
            "ts",
            "ch",
            "sh",
            "sch",
            "",
            "y",
            "",
            "e",
            "yu",
            "ya",
        ),
        strict=True,
    )
)


def _feminine(last: str) -> str:
    if last.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return last + "а"
    if last.endswith(("ский", "цкий")):
        return last[:-2] + "ая"
    return last[:-2] + "ая" if last.endswith(("ый", "ий", "ой")) else last


_MEN: tuple[list[str], list[str], list[str]] = (
    _POOLS["last_names"],
    [first for first, _, _ in _POOLS["men"]],
    [son for _, son, _ in _POOLS["men"]],
)
_WOMEN: tuple[list[str], list[str], list[str]] = (
    [_feminine(last) for last in _POOLS["last_names"]],
    _POOLS["women"],
    [daughter for _, _, daughter in _POOLS["men"]],
)


_LAST_AT = {last: index for lasts in (_MEN[0], _WOMEN[0]) for index, last in enumerate(lasts)}
_MIDDLE_AT = {
    middle: index for middles in (_MEN[2], _WOMEN[2]) for index, middle in enumerate(middles)
}


def surname(last: str, woman: bool) -> str:
    """Returns the surname in its male or female form."""
    return (_WOMEN if woman else _MEN)[0][_LAST_AT[last]]


def patronymic(father: str, woman: bool) -> str:
    """Returns the middle name of a child of the man with this first name."""
    return (_WOMEN if woman else _MEN)[2][_MEN[1].index(father)]


def patronymic_like(middle: str, woman: bool) -> str:
    """Returns the middle name of a brother or sister."""
    return (_WOMEN if woman else _MEN)[2][_MIDDLE_AT[middle]]


def other_first(first: str) -> str:
    """Returns another first name of the same gender."""
    firsts = _MEN[1] if first in _MEN[1] else _WOMEN[1]
    return firsts[firsts.index(first) - 1]


def full_name(rng: Random) -> FullName:
    """Draws a man's or a woman's name; last name and patronymic agree in gender."""
    draw = rng.random
    lasts, firsts, middles = _MEN if draw() < 0.5 else _WOMEN
    return FullName(
        lasts[int(draw() * len(lasts))],
        firsts[int(draw() * len(firsts))],
        middles[int(draw() * len(middles))],
    )


def company_name(rng: Random) -> str:
    """Draws a name without legal form: ``НеваСтрой``, ``Альфа-Торг 12``."""
    draw = rng.random
    stem = _STEMS[int(draw() * len(_STEMS))]
    tail = _TAILS[int(draw() * len(_TAILS))]
    dash = "-" if tail and draw() < 0.4 else ""
    number = f" {int(draw() * 98) + 2}" if draw() < 0.3 else ""
    return stem + dash + tail + number


def latin(text: str) -> str:
    """Transliterates ``Щукин`` as in a domain or mailbox: ``schukin``."""
    return "".join(_LATIN.get(letter, letter) for letter in text.lower())
