"""Company names: legal form short and in front, then the name in ``«»`` with inner ``„“``.

Source: contracts, "Company name" and "Text".

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
# One pair of quotes with words around it: what nearly all names are.
_OTHER = f"[^{_ALL_MARKS[:-1]},]*"
_PLAIN = re.compile(
    f'({_OTHER})["«]([^{_ALL_MARKS},](?:{_OTHER}[^{_ALL_MARKS},])?)["»](,?(?: {_OTHER})?)'
).fullmatch
_USUAL = re.compile(f'([А-Я]{{2,5}}) ["«]([^{_ALL_MARKS}][^{_ALL_MARKS[:-1]},]*)["»]').fullmatch
_INNER = f"[^{_ALL_MARKS},](?:{_OTHER}[^{_ALL_MARKS},])?"
_SETTLED = re.compile(f"{_OTHER}«[^{_ALL_MARKS},]{_OTHER}„{_INNER}“»(?: {_OTHER})?").fullmatch
_EMPTY = re.compile("«»|„“")
_INNER_BLANKS = re.compile("(?<=[«„]) +| +(?=[»“])")
_TWICE = re.compile("«„([^«»„“]*)“»").fullmatch
# Marks that fall away change what their neighbours mean; all real names settle in two rounds.
_ROUNDS = 4
_DOUBLED = re.compile(r"''|``|‘‘|’’|,,")


def parse(value: object, legal_form: object = None, field: str = "name") -> tuple[str, text.Notes]:
    """The name to show, out of any JSON value; ``legal_form`` is used when the name has none.

    >>> parse("Ромашка", "ООО")[0], parse("АО Ромашка", "ООО")[0]
    ('ООО «Ромашка»', 'АО «Ромашка»')
    """
    written, notes = text.parse(value, field)
    if is_placeholder(written):
        return "", (*notes, Note(field, "placeholder", written)) if written else notes
    form, rest = split(written)
    if not form and legal_form is not None:
        told, more = text.parse_common(legal_form, "legal_form")
        form = legal_forms.short_form(told)
        notes += more
        if told and not form:
            notes += (Note("legal_form", "unreadable", text.shown(told)),)
    return _show(form, rest), notes


def parse_full(value: object) -> tuple[str, text.Notes]:
    """The full name: its legal form stays as it is written, only quotes and text are put right.

    >>> parse_full('Общество с ограниченной ответственностью  "Ромашка"')[0]
    'Общество с ограниченной ответственностью «Ромашка»'
    """
    if value is None:
        return "", ()
    written, notes = text.parse(value, "full_name")
    if is_placeholder(written):
        return "", (*notes, Note("full_name", "placeholder", written)) if written else notes
    return nest_quotes(written), notes


def compare_key(name: str) -> str:
    """What two spellings of one name share: no legal form, quotes or case, ё as е.

    >>> compare_key('ООО "Зелёный  Мир"') == compare_key("зеленый мир, ооо") == "зеленый мир"
    True
    """
    bare = _MARKS.sub(" ", split(text.clean(name))[1])
    return " ".join(bare.lower().replace("ё", "е").split())


def split(written: str) -> tuple[str, str]:
    """The legal form of clean text, and the rest; the same form twice counts once.

    >>> split('ООО "Ромашка" (ООО)'), split("ООО")
    (('ООО', '«Ромашка»'), ('', 'ООО'))
    """
    usual = _USUAL(written)
    if usual and usual[1] in legal_forms.SHORT and not _holds_form(usual[2]):
        return usual[1], f"«{usual[2].rstrip()}»"
    written = nest_quotes(written)
    form, rest = legal_forms.at_front(written)
    if not form:
        form, rest = legal_forms.at_end(written)
    told_again = bool(form)
    while told_again:
        told_again = False
        for look in (legal_forms.at_front, legal_forms.at_end):
            again, shorter = look(rest)
            if again == form:
                rest, told_again = shorter, True
    return (form, rest) if rest.strip(_ALL_MARKS) else ("", written)


def _holds_form(name: str) -> bool:
    return bool(legal_forms.at_front(name)[0] or legal_forms.at_end(name)[0])


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


def nest_quotes(written: str) -> str:
    """All kinds of quotes as ``«»``, those inside them as ``„“``; a missing last one is added.

    >>> nest_quotes('"ТД "Ромашка""'), nest_quotes("Кафе 'У Маши'"), nest_quotes('Ромашка"')
    ('«ТД „Ромашка“»', 'Кафе «У Маши»', 'Ромашка')
    """
    if _QUOTES.isdisjoint(written) and ",," not in written:
        return written
    written = " ".join(written.split())
    if plain := _PLAIN(written):
        return f"{plain[1]}«{plain[2]}»{plain[3]}"
    for _ in range(_ROUNDS):
        if _SETTLED(written):
            break
        before, written = written, _nest(written)
        if before == written:
            break
    return written


def _nest(written: str) -> str:
    written = _DOUBLED.sub('"', written)
    shown: list[str] = []
    # For each open quote, whether it is a single one: only that is closed by an apostrophe.
    open_marks: list[bool] = []
    at = 0
    for mark in _MARKS.finditer(written):
        start, end = mark.span()
        before, after = written[max(start - 1, 0) : start], written[end : end + 1]
        shown.append(written[at:start])
        at = end
        single = mark[0] in _SINGLE
        if single and not _is_quote(before, after, open_marks):
            shown.append(mark[0])
        elif _opens(mark[0], before, after, len(open_marks)):
            shown.append("„" if open_marks else "«")
            open_marks.append(single)
        elif open_marks:
            open_marks.pop()
            shown.append("“" if open_marks else "»")
        else:
            shown.append(" ")
    shown += [written[at:], "“" * (len(open_marks) - 1), "»" * bool(open_marks)]
    return _tidy("".join(shown))


def _tidy(nested: str) -> str:
    nested = _INNER_BLANKS.sub("", nested)
    while _EMPTY.search(nested):
        nested = _EMPTY.sub("", nested)
    if alone := _TWICE(nested):
        nested = f"«{alone[1]}»"
    return " ".join(nested.split())


def _is_quote(before: str, after: str, open_marks: list[bool]) -> bool:
    # Between two letters it is an apostrophe, as it is after a word with nothing to close.
    return not before.isalnum() or (any(open_marks[-1:]) and not after.isalnum())


def _opens(char: str, before: str, after: str, depth: int) -> bool:
    if char in _OPENING or char in _CLOSING:
        return char in _OPENING
    if not after or after.isspace() or (char == "“" and depth > 1):
        return False
    return depth == 0 or before.isspace() or (before in _QUOTES and after not in _QUOTES)
