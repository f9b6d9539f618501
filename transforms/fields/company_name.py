"""Company names: legal form short and in front, then the name in ``«»`` with inner ``„“``.

Source: contracts/fields, "Company name" and "Text".

>>> [parse(x)[0] for x in ('Общество с ограниченной ответственностью "Ромашка"', "Ромашка ООО")]
['ООО «Ромашка»', 'ООО «Ромашка»']
>>> [parse(x)[0] for x in ('OOO"Pомашка"', 'ООО "ТД "Ромашка"', 'ЗАО Торговый дом "Ромашка"')]
['ООО «Ромашка»', 'ООО «ТД „Ромашка“»', 'ЗАО Торговый дом «Ромашка»']
>>> [parse(x)[0] for x in ("ИП ИВАНОВ П.С.", "Индивидуальный предприниматель Пётр Ильич Иванов")]
['ИП Иванов П. С.', 'ИП Иванов Пётр Ильич']
>>> [parse(x)[0] for x in ('"Ромашка"', "Romashka GmbH", "Магазин у О'Кей")]
['«Ромашка»', 'Romashka GmbH', "Магазин у О'Кей"]
>>> parse("-")
('', (Note(field='name', problem='placeholder', value='-'),))
"""

import re

from transforms.core.records import Note
from transforms.fields import legal_forms, person, text
from transforms.fields.placeholders import is_placeholder

_OPENING = "«„‹〝❝"
_CLOSING = "»›〞❞"
_EITHER = '"“”‟＂'
_SINGLE = "'`‘’"
_ALL_MARKS = _OPENING + _CLOSING + _EITHER + _SINGLE + " "
_QUOTES = frozenset(_ALL_MARKS[:-1])
_MARKS = re.compile(f"[{_ALL_MARKS[:-1]}]")
# Nearly all names: one pair of quotes with words around it.
_UNQUOTED = f"[^{_ALL_MARKS[:-1]},]*"
_PLAIN = re.compile(
    f'({_UNQUOTED})["«]([^{_ALL_MARKS},](?:{_UNQUOTED}[^{_ALL_MARKS},])?)["»](,?(?: {_UNQUOTED})?)'
).fullmatch
_USUAL = re.compile(f'([А-Я]{{2,5}}) ["«]([^{_ALL_MARKS}][^{_ALL_MARKS[:-1]},]*)["»]').fullmatch
_INNER = f"[^{_ALL_MARKS},](?:{_UNQUOTED}[^{_ALL_MARKS},])?"
_SETTLED = re.compile(
    f"{_UNQUOTED}«[^{_ALL_MARKS},]{_UNQUOTED}„{_INNER}“»(?: {_UNQUOTED})?"
).fullmatch
_EMPTY = re.compile("«»|„“")
_INNER_BLANKS = re.compile("(?<=[«„]) +| +(?=[»“])")
_TWICE = re.compile("«„([^«»„“]*)“»").fullmatch
# A mark that is removed may change the meaning of its neighbours; real names take two rounds.
_ROUNDS = 4
_DOUBLED = re.compile(r"''|``|‘‘|’’|,,")


def parse(value: object, legal_form: object = None, field: str = "name") -> tuple[str, text.Notes]:
    """Returns the name to show of any JSON value; ``legal_form`` is used when the name has none.

    >>> parse("Ромашка", "ООО")[0], parse("АО Ромашка", "ООО")[0]
    ('ООО «Ромашка»', 'АО «Ромашка»')
    """
    name, notes = text.parse(value, field)
    if is_placeholder(name):
        return "", (*notes, Note(field, "placeholder", name)) if name else notes
    form, rest = split_legal_form(name)
    if not form and legal_form is not None:
        form_text, form_notes = text.parse_cached(legal_form, "legal_form")
        form = legal_forms.short_form(form_text)
        notes += form_notes
        if form_text and not form:
            notes += (Note("legal_form", "unreadable", text.excerpt(form_text)),)
    return _show(form, rest), notes


def parse_full(value: object) -> tuple[str, text.Notes]:
    """Returns the full name: its legal form stays as it is, only text and quotes are cleaned.

    >>> parse_full('Общество с ограниченной ответственностью  "Ромашка"')[0]
    'Общество с ограниченной ответственностью «Ромашка»'
    """
    if value is None:
        return "", ()
    name, notes = text.parse(value, "full_name")
    if is_placeholder(name):
        return "", (*notes, Note("full_name", "placeholder", name)) if name else notes
    return nest_quotes(name), notes


