"""Masks values so that their form still shows: reports are mailed around, and name no person."""

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
    """Returns the text with every letter and digit blotted out, so that its form still shows.

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


def mask_tin(text: str | None) -> str:
    """Returns a valid TIN as it is (it is public), of anything else, maybe private, the shape.

    >>> mask_tin("7805746764"), mask_tin("+7 921 123-45-67"), mask_tin(None)
    ('7805746764', '+# ### ###-##-##', '')
    """
    if not text:
        return ""
    result = tin_rules.parse(text)
    return text if not result.reason and result.tin == text else shape(text)


def mask_code(code: str) -> str:
    """Returns a code or an id as it is; the shape of text with blanks or an ``@`` in it.

    >>> mask_code("ERROR_CORE"), mask_code("0001000123"), mask_code("Иванов Пётр")
    ('ERROR_CORE', '0001000123', '•••••• ••••')
    """
    return code if _CODE.fullmatch(code) else shape(code)


def mask_answer(text: str, *records: object) -> str:
    """Returns another system's message on a record with the record's own words blotted out.

    ``records`` are what the record holds (nested lists and maps). Its words are masked, also when
    cut or inflected; so are e-mails and longer numbers, and quotes if the record is not known.

    >>> mask_answer("Field 'E-mail' of Petrova is wrong: petrov@x.example", {"name": "PETROV"})
    "Field 'E-mail' of ••••••• is wrong: •••"
    >>> mask_answer("Нет поля «Пётр» для <b>+7 921 123-45-67</b>")
    'Нет поля ••• для +# ### ###-##-##'
    """
    private_words = {word.casefold() for record in records for word in _words(record)}
    text = _TAG.sub(" ", text)
    for pattern in (_MAILBOX,) if private_words else (_MAILBOX, _QUOTED):
        text = pattern.sub(LETTER * 3, text)
    text = _NUMBER.sub(lambda match: shape(match.group()), text)
    text = _WORD.sub(lambda match: _blot(match.group(), private_words), text)
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:199] + "…"


def _blot(word: str, private_words: set[str]) -> str:
    folded = word.casefold()
    is_private = folded in private_words or any(
        len(part) > 2 and len(folded) > 2 and (folded.startswith(part) or part.startswith(folded))
        for part in private_words
    )
    return LETTER * len(word) if is_private else word


def _words(record: object) -> Iterator[str]:
    if isinstance(record, str):
        yield from _WORD.findall(record)
    elif isinstance(record, dict):
        for value in record.values():
            yield from _words(value)
    elif isinstance(record, list | tuple):
        for value in record:
            yield from _words(value)


def parse_json(text: str | None) -> object:
    """Returns the value in a JSON column; the text itself if it is not valid JSON."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
