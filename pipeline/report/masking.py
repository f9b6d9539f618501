"""Values made unreadable but recognisable: a report is mailed around, its reader needs no names."""

import json
import re
from collections.abc import Iterator

from transforms.fields import tin as tin_rules

LETTER, DIGIT = "•", "#"
_TAG = re.compile(r"<[^>]*>")
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"|'[^']*'")
_MAILBOX = re.compile(r"\S+@\S+")
_NUMBER = re.compile(r"\+?\d[\d\s().\-]{3,}\d")
_CODE = re.compile(r"[A-Za-z0-9_.\-]*")
_WORD = re.compile(r"[^\W\d_]{2,}")


def shape(text: str, longest: int = 40) -> str:
    """The text with every letter and digit blotted out, so that its form can still be seen.

    >>> shape("ИНН 78057467"), shape("спросить   Машу!")
    ('••• ########', '•••••••• ••••!')
    """
    blotted = (
        DIGIT if char.isdigit() else LETTER if char.isalnum() else char
        for char in " ".join(text.split())
        if char.isprintable()
    )
    shown = "".join(blotted)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def tin_shown(written: str | None) -> str:
    """A valid TIN as it is (it is public); anything else may be a phone or a name: its shape.

    >>> tin_shown("7805746764"), tin_shown("+7 921 123-45-67"), tin_shown(None)
    ('7805746764', '+# ### ###-##-##', '')
    """
    if not written:
        return ""
    read = tin_rules.parse(written)
    return written if not read.reason and read.tin == written else shape(written)


def code_shown(code: str) -> str:
    """A code or an id as it is; what has blanks or an ``@`` in it is somebody's text: its shape.

    >>> code_shown("ERROR_CORE"), code_shown("0001000123"), code_shown("Иванов Пётр")
    ('ERROR_CORE', '0001000123', '•••••• ••••')
    """
    return code if _CODE.fullmatch(code) else shape(code)


def answer_shown(text: str, *records: object) -> str:
    """What another system said of a record, without the record's own words.

    ``records`` are what the record holds (nested lists and maps). Its words go, also cut or
    inflected; so do e-mails, longer numbers, and quotes when nothing is known of the record.

    >>> answer_shown("Field 'E-mail' of Petrova is wrong: petrov@x.example", {"name": "PETROV"})
    "Field 'E-mail' of ••••••• is wrong: •••"
    >>> answer_shown("Нет поля «Пётр» для <b>+7 921 123-45-67</b>")
    'Нет поля ••• для +# ### ###-##-##'
    """
    own = {word.casefold() for record in records for word in _words(record)}
    text = _TAG.sub(" ", text)
    for pattern in (_MAILBOX,) if own else (_MAILBOX, _QUOTED):
        text = pattern.sub(LETTER * 3, text)
    text = _NUMBER.sub(lambda found: shape(found.group()), text)
    text = _WORD.sub(lambda found: _blot(found.group(), own), text)
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:199] + "…"


def _blot(word: str, own: set[str]) -> str:
    said = word.casefold()
    is_own = said in own or any(
        len(part) > 2 and len(said) > 2 and (said.startswith(part) or part.startswith(said))
        for part in own
    )
    return LETTER * len(word) if is_own else word


def _words(record: object) -> Iterator[str]:
    if isinstance(record, str):
        yield from _WORD.findall(record)
    elif isinstance(record, dict):
        for value in record.values():
            yield from _words(value)
    elif isinstance(record, list | tuple):
        for value in record:
            yield from _words(value)


def json_of(text: str | None) -> object:
    """The value in a JSON column; the text itself when it is none."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
