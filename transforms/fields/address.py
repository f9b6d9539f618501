"""Postal address: one line of text, and its parts where they are known.

>>> parse("198096, г.  Санкт-Петербург, ул. Кронштадтская, д. 9")[0].postal_code
'198096'
>>> parse({"postal_code": 198096, "region": "г. Санкт-Петербург", "city": "Санкт-Петербург",
...        "street": "ул. Кронштадтская", "house": "9"})[0].text
'198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9'
"""

import re
from functools import lru_cache

from transforms.core.records import Address, Note
from transforms.fields import text
from transforms.fields.placeholders import is_placeholder

_SHORT = 80
_POSTAL_CODE = re.compile(r"\d{6}(?!\d)", re.ASCII)


def parse(value: object) -> tuple[Address, text.Notes]:
    """The address in text, or in an object with ``text`` or the parts of it."""
    if isinstance(value, dict):
        return _from_parts(value)
    line, notes = _line(value, "address")
    return Address(line, _leading_code(line)), notes


def choose(value: object) -> tuple[Address, text.Notes]:
    """The legal address among several, else the first; the others are noted.

    >>> one, told = choose([{"kind": "post", "text": "а/я 5"}, {"kind": "legal", "text": "Луга"}])
    >>> one.text, told
    ('Луга', (Note(field='address', problem='not_used', value='а/я 5'),))
    """
    single = value if isinstance(value, list) else [value]
    if len(single) == 1:
        return parse(single[0])
    read = [parse(one) for one in single[: text.MANY]]
    notes = tuple(note for _, told in read for note in told)
    kept = [at for at, (address, _) in enumerate(read) if address != Address()]
    if not kept:
        return Address(), notes
    best = next((at for at in kept if _is_legal(single[at])), kept[0])
    others = {read[at][0].text for at in kept} - {read[best][0].text, ""}
    return read[best][0], notes + tuple(
        Note("address", "not_used", text.shown(other)) for other in sorted(others)
    )


def _is_legal(value: object) -> bool:
    return isinstance(value, dict) and str(value.get("kind")).strip().lower() == "legal"


def _from_parts(value: dict[str, object]) -> tuple[Address, text.Notes]:
    line, notes = _line(value.get("text"), "address")
    code, code_notes = _common(value.get("postal_code"), "postal_code")
    region, region_notes = _common(value.get("region"), "region")
    city, city_notes = _common(value.get("city"), "city")
    notes += code_notes + region_notes + city_notes
    if code and not _POSTAL_CODE.fullmatch(code):
        notes += (Note("postal_code", "unreadable", text.shown(code)),)
        code = ""
    if not line:
        line, more = _join(code, region, city, value)
        notes += more
    return Address(line, code or _leading_code(line), region, city), notes


def _join(code: str, region: str, city: str, value: dict[str, object]) -> tuple[str, text.Notes]:
    street, notes = _line(value.get("street"), "street")
    house, more = _line(value.get("house"), "house")
    house = f"д. {house}" if house[:1].isdigit() else house
    # A city that is a region of its own is told once: "г. Москва", "Москва".
    city = "" if f" {region}".endswith(f" {city}") else city
    return ", ".join(filter(None, (code, region, city, street, house))), notes + more


def _line(value: object, field: str) -> tuple[str, text.Notes]:
    return _meaning(text.parse(value, field), field)


def _common(value: object, field: str) -> tuple[str, text.Notes]:
    """``_line`` for parts whose values come again and again: codes, regions, cities."""
    if type(value) is str and len(value) <= _SHORT:
        return _short_line(value, field)
    return _line(value, field)


@lru_cache(maxsize=32768)
def _short_line(value: str, field: str) -> tuple[str, text.Notes]:
    return _line(value, field)


def _meaning(parsed: tuple[str, text.Notes], field: str) -> tuple[str, text.Notes]:
    written, notes = parsed
    if written and is_placeholder(written):
        return "", (*notes, Note(field, "placeholder", written))
    return written, notes


def _leading_code(line: str) -> str:
    match = _POSTAL_CODE.match(line)
    return match[0] if match else ""
