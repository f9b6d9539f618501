"""Legal forms of Russian companies: the short form for every way to write one.

>>> at_front("Общество с ограниченной ответственностью «Ромашка»")
('ООО', '«Ромашка»')
>>> at_front("3AO Ромашка"), at_front("О.О.О. Ромашка"), at_front("Ромашка")
(('ЗАО', 'Ромашка'), ('ООО', 'Ромашка'), ('', 'Ромашка'))
>>> at_end("Ромашка, ооо"), at_end("Торговый дом (АО)")
(('ООО', 'Ромашка'), ('АО', 'Торговый дом'))
"""

import re

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
    "ФГБОУ ВО": "федеральное государственное бюджетное образовательное учреждение высшего образования",
    "ФГАОУ ВО": "федеральное государственное автономное образовательное учреждение высшего образования",
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
_SHORT = {form: form for form in _FULL if " " not in form} | {"ПБОЮЛ": "ИП", "ЧП": "ИП"}
_WORD = re.compile(r"[^\s\"«»„“”‟‹›＂'`,;:()]+")
_DIGITS = str.maketrans("03Ё", "ОЗЕ")
_EDGES = " ,.;:-–—"


def _key(word: str) -> str:
    # Capitals first: most small letters have no look-alike of their own.
    return word.upper().translate(LOOKALIKES).translate(_DIGITS).replace(".", "")


def _by_word(at: int) -> dict[str, list[tuple[list[str], str]]]:
    table: dict[str, list[tuple[list[str], str]]] = {}
    for short, full in sorted(_FULL.items(), key=lambda item: -len(item[1])):
        words = [_key(word) for word in full.split()]
        table.setdefault(words[at], []).append((words, short))
        if " " in short:
            words = short.split()
            table.setdefault(words[at], []).append((words, short))
    return table


_BY_FIRST = _by_word(0)
_BY_LAST = _by_word(-1)
_LONGEST = max(len(full.split()) for full in _FULL.values())


def short_form(written: str) -> str:
    """The short form of text that is a legal form and nothing else, else "".

    >>> short_form("ooo"), short_form("Индивидуальный  предприниматель"), short_form("GmbH")
    ('ООО', 'ИП', '')
    """
    form, rest = at_front(written)
    return form if not rest else ""


def at_front(name: str) -> tuple[str, str]:
    """The legal form that the (clean) name starts with, and the rest of it."""
    spans = []
    for span in _WORD.finditer(name):
        spans.append(span)
        if len(spans) == _LONGEST:
            break
    keys = [_key(span[0]) for span in spans]
    if not keys or name[: spans[0].start()].strip(" \"«„“(,'"):
        return "", name
    for words, short in _BY_FIRST.get(keys[0], ()):
        if keys[: len(words)] == words:
            return short, _rest(name[: spans[0].start()] + name[spans[len(words) - 1].end() :])
    if form := _SHORT.get(keys[0], ""):
        return form, _rest(name[: spans[0].start()] + name[spans[0].end() :])
    return "", name


def at_end(name: str) -> tuple[str, str]:
    """The legal form that the (clean) name ends with, and the rest of it."""
    spans = list(_WORD.finditer(name))[-_LONGEST:]
    keys = [_key(span[0]) for span in spans]
    if len(keys) < 2:
        return "", name
    for words, short in _BY_LAST.get(keys[-1], ()):
        if keys[-len(words) :] == words:
            return short, _rest(name[: spans[-len(words)].start()] + name[spans[-1].end() :])
    if form := _SHORT.get(keys[-1], ""):
        return form, _rest(name[: spans[-1].start()] + name[spans[-1].end() :])
    return "", name


def _rest(name: str) -> str:
    return " ".join(name.replace("()", "").replace('""', "").replace("«»", "").split()).strip(
        _EDGES
    )
