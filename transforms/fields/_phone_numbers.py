"""Parses one phone number at a time to E.164."""

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from transforms.fields.placeholders import is_filler_number

# Area and operator codes of which phonenumbers' metadata says that every ten-digit number is valid
# in Russia. 930 is valid in part only, and 6xx and 7xx are Kazakhstan's: the library decides those.
_CODES = """301-302 336 341-343 345-347 349 351-353 365 381-385 388 390-391 394-395 401 411 413
415-416 421 423-424 426-427 471-475 481-487 491-496 498-499 800 803-804 808-809 811-818
820-821 831 833-836 840-848 851 855-857 860-863 865-867 869 871-873 877-879 900-929
931-999"""


def _expand(ranges: str) -> frozenset[str]:
    bounds = [span.partition("-") for span in ranges.split()]
    return frozenset(
        str(code) for low, _, high in bounds for code in range(int(low), int(high or low) + 1)
    )


_RUSSIAN = _expand(_CODES)
_LONGEST = 40
_PUNCTUATION = " ()-."
_ASCII_PUNCTUATION = _PUNCTUATION.encode()
_ALL_PUNCTUATION = str.maketrans("", "", _PUNCTUATION + "\u00a0‐‑‒–—―−")
_DIGIT = re.compile(r"\d")


def parse_usual(candidate: str) -> str:
    """Returns E.164 of a Russian number in a usual form, else "": the library must decide.

    >>> [parse_usual(x) for x in ("8 (921) 123-45-67", "+7.812.1234567", "9211234567", "123-45-67")]
    ['+79211234567', '+78121234567', '+79211234567', '']
    """
    if not candidate.isascii():
        candidate = candidate.translate(_ALL_PUNCTUATION)
        if not candidate.isascii():
            return ""
    if candidate.startswith("007"):
        candidate = "+" + candidate[2:]
    digits = candidate.encode().translate(None, _ASCII_PUNCTUATION)
    length = len(digits)
    if length == 12:
        is_russian_form = digits.startswith(b"+7")
    elif length == 11:
        is_russian_form = digits[0] in b"78"
    else:
        is_russian_form = length == 10
    national = digits[-10:].decode()
    if not is_russian_form or national[:3] not in _RUSSIAN or not national.isdigit():
        return ""
    return "" if national == "9999999999" else "+7" + national


def parse_number(candidate: str) -> str:
    """Returns E.164 of digits and punctuation that are one valid number, else "".

    >>> [parse_number(x) for x in ("+8 916 123-45-67", "007 916 123 45 67", "+49 30 901820")]
    ['+79161234567', '+79161234567', '+4930901820']
    >>> [parse_number(x) for x in ("+7 999 999 99 99", "123-45-67", "8 921 123 45 678")]
    ['', '', '']
    """
    if short := parse_usual(candidate):
        return short
    if len(candidate) > _LONGEST:
        return ""
    digits = len(_DIGIT.findall(candidate))
    if digits < 7 or (digits < 10 and not candidate.startswith(("+", "00"))):
        return ""
    return next(filter(None, map(_ask_library, _forms(candidate.strip()))), "")


def _forms(candidate: str) -> Iterator[str]:
    """Yields the ways to read a number, likeliest first."""
    if candidate.startswith("00"):
        yield "+" + candidate[2:]
    elif candidate.startswith("+8") and not candidate[2:3].isdigit():
        # No country has the code 8: it is the Russian prefix, with a plus by mistake.
        yield candidate[1:]
        yield candidate
    elif candidate.startswith("+8"):
        yield candidate
        yield candidate[1:]
    else:
        yield candidate


@lru_cache(maxsize=8192)
def _ask_library(candidate: str) -> str:
    try:
        parsed = phonenumbers.parse(candidate, "RU")
    except phonenumbers.NumberParseException:
        return ""
    national = phonenumbers.national_significant_number(parsed)
    if parsed.extension or is_filler_number(national) or not phonenumbers.is_valid_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
