"""One phone number at a time: written form to E.164."""

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from transforms.fields.placeholders import is_filler_number

# Area and operator codes whose every ten-digit number is valid in Russia by phonenumbers' metadata.
# 930 is not whole, Kazakhstan's 6xx and 7xx are not Russian: those go the long way.
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


def usual(written: str) -> str:
    """E.164 of a Russian number in a usual form, else "": the long way must decide.

    >>> usual("8 (921) 123-45-67"), usual("+7.812.1234567"), usual("9211234567"), usual("123-45-67")
    ('+79211234567', '+78121234567', '+79211234567', '')
    """
    if not written.isascii():
        written = written.translate(_ALL_PUNCTUATION)
        if not written.isascii():
            return ""
    if written.startswith("007"):
        written = "+" + written[2:]
    digits = written.encode().translate(None, _ASCII_PUNCTUATION)
    length = len(digits)
    if length == 12:
        known = digits.startswith(b"+7")
    elif length == 11:
        known = digits[0] in b"78"
    else:
        known = length == 10
    national = digits[-10:].decode()
    if not known or national[:3] not in _RUSSIAN or not national.isdigit():
        return ""
    return "" if national == "9999999999" else "+7" + national


def number(written: str) -> str:
    """E.164 of digits and punctuation that make one valid number, else "".

    >>> number("+8 916 123-45-67"), number("007 916 123 45 67"), number("+49 30 901820")
    ('+79161234567', '+79161234567', '+4930901820')
    >>> number("+7 999 999 99 99"), number("123-45-67"), number("8 921 123 45 678")
    ('', '', '')
    """
    if short := usual(written):
        return short
    if len(written) > _LONGEST:
        return ""
    digits = len(_DIGIT.findall(written))
    if digits < 7 or (digits < 10 and not written.startswith(("+", "00"))):
        return ""
    return next(filter(None, map(_ask_library, _forms(written.strip()))), "")


def _forms(written: str) -> Iterator[str]:
    """The ways to read a written form, likeliest first."""
    if written.startswith("00"):
        yield "+" + written[2:]
    elif written.startswith("+8") and not written[2:3].isdigit():
        # No country has the code 8: it is the Russian prefix with a plus too many.
        yield written[1:]
        yield written
    elif written.startswith("+8"):
        yield written
        yield written[1:]
    else:
        yield written


@lru_cache(maxsize=8192)
def _ask_library(written: str) -> str:
    try:
        parsed = phonenumbers.parse(written, "RU")
    except phonenumbers.NumberParseException:
        return ""
    national = phonenumbers.national_significant_number(parsed)
    if parsed.extension or is_filler_number(national) or not phonenumbers.is_valid_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
