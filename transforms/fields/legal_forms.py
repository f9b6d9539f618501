"""Legal forms of Russian companies: the short form for every way to write one.

>>> at_front("Общество с ограниченной ответственностью «Ромашка»")
('ООО', '«Ромашка»')
>>> at_front("3AO Ромашка"), at_front("О.О.О. Ромашка"), at_front("Ромашка")
(('ЗАО', 'Ромашка'), ('ООО', 'Ромашка'), ('', 'Ромашка'))
>>> at_end("Ромашка, ооо"), at_end("Торговый дом (АО)")
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
    # No short form of theirs is known at sight: ПК is "производственная компания" to most.
    "Производственный кооператив": "производственный кооператив",
    "Потребительский кооператив": "потребительский кооператив",
}
SHORT = {form: form for form in _FULL} | {"ПБОЮЛ": "ИП"}
_LONGEST = max(len(full.split()) for full in _FULL.values())
_LONGEST_SHORT = max(len(word) for form in SHORT for word in form.split() if form.isupper())
_LONGEST_WORD = 40
_Table = dict[str, list[tuple[list[str], str]]]
_WORD = re.compile(r"[^\s\"«»„“”‟‹›＂,;:()]+")
# A form is also written with Latin letters or digits that look like its own: OOO, 3AO.
_ONE_ALPHABET = LOOKALIKES | str.maketrans("03Ё", "ОЗЕ")
_EDGES = " ,.;:-–—"


@lru_cache(maxsize=8192)
def _key(word: str) -> str:
    # Capitals first: most small letters have no look-alike of their own.
    return word.upper().translate(_ONE_ALPHABET).replace(".", "")


def _by_word(at: int) -> _Table:
    """The words of each way to write a form, longest first, by their first or last word."""
    table: _Table = {}
    written = [(full, short) for short, full in _FULL.items()] + list(SHORT.items())
    for form, short in sorted(written, key=lambda pair: -len(pair[0])):
        keys = [_key(word) for word in form.split()]
        table.setdefault(keys[at], []).append((keys, short))
    return table


_BY_FIRST = _by_word(0)
_BY_LAST = _by_word(-1)


def short_form(written: str) -> str:
    """The short form of text that is a legal form and nothing else, else "".

    >>> short_form("ooo"), short_form("Индивидуальный  предприниматель"), short_form("GmbH")
    ('ООО', 'ИП', '')
    """
    form, rest = at_front(written)
    return form if not rest else ""


def at_front(name: str) -> tuple[str, str]:
    """The legal form that the (clean) name starts with, and the rest of it."""
    first = _WORD.search(name)
    known = _ways(first[0], _BY_FIRST) if first else ()
    if not known:
        return "", name
    most = max(len(words) for words, _ in known)
    spans = list(islice(_WORD.finditer(name), most))
    keys = [_key(span[0]) for span in spans]
    for words, short in known:
        if keys[: len(words)] == words:
            return short, _without(name, spans[0].start(), spans[len(words) - 1].end())
    return "", name


def at_end(name: str) -> tuple[str, str]:
    """The legal form that the (clean) name ends with, and the rest of it."""
    words = _WORD.findall(name[-_LONGEST_WORD:])
    known = _ways(words[-1], _BY_LAST) if words else ()
    if not known:
        return "", name
    spans = list(_WORD.finditer(name))[-_LONGEST:]
    keys = [_key(span[0]) for span in spans]
    for words, short in known:
        if keys[-len(words) :] == words:
            return short, _without(name, spans[-len(words)].start(), spans[-1].end())
    return "", name


def _ways(word: str, table: _Table) -> list[tuple[list[str], str]]:
    """The ways to write a form that have this word at their end; most words are in none."""
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
