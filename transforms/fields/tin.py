"""Taxpayer number (ИНН): 10 digits for an organisation, 12 for a sole proprietor.

Source: contracts, "TIN"; control digits as ``stdnum.ru.inn`` has them (a test holds that), without
its cost. Text: zeros in front count.

>>> parse("ИНН 7805-746-764").tin, parse("500000000100").tin
('7805746764', '500000000100')
>>> parse("7805746764/780501001")
Tin(tin='7805746764', kpp='780501001', repaired='', reason='', detail='')
>>> parse(105000008)     # a number has lost its zero
Tin(tin='0105000008', kpp='', repaired='105000008', reason='', detail='')

Why one is refused, from nothing to nearly right:

>>> {parse(x).reason for x in (None, "", " - ", "нет", "б/н", [])}      # nobody said anything
{'missing_tin'}
>>> {parse(x).reason for x in ("0", "0000000000", "000000000000", "0000000018")}
{'placeholder_tin'}
>>> parse("0000000018").reason      # the arithmetic is right, but there is no region 00
'placeholder_tin'
>>> {parse(x).reason for x in ("780574676", "78057467640", "спросить", True, 7.5, {"a": 1})}
{'bad_tin_format'}
>>> {parse(x).reason for x in ("1717586110", "500000000101", "1111111111")}
{'bad_tin_checksum'}

A letter in a digit's place (Cyrillic О for 0) or a digit of another script is not read: that would
be a guess, and a guessed TIN is another company.

>>> parse("78О5746764").reason, parse("７８０５７４６７６４").reason
('bad_tin_format', 'bad_tin_format')
"""

import re
from operator import mul
from typing import NamedTuple

from transforms.fields import text
from transforms.fields.placeholders import is_placeholder


class Tin(NamedTuple):
    """A TIN as read: ``reason`` is empty when it is valid, else ``tin`` is what stood there.

    ``kpp`` is what followed in the same field, ``repaired`` the value before a repair.
    """

    tin: str
    kpp: str = ""
    repaired: str = ""
    reason: str = ""
    detail: str = ""


_LONGEST = 100
_LENGTHS = (9, 10, 11, 12)
_PERSON = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_PERSON_FIRST = _PERSON[1:]
_COMPANY = _PERSON[2:]
_LABEL = re.compile(r"^\W*(?:(?:ИНН|INN)\W*)+", re.IGNORECASE)
_KPP = re.compile("КПП|KPP", re.IGNORECASE)
_PARTS = re.compile(r"[/\\|,;]")
_FILL = re.compile(r"[\s\-‐‑‒–—―−.:№_]+")


def parse(value: object) -> Tin:
    """The TIN in any JSON value."""
    if type(value) is str and len(value) in (10, 12) and value.isascii() and value.isdigit():
        return _judge(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value in ([], {}):
        return Tin("", reason="missing_tin", detail="no TIN given")
    number = text.integer(value)
    if number is not None:
        return _judge(str(number))
    if not isinstance(value, str):
        return _refuse(text.shown(value), "bad_tin_format", "the TIN is neither text nor a number")
    return _read(text.parse(value, "tin", _LONGEST)[0] or text.shown(value))


def _read(written: str) -> Tin:
    """The TIN in clean text, and the KPP that may follow it."""
    if is_placeholder(written):
        return _refuse(written, "missing_tin", "no TIN given")
    body = re.sub(r"(?<=\d)\.0+$", "", _KPP.sub("/", _LABEL.sub("", written)))
    parts = [part for part in (_FILL.sub("", part) for part in _PARTS.split(body)) if part]
    words = body.split()
    if len(words) == 2 and len(words[0]) in (10, 12) and len(words[1]) == 9:
        parts = words
    if not parts:
        return _refuse(written, "missing_tin", "no TIN given")
    if len(parts[0]) not in _LENGTHS:
        parts = ["/".join(parts)]
    tin = _judge(parts[0], written)
    others = {
        other.tin for other in map(_judge, parts[1:]) if not other.reason and not other.repaired
    }
    if not tin.reason and others - {tin.tin}:
        return _refuse(written, "bad_tin_format", "several different TINs in one field")
    return tin._replace(kpp="/".join(part for part in parts[1:] if part not in others))


def _judge(digits: str, written: str = "") -> Tin:
    """The verdict on compact text, one TIN and nothing else."""
    written = written or digits
    if not (digits.isascii() and digits.isdigit()):
        return _refuse(written, "bad_tin_format", "the TIN does not consist of digits")
    if not digits.strip("0"):
        return _refuse(written, "placeholder_tin", "zeros only fill the field")
    if len(digits) in (9, 11) and _agrees("0" + digits) and digits[0] != "0":
        return Tin("0" + digits, repaired=written)
    if len(digits) not in (10, 12):
        return _refuse(written, "bad_tin_format", f"{len(digits)} digits, a TIN has 10 or 12")
    if not _agrees(digits):
        return _refuse(written, "bad_tin_checksum", "the control digits do not agree")
    if digits.startswith("00"):
        return _refuse(written, "placeholder_tin", "there is no region 00")
    return Tin(digits)


def _agrees(digits: str) -> bool:
    codes = digits.encode()
    if len(digits) == 10:
        return _control(codes, _COMPANY) == codes[9]
    return _control(codes, _PERSON_FIRST) == codes[10] and _control(codes, _PERSON) == codes[11]


def _control(codes: bytes, weights: tuple[int, ...]) -> int:
    """The code of the control digit that the digits in front of it ask for."""
    # Codes of digits are 48 more than digits.
    total: int = sum(map(mul, codes, weights)) - 48 * sum(weights)
    return 48 + total % 11 % 10


def _refuse(written: str, reason: str, detail: str) -> Tin:
    return Tin(text.shown(written), reason=reason, detail=detail)
