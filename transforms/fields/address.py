"""Postal address: one line of text, and its parts as far as they are known.

>>> parse("198096, г.  Санкт-Петербург, ул. Кронштадтская, д. 9")[0].postal_code
'198096'
>>> parse({"postal_code": 198096, "region": "г. Санкт-Петербург", "city": "Санкт-Петербург",
...        "street": "ул. Кронштадтская", "house": "9"})[0].text
'198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9'
"""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain

from transforms.core.records import Address, Note
from transforms.fields import text
from transforms.fields.placeholders import is_placeholder

Test = Callable[[object], bool]
Convert = Callable[[object], object]

_SHORT = 80
_POSTAL_CODE = re.compile(r"\d{6}(?!\d)", re.ASCII)


def parse(value: object) -> tuple[Address, text.Notes]:
    """Returns the address in a text, or in an object with ``text`` or the parts of an address."""
    if isinstance(value, dict):
        return _from_parts(value)
    line, notes = _line(value, "address")
    return Address(line, _leading_code(line)), notes


def choose(
    value: object, is_preferred: Test | None = None, convert: Convert | None = None
) -> tuple[Address, text.Notes]:
    """Returns the preferred address among several, else the first, and a note for each other one.

    By default the legal address is preferred. ``convert`` makes of an element of the list what
    ``parse`` takes.

    >>> address, notes = choose(
    ...     [{"kind": "post", "text": "а/я 5"}, {"kind": "legal", "text": "Луга"}])
    >>> address.text, notes
    ('Луга', (Note(field='address', problem='not_used', value='а/я 5'),))
    """
    values = value if isinstance(value, list) else [value]
    if len(values) == 1:
        return parse(convert(values[0]) if convert else values[0])
    parsed = [
        (single, *parse(convert(single) if convert else single))
        for single in values[: text.MOST_VALUES]
    ]
    notes = tuple(chain.from_iterable(notes for _, _, notes in parsed))
    candidates = [(single, address) for single, address, _ in parsed if address != Address()]
    if not candidates:
        return Address(), notes
    test = is_preferred or _is_legal
    preferred = (address for single, address in candidates if test(single))
    chosen = next(preferred, candidates[0][1])
    lines = {address.text for _, address in candidates} - {chosen.text, ""}
    return chosen, notes + _unused_notes(lines)


def _unused_notes(lines: set[str]) -> text.Notes:
    return tuple(Note("address", "not_used", text.excerpt(line)) for line in sorted(lines))


def _is_legal(value: object) -> bool:
    return isinstance(value, dict) and str(value.get("kind")).strip().lower() == "legal"


def _from_parts(value: dict[str, object]) -> tuple[Address, text.Notes]:
    line, notes = _line(value.get("text"), "address")
    code, code_notes = _common(value.get("postal_code"), "postal_code")
    region, region_notes = _common(value.get("region"), "region")
    city, city_notes = _common(value.get("city"), "city")
    notes += code_notes + region_notes + city_notes
    if code and not _POSTAL_CODE.fullmatch(code):
        notes += (Note("postal_code", "unreadable", text.excerpt(code)),)
        code = ""
    if not line:
        line, line_notes = _join(code, region, city, value)
        notes += line_notes
    return Address(line, code or _leading_code(line), region, city), notes


def _join(code: str, region: str, city: str, value: dict[str, object]) -> tuple[str, text.Notes]:
    street, notes = _line(value.get("street"), "street")
    house, house_notes = _line(value.get("house"), "house")
    house = f"д. {house}" if house[:1].isdigit() else house
    # A city that is also a region is written once: "г. Москва", "Москва".
    city = "" if f" {region}".endswith(f" {city}") else city
    return ", ".join(filter(None, (code, region, city, street, house))), notes + house_notes


def _line(value: object, field: str) -> tuple[str, text.Notes]:
    line, notes = text.parse(value, field)
    if line and is_placeholder(line):
        return "", (*notes, Note(field, "placeholder", line))
    return line, notes


def _common(value: object, field: str) -> tuple[str, text.Notes]:
    """Returns what ``_line`` does, cached: for frequent values such as codes, regions, cities."""
    if type(value) is str and len(value) <= _SHORT:
        return _short_line(value, field)
    return _line(value, field)


@lru_cache(maxsize=32768)
def _short_line(value: str, field: str) -> tuple[str, text.Notes]:
    return _line(value, field)


def _leading_code(line: str) -> str:
    match = _POSTAL_CODE.match(line)
    return match[0] if match else ""
