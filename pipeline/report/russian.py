"""The ledger's codes in plain Russian: what each means, and what a person can do about it."""

from collections.abc import Sequence

REASONS = {
    "missing_tin": "ИНН не указан",
    "bad_tin_format": "На месте ИНН стоит не ИНН",
    "bad_tin_checksum": "Контрольные цифры ИНН не сходятся",
    "placeholder_tin": "Вместо ИНН заглушка",
    "not_in_register": "В реестре такой компании нет",
    "not_active": "Компания не действует",
    "deleted_in_store": "Удалена в магазине",
    "gone_from_store": "В магазине её больше нет",
    "no_company": "Контакт не привязан ни к одной компании",
    "company_refused": "Все компании контакта отказаны",
    "no_name": "У контакта нет никакого имени",
    "register_no_answer": "Реестр не ответил",
    "waiting_for_company": "Компания контакта ещё не пришла",
    "crm_not_reached": "До Битрикс24 дело не дошло",
}
OF_CONTACTS = {
    "deleted_in_store": "Удалён в магазине",
    "gone_from_store": "В магазине его больше нет",
}

STORE_STATES = {
    "absent": "в настройках его больше нет, его строки остаются",
    "withdrawn": "отозван, его строки в базу не входят",
}

# The most urgent first.
REMEDIES = {
    "crm_not_reached": "Запустите прогон ещё раз: он продолжит с этого места.",
    "register_no_answer": "Запустите прогон ещё раз, когда реестр отвечает или появится суточный"
    " лимит. Ответы можно загрузить и файлами: svod register import.",
    "waiting_for_company": "Делать ничего не нужно: контакт загрузится, когда придёт его компания."
    " Если ждёт долго, проверьте привязку в магазине.",
}

STATUSES = {
    "ACTIVE": "действует",
    "LIQUIDATING": "ликвидируется",
    "LIQUIDATED": "ликвидирована",
    "BANKRUPT": "банкротство",
    "REORGANIZING": "реорганизуется",
}

COMMANDS = {
    "full": "Полная загрузка",
    "delta": "Загрузка изменений",
    "plan": "План загрузки",
    "apply": "Загрузка по плану",
    "replay": "Повтор отложенного",
    "reconcile": "Сверка с CRM",
    "register": "Импорт ответов реестра",
}

KINDS = {"company": "Компании", "contact": "Контакты"}

FIELDS = {
    "tin": "ИНН",
    "kpp": "КПП",
    "ogrn": "ОГРН",
    "name": "Название или имя",
    "full_name": "Полное название",
    "last_name": "Фамилия",
    "first_name": "Имя",
    "middle_name": "Отчество",
    "position": "Должность",
    "phone": "Телефон",
    "phones": "Телефон",
    "email": "E-mail",
    "emails": "E-mail",
    "site": "Сайт",
    "address": "Адрес",
    "account": "Счёт в банке",
    "accounts": "Счёт в банке",
    "bank": "Счёт в банке",
    "bik": "БИК",
    "corr_account": "Корр. счёт",
    "orders": "Заказы",
    "legal_form": "Правовая форма",
    "postal_code": "Индекс",
    "region": "Регион",
    "city": "Город",
    "taxnumbers": "Налоговые номера",
    "company_ids": "Компании контакта",
    "changed_at": "Время изменения",
}

PROBLEMS = {
    "unreadable": "не читается",
    "unreadable_characters": "есть нечитаемые символы",
    "in_the_future": "ещё не наступило",
    "placeholder": "заглушка",
    "incomplete": "неполный номер",
    "repaired": "исправлено",
    "leading_zero": "возвращён ноль в начале",
    "bad_checksum": "контрольные цифры не сходятся",
    "no_bik": "нет БИК",
    "no_account": "нет счёта",
    "not_used": "не использовано",
    "wrong_type": "не тот тип значения",
    "too_long": "слишком длинно",
    "too_many": "слишком много значений",
    "not_in_roubles": "не в рублях",
    "no_offset": "без часового пояса",
    "missing": "нет значения",
    "unknown_type": "неизвестный вид номера",
    "second_value": "второе значение",
    "sole_proprietor_has_none": "у ИП его не бывает",
    "not_a_number": "не число, поле в Битрикс24 не тронуто",
    "not_whole": "не целое число, поле в Битрикс24 не тронуто",
    "too_large": "слишком большое число, поле в Битрикс24 не тронуто",
    "not_a_date": "не дата, поле в Битрикс24 не тронуто",
    "not_in_list": "нет в списке поля в Битрикс24, поле не тронуто",
    "not_yes_or_no": "не да и не нет, поле в Битрикс24 не тронуто",
}

