"""Legal forms of Russian companies: each way to write one, and its short form.

>>> split_front("Общество с ограниченной ответственностью «Ромашка»")
('ООО', '«Ромашка»')
>>> split_front("3AO Ромашка"), split_front("О.О.О. Ромашка"), split_front("Ромашка")
(('ЗАО', 'Ромашка'), ('ООО', 'Ромашка'), ('', 'Ромашка'))
>>> split_end("Ромашка, ооо"), split_end("Торговый дом (АО)")
(('ООО', 'Ромашка'), ('АО', 'Торговый дом'))
"""

import re
from functools import lru_cache
from itertools import islice

from transforms.fields.text import LOOKALIKES

_FULL = {
    "ООО": "общество с ограниченной ответственностью",
    "ПАО": "публичное акционерное общество",
    "НАО": "непубличное акционерное общество",
    "ОАО": "открытое акционерное общество",
    "ЗАО": "закрытое акционерное общество",
    "АО": "акционерное общество",
    "ОДО": "общество с дополнительной ответственностью",
    "ТОО": "товарищество с ограниченной ответственностью",
    "ИП": "индивидуальный предприниматель",
    "КФХ": "крестьянское фермерское хозяйство",
    "ФГУП": "федеральное государственное унитарное предприятие",
    "ФКП": "федеральное казенное предприятие",
    "ГУП": "государственное унитарное предприятие",
    "МУП": "муниципальное унитарное предприятие",
    "МКП": "муниципальное казенное предприятие",
    "ФГБОУ ВО": "федеральное государственное бюджетное образовательное учреждение "
    "высшего образования",
    "ФГАОУ ВО": "федеральное государственное автономное образовательное учреждение "
    "высшего образования",
    "ФГБОУ": "федеральное государственное бюджетное образовательное учреждение",
    "ФГБУН": "федеральное государственное бюджетное учреждение науки",
    "ФГБУ": "федеральное государственное бюджетное учреждение",
    "ФГАУ": "федеральное государственное автономное учреждение",
    "ФГКУ": "федеральное государственное казенное учреждение",
    "ФБУ": "федеральное бюджетное учреждение",
    "ФКУ": "федеральное казенное учреждение",
    "ГБУЗ": "государственное бюджетное учреждение здравоохранения",
    "ГБУ": "государственное бюджетное учреждение",
    "ГАУ": "государственное автономное учреждение",
    "ГКУ": "государственное казенное учреждение",
    "ГБОУ": "государственное бюджетное общеобразовательное учреждение",
    "МБУ": "муниципальное бюджетное учреждение",
    "МАУ": "муниципальное автономное учреждение",
    "МКУ": "муниципальное казенное учреждение",
    "МБОУ": "муниципальное бюджетное общеобразовательное учреждение",
    "МАОУ": "муниципальное автономное общеобразовательное учреждение",
    "МБДОУ": "муниципальное бюджетное дошкольное образовательное учреждение",
    "АНО": "автономная некоммерческая организация",
    "НКО": "некоммерческая организация",
    "НП": "некоммерческое партнерство",
    "ТСЖ": "товарищество собственников жилья",
    "ТСН": "товарищество собственников недвижимости",
    "СНТ": "садоводческое некоммерческое товарищество",
    "ЖСК": "жилищно-строительный кооператив",
    "ГСК": "гаражно-строительный кооператив",
    "СПК": "сельскохозяйственный производственный кооператив",
    # Their short forms are ambiguous: most people read ПК as "производственная компания".
    "Производственный кооператив": "производственный кооператив",
    "Потребительский кооператив": "потребительский кооператив",
}
SHORT = {form: form for form in _FULL} | {"ПБОЮЛ": "ИП"}
_LONGEST = max(len(full.split()) for full in _FULL.values())
_LONGEST_SHORT = max(len(word) for form in SHORT for word in form.split() if form.isupper())
_LONGEST_WORD = 40
_Table = dict[str, list[tuple[list[str], str]]]
_WORD = re.compile(r"[^\s\"«»„“”‟‹›＂,;:()]+")
# A form may be typed with Latin letters or digits that look like its letters: OOO, 3AO.
_TO_CYRILLIC = LOOKALIKES | str.maketrans("03Ё", "ОЗЕ")
_EDGES = " ,.;:-–—"


@lru_cache(maxsize=8192)
def _key(word: str) -> str:
    # Capitals first: most small letters have no look-alike.
    return word.upper().translate(_TO_CYRILLIC).replace(".", "")


def _by_word(index: int) -> _Table:
    """Returns the spellings of all forms, longest first, by the word at ``index``."""
    table: _Table = {}
    forms = [(full, short) for short, full in _FULL.items()] + list(SHORT.items())
    for form, short in sorted(forms, key=lambda pair: -len(pair[0])):
        keys = [_key(word) for word in form.split()]
        table.setdefault(keys[index], []).append((keys, short))
    return table


_BY_FIRST = _by_word(0)
_BY_LAST = _by_word(-1)


def short_form(name: str) -> str:
    """Returns the short form of a text that is a legal form and nothing else, else "".

    >>> short_form("ooo"), short_form("Индивидуальный  предприниматель"), short_form("GmbH")
    ('ООО', 'ИП', '')
    """
    form, rest = split_front(name)
    return form if not rest else ""


def split_front(name: str) -> tuple[str, str]:
    """Returns the legal form at the beginning of a clean name, and the rest of the name."""
    word = _WORD.search(name)
    spellings = _spellings(word[0], _BY_FIRST) if word else ()
    if not spellings:
        return "", name
    longest = max(len(words) for words, _ in spellings)
    spans = list(islice(_WORD.finditer(name), longest))
    keys = [_key(span[0]) for span in spans]
    for words, short in spellings:
        if keys[: len(words)] == words:
            return short, _without(name, spans[0].start(), spans[len(words) - 1].end())
    return "", name


def split_end(name: str) -> tuple[str, str]:
    """Returns the legal form at the end of a clean name, and the rest of the name."""
    words = _WORD.findall(name[-_LONGEST_WORD:])
    spellings = _spellings(words[-1], _BY_LAST) if words else ()
    if not spellings:
        return "", name
    spans = list(_WORD.finditer(name))[-_LONGEST:]
    keys = [_key(span[0]) for span in spans]
    for words, short in spellings:
        if keys[-len(words) :] == words:
            return short, _without(name, spans[-len(words)].start(), spans[-1].end())
    return "", name


def _spellings(word: str, table: _Table) -> list[tuple[list[str], str]]:
    """Returns the spellings in the table under this word; most words have none."""
    if word.isdigit():
        return []
    if len(word) > _LONGEST_SHORT and "." not in word:
        return table.get(word.upper(), [])
    return table.get(_key(word), [])


def _without(name: str, start: int, end: int) -> str:
    rest = name[:start] + name[end:]
    for empty in ("()", '""', "«»"):
        if empty in rest:
            rest = rest.replace(empty, "")
    return " ".join(rest.split()).strip(_EDGES)
