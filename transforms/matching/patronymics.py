"""Middle names: all spellings that a father's name yields, the everyday ones included.

Small letters, ё as е.
"""

import re
from functools import lru_cache

from transforms.fields.given_names import MEN
from transforms.matching.short_names import FULL_NAMES

# Middle names that follow no rule, by father: son's and daughter's, the official ones first.
_IRREGULAR = """
гавриил: гавриилович гаврииловна гаврилович гавриловна
дмитрий: дмитриевич дмитриевна дмитрич
иван: иванович ивановна иванна
илья: ильич ильинична
кузьма: кузьмич кузьминична
лев: львович львовна
лука: лукич лукинична
михаил: михайлович михайловна михаилович михаиловна михалыч михална
никита: никитич никитична
павел: павлович павловна палыч пална
савва: саввич саввична савич савична
яков: яковлевич яковлевна яковлич
"""
# Matches what "Валерьевич" and "Валериевич" differ by, and "Заирбегьевич" and "Заирбегиевич".
_SOFT = re.compile(r"(?<=[бвгдзклмнпрстфх])[ьи](?=ев(?:ич|на)$)")


@lru_cache(maxsize=65536)
def official(middle: str) -> str:
    """Returns the spelling that stands for all spellings of the middle name.

    >>> [official(x) for x in ("валериевич", "иваныч", "пална", "сергеич", "рашитовна")]
    ['валерьевич', 'иванович', 'павловна', 'сергеевич', 'рашидовна']
    >>> official("заирбегьевич") == official("заирбегиевич"), official("гедеоновна")
    (True, 'гедеоновна')
    """
    return OFFICIAL.get(middle) or _SOFT.sub("", middle)


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    irregular = dict(line.split(": ") for line in _IRREGULAR.strip().splitlines())
    for name in sorted(MEN):
        father = min(FULL_NAMES.get(name, (name,)))
        son, daughter = _by_rule(father)[:2]
        middles = _by_rule(name)
        if father in irregular:
            son, daughter, *more = irregular[father].split()
            middles += [son, daughter, *more]
        for middle in middles:
            spellings.setdefault(middle, daughter if middle.endswith("на") else son)
    return spellings


def _by_rule(father: str) -> list[str]:
    """Returns a son's and a daughter's middle names, the official ones first.

    >>> _by_rule("юрий")
    ['юрьевич', 'юрьевна', 'юриевич', 'юриевна', 'юрьич']
    >>> _by_rule("ярослав")[2:], _by_rule("мирза")[::2]
    (['ярославич', 'ярославна', 'ярославыч'], ['мирзаевич', 'мирзович'])
    """
    stem, everyday = father[:-1], ["ич"]
    if father.endswith("ий"):
        stem, ends, everyday = father[:-2], ["ьев", "иев"], ["ьич"]
    elif father.endswith("й"):
        ends = ["ев"]
    elif father.endswith("ь"):
        ends = ["ев", "ьев", "ов"]
    elif father.endswith(("а", "я")):
        ends, everyday = [f"{father[-1]}ев", "ов"], []
    elif father[-1] in "еиоуэ":
        stem, ends, everyday = father, ["ев"], []
    else:
        stem, ends, everyday = father, ["ов"], ["ыч"]
    if father.endswith("слав"):
        everyday = ["ич", "на", "ыч"]
    return [stem + end + last for end in ends for last in ("ич", "на")] + [
        stem + end for end in everyday
    ]


OFFICIAL = _spellings()
"""Each known spelling with the spelling that stands for it."""