DEAD_LETTERS = {
    "file_cut": "файл обрывается",
    "broken_gzip": "архив повреждён",
    "broken_zip": "архив повреждён",
    "broken_workbook": "книга Excel повреждена",
    "no_sheet": "в книге нет такого листа",
    "empty_file": "файл пуст",
    "wrong_cell_count": "не то число ячеек в строке",
    "unclosed_quote": "кавычка не закрыта",
    "line_too_long": "слишком длинная строка",
    "broken_record": "запись не читается",
    "no_id": "у записи нет номера",
    "no_records": "в файле нет такого списка записей",
    "not_json": "это не JSON",
    "no_partners": "в файле нет партнёров",
    "broken_partner": "запись не читается",
    "broken_header": "заголовок не читается",
    "trailing_garbage": "лишнее после конца",
    "not_a_partner": "это не партнёр",
    "not_an_object": "это не объект",
    "no_partner_number": "нет номера партнёра",
    "bad_category": "категория не 1 и не 2",
}


STAGES = {
    "read": "Строк прочитано",
    "valid": "Прошли проверку",
    "golden_company": "Разных компаний",
    "golden_contact": "Разных людей",
    "loaded": "В Битрикс24",
    "changed": "Создано и обновлено",
}

LOSSES = {
    "refused": "отказано",
    "waiting": "ждёт",
    "merged": "слилось с дубликатами",
    "rejected": "отклонил портал",
    "not_reached": "ещё не отправлено",
}


def reason(code: str, kind: str = "company") -> str:
    """Returns a reason in plain words; the code itself if it is not known."""
    of_kind = OF_CONTACTS.get(code) if kind == "contact" else None
    return of_kind or REASONS.get(code, code)


def command(name: str) -> str:
    """Returns what people call a command."""
    return COMMANDS.get(name.split()[0] if name else "", f"svod {name}")


def of_stores(count: int) -> str:
    """Returns the number of stores in the genitive.

    >>> of_stores(2), of_stores(12)
    ('двух магазинов', '12 магазинов')
    """
    words = {1: "одного магазина", 2: "двух магазинов", 3: "трёх магазинов", 4: "четырёх магазинов"}
    return words.get(count, f"{count} магазинов")


def from_stores(keys: Sequence[str]) -> str:
    """Returns where rows were read.

    >>> from_stores(["A"]), from_stores(["A", "B"]), from_stores(list("ABCDE"))
    ('из магазина A', 'из магазинов A и B', 'из 5 магазинов')
    >>> from_stores([])
    'ни один магазин не читается'
    """
    if not keys:
        return "ни один магазин не читается"
    if len(keys) > 4:
        return f"из {len(keys)} магазинов"
    return f"из магазин{'ов' if len(keys) > 1 else 'а'} {_listed(keys)}"


def overlap_title(keys: Sequence[str], store_count: int) -> str:
    """Returns which stores know a record; ``keys`` are empty for combinations not named.

    >>> overlap_title(["A"], 2), overlap_title(["A", "B"], 2), overlap_title(["A", "B"], 3)
    ('Только в A', 'В обоих', 'В A и B')
    """
    if not keys:
        return "В других сочетаниях"
    if len(keys) == 1:
        return f"Только в {keys[0]}"
    if len(keys) == store_count:
        return "В обоих" if store_count == 2 else "Во всех"
    return f"В {_listed(keys)}"


def _listed(keys: Sequence[str]) -> str:
    return " и ".join(filter(None, (", ".join(keys[:-1]), keys[-1])))
