"""What stands in a column: which share of its values is a TIN, a phone, a surname …"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any

from transforms.fields import email, ogrn, phone, text, time
from transforms.fields import tin as tins
from transforms.fields.placeholders import words

Test = Callable[[str], bool]

_FEWEST_LETTERS = 2

_DIGITS = re.compile(r"\d+", re.ASCII)
_KPP = re.compile(r"(?!00)\d{4}[\dA-Z]{2}\d{3}", re.ASCII)
_BIK = re.compile(r"04\d{7}", re.ASCII)
_ACCOUNT = re.compile(r"4\d{19}", re.ASCII)
_CORRESPONDENT = re.compile(r"301\d{17}", re.ASCII)
_POSTAL_CODE = re.compile(r"[1-6]\d{5}(?:\.0)?", re.ASCII)
_SITE = re.compile(r"(?:https?://)?(?:[\w-]+\.)+(?!\d)[a-zа-я]{2,}(?:[/?#]\S*)?", re.IGNORECASE)
_PHONE = re.compile(r"[\s(]*(?:\+|[78]\b|[78][\s(-]|[78]\d{10}\b|9\d{9}\b|\(\d|\d[\d\s]*[-(])")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ].*)?|\d\d\.\d\d\.\d{4}.*|(?:19|20)\d{6}(?:\d{6})?|/Date\(.*"
)
_CURRENCIES = frozenset(
    (
        *("RUB", "RUR", "USD", "EUR", "KZT", "BYN", "BYR", "CNY", "UAH", "GBP", "UZS", "KGS"),
        *("AMD", "GEL", "643", "840", "978"),
    )
)
_FORM_WORDS = (
    r"ООО|ОАО|ЗАО|ПАО|АО|НАО|ИП|ФГУП|МУП|ГУП|АНО|НКО|ТОО|ТСЖ|СНТ|КФХ|ПК|СПК|LLC|Ltd|Inc|GmbH|"
    r"OOO|ZAO|OAO|PAO"
)
_FULL_FORM_WORDS = (
    r"общество\s+с|акционерное\s+общество|индивидуальный\s+предприниматель|"
    r"(?:унитарное|казённое|казенное)\s+предприятие|некоммерческая\s+организация|учреждение"
)
_LEGAL_FORM = re.compile(rf"(?:{_FORM_WORDS})", re.IGNORECASE)
_COMPANY = re.compile(rf"(?<!\w)(?:{_FORM_WORDS})(?!\w)|(?i:{_FULL_FORM_WORDS})|^[«\"].+[»\"]$")
_FULL_COMPANY = re.compile(_FULL_FORM_WORDS, re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?<!\w)(?:ул|улица|г|гор|город|обл|область|край|респ|пр-кт|проспект|пр|пер|переулок|ш|шоссе|д|"
    r"дом|наб|пл|б-р|street|str|st|ave|road)(?:\.|\s)",
    re.IGNORECASE,
)
_PERSON_WORD = re.compile(r"[А-ЯЁA-Z][а-яёa-z]+(?:-[А-ЯЁA-Z][а-яёa-z]+)?")
_MIDDLE_NAME = re.compile(r"(?:ович|евич|ич|овна|евна|ична|инична|оглы|кызы)$", re.IGNORECASE)
_LAST_NAME = re.compile(
    r"(?:[оеё]ва?|[иы]на?|[сц]к(?:ий|ая)|ко|[уюя]к|ян|швили|дзе|[иы]х|ец|[оы]й|ая|ер|ман)$"
)
_FIRST_NAMES = words(
    """
    александр алексей анатолий андрей антон аркадий артем артур борис вадим валентин валерий
    василий виктор виталий владимир владислав вячеслав геннадий георгий григорий даниил
    денис дмитрий евгений егор иван игорь илья кирилл константин лев леонид максим марат
    михаил никита николай олег павел петр роман руслан сергей станислав степан тимур федор
    юрий ярослав рустам ильдар александра алена алина алла анастасия ангелина анна валентина
    валерия вера вероника виктория галина дарья диана евгения екатерина елена жанна зинаида
    зоя инна ирина карина кристина ксения лариса лидия лилия любовь людмила маргарита марина
    мария надежда наталия наталья нина оксана олеся ольга полина раиса регина светлана
    снежана софия софья таисия тамара татьяна ульяна юлия яна пётр артём фёдор алёна
    """
)
_FLAGS = words("0 1 true false t f y n yes no да нет x х")
_JOBS = re.compile(
    r"директор|менеджер|бухгалтер|инженер|снабжен|закуп|руководител|начальник|специалист|секретар|"
    r"администратор|manager|director|president|заместител|юрист|логист|продавец|кладовщик",
    re.IGNORECASE,
)


def _is_tin(value: str) -> bool:
    return not tins.parse(value).reason


def _is_ogrn(value: str) -> bool:
    return len(value) in (13, 15) and bool(_DIGITS.fullmatch(value)) and bool(ogrn.parse(value)[0])


def _is_phone(value: str) -> bool:
    return bool(_PHONE.match(value)) and not _DATE.fullmatch(value) and bool(phone.parse(value)[0])


def _is_address(value: str) -> bool:
    return len(value) > 10 and bool(_ADDRESS.search(value)) and bool(re.search(r"\d", value))


def _is_first_name(value: str) -> bool:
    return plain_word(value) in _FIRST_NAMES


def _is_middle_name(value: str) -> bool:
    return bool(_PERSON_WORD.fullmatch(value)) and bool(_MIDDLE_NAME.search(value))


def _is_last_name(value: str) -> bool:
    return (
        bool(_PERSON_WORD.fullmatch(value))
        and bool(_LAST_NAME.search(value))
        and not _is_first_name(value)
        and not _is_middle_name(value)
    )


def _is_whole_name(value: str) -> bool:
    parts = value.split()
    if not 2 <= len(parts) <= 4 or _COMPANY.search(value):
        return False
    return any(_is_first_name(part) or _is_middle_name(part) for part in parts)


def _is_time(value: str) -> bool:
    return bool(_DATE.fullmatch(value)) and bool(time.parse(value, local=True)[0])


def _is_number(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d{1,12}(?:[.,]\d{1,4})?", value.replace(" ", "")))


_TESTS: Mapping[str, Test] = {
    "tin": _is_tin,
    "kpp": lambda value: bool(_KPP.fullmatch(value)),
    "ogrn": _is_ogrn,
    "bik": lambda value: bool(_BIK.fullmatch(value)),
    "account": lambda value: bool(_ACCOUNT.fullmatch(value)),
    "corr_account": lambda value: bool(_CORRESPONDENT.fullmatch(value)),
    "emails": lambda value: "@" in value and bool(email.parse(value)[0]),
    "phones": _is_phone,
    "site": lambda value: "@" not in value and bool(_SITE.fullmatch(value)),
    "postal_code": lambda value: bool(_POSTAL_CODE.fullmatch(value)),
    "address": _is_address,
    "name": lambda value: bool(_COMPANY.search(value)),
    "full_name": lambda value: bool(_FULL_COMPANY.search(value)),
    "legal_form": lambda value: bool(_LEGAL_FORM.fullmatch(value)),
    "first_name": _is_first_name,
    "middle_name": _is_middle_name,
    "last_name": _is_last_name,
    "whole_name": _is_whole_name,
    "position": lambda value: bool(_JOBS.search(value)),
    "currency": lambda value: value.upper() in _CURRENCIES,
    "time": _is_time,
    "flag": lambda value: value.lower() in _FLAGS,
    "number": _is_number,
    "bank": lambda value: "банк" in value.lower() or "bank" in value.lower(),
}


def share(test: str, values: Iterable[Any]) -> float:
    """Returns which share of the values that are not empty is of a kind; 0 where there is none.

    >>> share("tin", ["7805746764", 7805746764, "", None]), share("kpp", [780501001, "044525225"])
    (1.0, 1.0)
    >>> share("phones", ["8 (812) 123-45-67", "+79211234567"]), share("emails", ["a@b.example"])
    (1.0, 1.0)
    """
    texts = [value_text(value) for value in values if value not in (None, "")]
    if not texts:
        return 0.0
    return sum(_passes(test, value) for value in texts) / len(texts)


@lru_cache(maxsize=65_536)
def _passes(test: str, value: str) -> bool:
    return _TESTS[test](value)


def value_text(value: Any) -> str:
    """Returns a value of a sample as text.

    >>> value_text(7805746764.0), value_text(True), value_text(["a", 1])
    ('7805746764', 'true', 'a, 1')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float | Decimal) and isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return text.clean(str(value))