def compare_key(name: str) -> str:
    """Returns the same key for spellings of one name: no legal form, quotes or case, ё as е.

    >>> compare_key('ООО "Зелёный  Мир"') == compare_key("зеленый мир, ооо") == "зеленый мир"
    True
    """
    bare = _MARKS.sub(" ", split_legal_form(text.clean(name))[1])
    return " ".join(bare.lower().replace("ё", "е").split())


def split_legal_form(name: str) -> tuple[str, str]:
    """Returns the legal form of clean text, and the rest; a repeated form counts once.

    >>> split_legal_form('ООО "Ромашка" (ООО)'), split_legal_form("ООО")
    (('ООО', '«Ромашка»'), ('', 'ООО'))
    """
    usual = _USUAL(name)
    if usual and usual[1] in legal_forms.SHORT and not _holds_form(usual[2]):
        return usual[1], f"«{usual[2].rstrip()}»"
    name = nest_quotes(name)
    form, rest = legal_forms.split_front(name)
    if not form:
        form, rest = legal_forms.split_end(name)
    rest = _drop_repeated(form, rest) if form else rest
    return (form, rest) if rest.strip(_ALL_MARKS) else ("", name)


def _drop_repeated(form: str, rest: str) -> str:
    is_repeated = True
    while is_repeated:
        is_repeated = False
        for split in (legal_forms.split_front, legal_forms.split_end):
            repeated_form, shorter = split(rest)
            if repeated_form == form:
                rest, is_repeated = shorter, True
    return rest


def _holds_form(name: str) -> bool:
    return bool(legal_forms.split_front(name)[0] or legal_forms.split_end(name)[0])


def _show(form: str, rest: str) -> str:
    if form == "ИП":
        return f"ИП {_proprietor(rest)}"
    shown = nest_quotes(rest)
    if not form:
        return shown
    return f"{form} {shown}" if "«" in shown else f"{form} «{shown}»"


def _proprietor(rest: str) -> str:
    bare = " ".join(_MARKS.sub(" ", rest).split())
    name, notes = person.parse(bare, None, None)
    if notes or not 1 < len(bare.replace(".", " ").split()) < 6:
        return nest_quotes(rest)
    return " ".join(filter(None, name))


def nest_quotes(name: str) -> str:
    """Returns all quotes as ``«»``, inner ones as ``„“``; a missing last quote is added.

    >>> nest_quotes('"ТД "Ромашка""'), nest_quotes("Кафе 'У Маши'"), nest_quotes('Ромашка"')
    ('«ТД „Ромашка“»', 'Кафе «У Маши»', 'Ромашка')
    """
    if _QUOTES.isdisjoint(name) and ",," not in name:
        return name
    name = " ".join(name.split())
    if plain := _PLAIN(name):
        return f"{plain[1]}«{plain[2]}»{plain[3]}"
    for _ in range(_ROUNDS):
        if _SETTLED(name):
            break
        before, name = name, _nest(name)
        if before == name:
            break
    return name


def _nest(name: str) -> str:
    name = _DOUBLED.sub('"', name)
    shown: list[str] = []
    # For each open quote, whether it is a single quote: only that is closed by an apostrophe.
    open_marks: list[bool] = []
    copied = 0
    for mark in _MARKS.finditer(name):
        start, end = mark.span()
        before, after = name[max(start - 1, 0) : start], name[end : end + 1]
        shown.append(name[copied:start])
        copied = end
        is_single = mark[0] in _SINGLE
        if is_single and not _is_quote(before, after, open_marks):
            shown.append(mark[0])
        elif _opens(mark[0], before, after, len(open_marks)):
            shown.append("„" if open_marks else "«")
            open_marks.append(is_single)
        elif open_marks:
            open_marks.pop()
            shown.append("“" if open_marks else "»")
        else:
            shown.append(" ")
    shown += [name[copied:], "“" * (len(open_marks) - 1), "»" * bool(open_marks)]
    return _tidy("".join(shown))


def _tidy(nested: str) -> str:
    nested = _INNER_BLANKS.sub("", nested)
    while _EMPTY.search(nested):
        nested = _EMPTY.sub("", nested)
    if doubled := _TWICE(nested):
        nested = f"«{doubled[1]}»"
    return " ".join(nested.split())


def _is_quote(before: str, after: str, open_marks: list[bool]) -> bool:
    # Between two letters it is an apostrophe, and after a word without an open quote too.
    return not before.isalnum() or (any(open_marks[-1:]) and not after.isalnum())


def _opens(char: str, before: str, after: str, depth: int) -> bool:
    if char in _OPENING or char in _CLOSING:
        return char in _OPENING
    if not after or after.isspace() or (char == "“" and depth > 1):
        return False
    return depth == 0 or before.isspace() or (before in _QUOTES and after not in _QUOTES)
