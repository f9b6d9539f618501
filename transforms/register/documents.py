"""Reading a document of a bulk file (EGRUL, EGRIP, register of small businesses) as an answer.

Names of elements and attributes are the tax service's own.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from xml.etree.ElementTree import Element

from transforms.core.records import Address
from transforms.fields import tin as inn
from transforms.register.answer import (
    BULK,
    Answer,
    day_of,
    join,
    kpp_of,
    ogrn_of,
    okved_of,
    plain,
    verdict_of,
)

# The elements that stand for a document's subject, and their attributes for TIN and OGRN.
SUBJECTS = {
    "СвЮЛ": ("ИНН", "ОГРН"),
    "СвИП": ("ИННФЛ", "ОГРНИП"),
    "ОргВклМСП": ("ИННЮЛ", "ОГРН"),
    "ИПВклМСП": ("ИННФЛ", "ОГРНИП"),
}
_SMALL_BUSINESSES = ("ОргВклМСП", "ИПВклМСП")
# From the worst to the best.
_CODES = {
    "LIQUIDATING": (101, 102, 105, 106, 107, 110),
    "BANKRUPT": (113, 114, 115, 116, 117),
    "REORGANIZING": (124, 129),
    "ACTIVE": (111, 112, 121, 122, 123, 125, 131, 132, 133, 134, 136, 139),
}
_STATUSES = {str(code): status for status, codes in _CODES.items() for code in codes}
_CITIES = {"77": "Москва", "78": "Санкт-Петербург", "92": "Севастополь"}


class UnusableDocument(ValueError):  # noqa: N818 - says what the document is
    """A document without an answer; the message says why, without naming the company."""


def read_documents(root: Element, written_at: int) -> Iterator[Answer]:
    """The answers of the documents in ``root``.

    ``written_at`` (microseconds since the epoch) is the date of documents without one.

    Raises:
        UnusableDocument: there is no company in it, or its data cannot be read.
    """
    has_subject = False
    for parent in (root, *root.findall("Документ")):
        for subject in parent:
            if subject.tag in SUBJECTS:
                has_subject = True
                dates = subject.get("ДатаВып"), parent.get("ДатаСост"), root.get("ДатаВыг")
                yield _answer(subject, parent, next(filter(None, map(_day, dates)), written_at))
    if not has_subject:
        raise UnusableDocument("holds no company")


def _answer(subject: Element, parent: Element, as_of: int) -> Answer:
    tin_name, ogrn_name = SUBJECTS[subject.tag]
    status = "ACTIVE" if subject.tag in _SMALL_BUSINESSES else _status(subject)
    verdict = verdict_of(status)
    assert verdict, status  # noqa: S101 - _STATUSES names what the register says and nothing else
    short_name, full_name = _names(subject)
    return Answer(
        tin=_tin(subject.get(tin_name)),
        verdict=verdict,
        status=status,
        kpp=kpp_of(subject.get("КПП")),
        ogrn=ogrn_of(subject.get(ogrn_name)),
        short_name=short_name,
        full_name=full_name,
        director=_person(subject.find("СведДолжнФЛ/СвФЛ")),
        address=_address(subject),
        origin=BULK,
        as_of=as_of,
        status_on=_status_day(subject, status),
        okved=_okved(subject, parent),
        since=_registration_day(subject),
        until=_end_day(subject),
    )


def _okved(subject: Element, parent: Element) -> str:
    # The register of small businesses has the codes beside the company, EGRUL within it.
    place = parent if subject.tag in _SMALL_BUSINESSES else subject
    main_code = place.find("СвОКВЭД/СвОКВЭДОсн")
    return "" if main_code is None else okved_of(main_code.get("КодОКВЭД"))


def _registration_day(subject: Element) -> str:
    formation = _first(subject, "СвОбрЮЛ", "СвРегИП")
    places = (subject,) if formation is None else (subject, formation)
    names = ("ДатаОГРН", "ДатаОГРНИП", "ДатаРег")
    return _first_day(place.get(name) for place in places for name in names)


def _end_day(subject: Element) -> str:
    end = _first(subject, "СвПрекрЮЛ", "СвПрекращ")
    if end is None:
        return ""
    names = ("ДатаПрекрЮЛ", "ДатаПрекращ")
    return _first_day(element.get(name) for element in end.iter() for name in names)


def _status_day(subject: Element, status: str) -> str:
    """The day from which the status holds, where the document has it."""
    if status == "LIQUIDATED":
        return _end_day(subject)
    return max(
        (
            day_of(day)
            for child in subject.findall("СвСтатус")
            if any(_STATUSES.get(plain(code)) == status for code in _codes(child))
            for record in child.iter("ГРНДата")
            if (day := _day(record.get("ДатаЗаписи")))
        ),
        default="",
    )


def _first_day(values: Iterable[str | None]) -> str:
    return next((day_of(day) for value in values if value and (day := _day(value))), "")


def _tin(value: object) -> str:
    read = inn.parse(value)
    if read.reason:
        raise UnusableDocument("has no TIN" if read.reason == "missing_tin" else "has a bad TIN")
    return read.tin


def _status(subject: Element) -> str:
    """The subject's status by its status codes, of which the worst one counts."""
    if subject.find("СвПрекрЮЛ") is not None or subject.find("СвПрекращ") is not None:
        return "LIQUIDATED"
    statuses = {_STATUSES.get(code, "") for code in _status_codes(subject)}
    worst = next((status for status in _CODES if status in statuses), "ACTIVE")
    if "" in statuses and worst in ("REORGANIZING", "ACTIVE"):
        raise UnusableDocument("has a status code that is not known")
    return worst