def plain_word(value: str) -> str:
    """Returns a word in small letters."""
    return value.strip().lower()


def misread_encoding(values: Iterable[Any]) -> str:
    """Returns the encoding of texts that a driver took for Latin letters; empty where it did not.

    >>> misread_encoding(["ÎÎÎ «Ðîìàøêà»"]), misread_encoding(["ООО «Ромашка»", "Café"])
    ('windows-1251', '')
    """
    texts = [value for value in values if isinstance(value, str) and _has_foreign_letters(value)]
    for encoding in ("utf-8", "windows-1251"):
        if texts and sum(_is_misread(value, encoding) for value in texts) > len(texts) / 2:
            return encoding
    return ""


def _has_foreign_letters(value: str) -> bool:
    if value.isascii():
        return False
    return sum(letter.isalpha() and not letter.isascii() for letter in value) > _FEWEST_LETTERS


def _is_misread(value: str, encoding: str) -> bool:
    if text.has_cyrillic(value):
        return False
    try:
        decoded = read_again(value, encoding)
    except UnicodeError:
        return False
    letters = [letter for letter in decoded if letter.isalpha()]
    cyrillic = sum("а" <= letter.lower() <= "ё" for letter in letters)
    return cyrillic > 1 and cyrillic * 2 > len(letters)


def read_again(value: str, encoding: str) -> str:
    """Returns a text that was read as Latin letters as what its bytes are in an encoding.

    Raises:
        UnicodeError: the text holds other letters, or the bytes are not of the encoding.

    >>> read_again("Ðîìàøêà", "windows-1251")
    'Ромашка'
    """
    return b"".join(map(_latin_byte, value)).decode(encoding)


def _latin_byte(letter: str) -> bytes:
    # MySQL's latin1 is cp1252, and what that lacks is as in latin1.
    try:
        return letter.encode("cp1252")
    except UnicodeError:
        return letter.encode("latin1")
