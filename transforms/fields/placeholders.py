"""Words and signs that people type where they have nothing to say.

>>> is_placeholder("нет"), is_placeholder(" - "), is_placeholder("Н/Д"), is_placeholder("Нетесов")
(True, True, True, False)
"""

WORDS = frozenset(
    """нет|неть|нету|не указан|не указана|не указано|не задано|не заполнено|нет данных|нет инн|нет телефона|
    нет имени|нет почты|нет адреса|нет сайта|н/д|нд|н/у|б/н|бн|б/и|б/о|без имени|без отчества|без инн|без номера|неизвестно|неизвестен|
    неизвестный|неизвестная|отсутствует|отсутств|пусто|тест|тестов|тестовый|тестовая|тест тест|проверка|аноним|
    фио|имя|фамилия|отчество|ххх|хх|х|йцукен|фыва|
    test|tester|test test|none|null|nil|nan|undefined|unknown|empty|n/a|na|no|not set|xxx|xx|x|qwerty|asdf|
    #n/a|#н/д""".replace("\n    ", "").split("|")
)


def is_placeholder(value: str) -> bool:
    """Whether the (clean) text says nothing: no letter and no digit in it, or a known filler."""
    word = value.strip(" .-_*\"'«»()").lower()
    return word in WORDS or not any(map(str.isalnum, word))


def is_filler_number(digits: str) -> bool:
    """Whether digits only fill a field: one digit repeated, or counting up or down.

    >>> [is_filler_number(x) for x in ("0000000000", "7", "1234567890", "123456789012", "7805746764")]
    [True, True, True, True, False]
    """
    counting = len(digits) > 4 and (digits in "012345678901234567890" or digits in "9876543210")
    return bool(digits) and (counting or digits == digits[0] * len(digits))