def _status_codes(subject: Element) -> set[str]:
    # The subject's direct children only: a reorganisation contains statuses of other companies.
    codes = (code for child in subject.findall("СвСтатус") for code in _codes(child))
    return set(map(plain, codes)) - {""}


def _codes(status: Element) -> Iterator[str | None]:
    for element in status.iter("СвСтатус"):
        yield element.get("КодСтатусЮЛ") or element.get("КодСтатус")


def _names(subject: Element) -> tuple[str, str]:
    """The short and the full name, with the legal form."""
    if person := _person(_first(subject, "СвФЛ/ФИОРус", "СвФЛ", "ФИОИП")):
        return f"ИП {person}", f"Индивидуальный предприниматель {person}"
    name = subject.find("СвНаимЮЛ")
    if name is None:
        return plain(subject.get("НаимОргСокр")), plain(subject.get("НаимОрг"))
    short = name.find("СвНаимЮЛСокр")
    return (
        plain(name.get("НаимЮЛСокр") if short is None else short.get("НаимСокр")),
        plain(name.get("НаимЮЛПолн")),
    )


def _person(element: Element | None) -> str:
    if element is None:
        return ""
    return join(element.get("Фамилия"), element.get("Имя"), element.get("Отчество"))


def _address(subject: Element) -> Address:
    """The company's address, as far as it is known, in either of the two notations."""
    address = _first(subject, "СвАдресЮЛ/АдресРФ", "СвАдресЮЛ/СвАдрЮЛФИАС")
    if address is None:
        return Address()
    words = {part.tag: _words(part) for part in address}
    house = (plain(address.get(name)) for name in ("Дом", "Корпус", "Кварт"))
    postal_code = plain(address.get("Индекс"))
    code = plain(address.get("КодРегион") or address.findtext("Регион"))
    town = _first(address, "Город", "НаселПункт", "НаселенПункт")
    return Address(
        text=", ".join(filter(None, (postal_code, *words.values(), *house))),
        postal_code=postal_code,
        region=words.get("НаимРегион") or words.get("Регион", ""),
        city=_CITIES.get(code) or ("" if town is None else _name(town)),
    )


def _name(town: Element) -> str:
    return plain(town.get("Наим") or town.get("Наим" + town.tag))


def _first(element: Element, *paths: str) -> Element | None:
    # Not "find() or find()": an element without children is false.
    return next((child for child in map(element.find, paths) if child is not None), None)


def _words(part: Element) -> str:
    """``УЛИЦА ЛЕСНАЯ`` of ``<Улица ТипУлица="УЛИЦА" НаимУлица="ЛЕСНАЯ"/>``."""
    if part.tag == "НаимРегион":
        return plain(part.text)
    # One notation adds the element's name to the attribute's, the other does not.
    ends = ("", part.tag)
    return join(*(part.get(name + end) for name in ("Тип", "Вид", "Наим", "Номер") for end in ends))


@lru_cache(4096)
def _day(value: str | None) -> int | None:
    """A day's first microsecond since the epoch, of ``2026-09-10`` or ``10.09.2026``."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            day = datetime.strptime(plain(value), form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(day.timestamp()) * 1_000_000
    return None
