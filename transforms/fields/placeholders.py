"""Words, signs and digits that people type into a field for which they have no value.

>>> is_placeholder("нет"), is_placeholder(" - "), is_placeholder("Н/Д"), is_placeholder("Нетесов")
(True, True, True, False)
"""


def words(listed: str, separator: str | None = None) -> frozenset[str]:
    """Returns the words of a text as a set."""
    return frozenset(word.strip() for word in listed.split(separator))


WORDS = words(
    """нет|неть|нету|не указан|не указана|не указано|не задано|не заполнено|нет данных|нет инн|
    нет телефона|нет имени|нет почты|нет адреса|нет сайта|н/д|нд|н/у|б/н|бн|б/и|б/о|без имени|
    без отчества|без инн|без номера|неизвестно|неизвестен|неизвестный|неизвестная|отсутствует|
    пусто|тест|тестовый|тестовая|тест тест|проверка|аноним|фио|имя|фамилия|отчество|
    хх|ххх|йцукен|фыва|test|tester|test test|none|null|nil|nan|undefined|unknown|empty|n/a|na|no|
    not set|xx|xxx|qwerty|asdf|#n/a|#н/д""",
    "|",
)
_COUNTING = "12345678901234567890"
_LONGEST = max(map(len, WORDS))


def is_placeholder(value: str) -> bool:
    """Whether a clean text stands for no value: a known filler, or without letters and digits."""
    if len(value) > 2 * _LONGEST and value[0].isalnum():
        return False
    if value.isdigit():
        return False
    word = value.strip(" .,;:!?-_*\"'«»()[]").lower()
    if word[:1].isalnum():
        return word in WORDS
    return word in WORDS or not any(map(str.isalnum, word))


def is_filler_number(digits: str) -> bool:
    """Whether digits only fill a field: one digit repeated, or digits that count from 0 or 1.

    >>> [is_filler_number(x) for x in ("000000000", "7", "1234567890", "0123456", "7805746764")]
    [True, True, True, True, False]
    """
    if digits.count(digits[:1]) == len(digits):
        return bool(digits)
    return len(digits) > 4 and _COUNTING.startswith(digits.removeprefix("0"))
