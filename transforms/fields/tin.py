"""Taxpayer number (ИНН): 10 digits for an organisation, 12 for a sole proprietor.

Source: contracts/fields, "TIN"; control digits as in ``stdnum.ru.inn`` (a test holds that), without
its cost. In text, leading zeros count.

>>> parse("ИНН 7805-746-764").tin, parse("500000000100").tin
('7805746764', '500000000100')
>>> parse("7805746764/780501001")
Tin(tin='7805746764', kpp='780501001', repaired='', reason='', detail='')
>>> parse(105000008)     # a number has lost its zero
Tin(tin='0105000008', kpp='', repaired='105000008', reason='', detail='')

Why a TIN is refused, from no value to a nearly valid one:

>>> {parse(x).reason for x in (None, "", " - ", "нет", "б/н", [])}      # no value
{'missing_tin'}
>>> {parse(x).reason for x in ("0", "0000000000", "000000000000", "0000000018")}
{'placeholder_tin'}
>>> parse("0000000018").reason      # the arithmetic is right, but there is no region 00
'placeholder_tin'
>>> {parse(x).reason for x in ("780574676", "78057467640", "спросить", True, 7.5, {"a": 1})}
{'bad_tin_format'}
>>> {parse(x).reason for x in ("1717586110", "500000000101", "1111111111")}
{'bad_tin_checksum'}

A letter in a digit's place (Cyrillic О for 0) or a digit of another script is not accepted: that
would be a guess, and a wrong guess is another company.

>>> parse("78О5746764").reason, parse("７８０５７４６７６４").reason
('bad_tin_format', 'bad_tin_format')
"""

import re
from operator import mul
from typing import NamedTuple

from transforms.fields import text
from transforms.fields.placeholders import is_placeholder


class Tin(NamedTuple):
    """A parsed TIN: ``reason`` is empty when it is valid, else ``tin`` is the text in its place.

    ``kpp`` is the text that follows it in the field, ``repaired`` the value before a repair.
    """

    tin: str
    kpp: str = ""
    repaired: str = ""
    reason: str = ""
    detail: str = ""


_LONGEST = 100
_LENGTHS = (9, 10, 11, 12)
_PROPRIETOR = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_PROPRIETOR_FIRST = _PROPRIETOR[1:]
_ORGANISATION = _PROPRIETOR[2:]
_LABEL = re.compile(r"^\W*(?:(?:ИНН|INN)\W*)+", re.IGNORECASE)
_KPP = re.compile("КПП|KPP", re.IGNORECASE)
_PARTS = re.compile(r"[/\\|,;]")
_FILL = re.compile(r"[\s\-‐‑‒–—―−.:№_]+")


def parse(value: object) -> Tin:
    """Returns the TIN in any JSON value, valid or refused."""
    if type(value) is str and len(value) in (10, 12) and value.isascii() and value.isdigit():
        return _judge(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value in (None, [], {}):
        return Tin("", reason="missing_tin", detail="no TIN given")
    if isinstance(value, str):
        return _read(text.parse(value, "tin", _LONGEST)[0] or text.excerpt(value))
    return _read_number(value)


def _read_number(value: object) -> Tin:
    number = text.integer(value)
    if number is None:
        detail = "the TIN is neither text nor a number"
        return _refuse(text.excerpt(value), "bad_tin_format", detail)
    return _judge(str(number))


def _read(cell: str) -> Tin:
    """Returns the TIN in clean text, with the KPP that may follow it."""
    numbers = [] if is_placeholder(cell) else _numbers(cell)
    if not numbers:
        return _refuse(cell, "missing_tin", "no TIN given")
    if len(numbers[0]) not in _LENGTHS:
        numbers = ["/".join(numbers)]
    tin = _judge(numbers[0], cell)
    further_tins = _valid_tins(numbers[1:])
    if not tin.reason and further_tins - {tin.tin}:
        return _refuse(cell, "bad_tin_format", "several different TINs in one field")
    return tin._replace(kpp="/".join(part for part in numbers[1:] if part not in further_tins))


def _numbers(cell: str) -> list[str]:
    """Splits clean text without its labels: a TIN, then perhaps a KPP or more TINs."""
    body = re.sub(r"(?<=\d)\.0+$", "", _KPP.sub("/", _LABEL.sub("", cell)))
    words = body.split()
    if len(words) == 2 and len(words[0]) in (10, 12) and len(words[1]) == 9:
        return words
    return list(filter(None, (_FILL.sub("", part) for part in _PARTS.split(body))))


def _valid_tins(numbers: list[str]) -> set[str]:
    tins = map(_judge, numbers)
    return {tin.tin for tin in tins if not tin.reason and not tin.repaired}


def _judge(digits: str, cell: str = "") -> Tin:
    """Validates compact text that is one TIN and nothing else."""
    cell = cell or digits
    if not (digits.isascii() and digits.isdigit()):
        return _refuse(cell, "bad_tin_format", "the TIN does not consist of digits")
    if not digits.strip("0"):
        return _refuse(cell, "placeholder_tin", "zeros only fill the field")
    if len(digits) in (9, 11) and _has_lost_zero(digits):
        return Tin("0" + digits, repaired=cell)
    if len(digits) not in (10, 12):
        return _refuse(cell, "bad_tin_format", f"{len(digits)} digits, a TIN has 10 or 12")
    if not _agrees(digits):
        return _refuse(cell, "bad_tin_checksum", "the control digits do not agree")
    if digits.startswith("00"):
        return _refuse(cell, "placeholder_tin", "there is no region 00")
    return Tin(digits)


def _has_lost_zero(digits: str) -> bool:
    return digits[0] != "0" and _agrees("0" + digits)


def _agrees(digits: str) -> bool:
    """Whether the control digits of a TIN of 10 or 12 digits are right."""
    codes = digits.encode()
    if len(digits) == 10:
        return _control(codes, _ORGANISATION) == codes[9]
    if _control(codes, _PROPRIETOR_FIRST) != codes[10]:
        return False
    return _control(codes, _PROPRIETOR) == codes[11]


def _control(codes: bytes, weights: tuple[int, ...]) -> int:
    """Returns the character code of the control digit for the digits in front of it."""
    # ord("0") is 48, so the weighted sum of codes is too large by 48 times the weights.
    total: int = sum(map(mul, codes, weights)) - 48 * sum(weights)
    return 48 + total % 11 % 10


def _refuse(cell: str, reason: str, detail: str) -> Tin:
    return Tin(text.excerpt(cell), reason=reason, detail=detail)
