"""The ledger's codes in plain Russian: what each means and what a person can do about it."""

from pipeline.report.html import Html, fill

REASONS = {
    "missing_tin": "ИНН не указан",
    "bad_tin_format": "На месте ИНН стоит не ИНН",
    "bad_tin_checksum": "Контрольные цифры ИНН не сходятся",
    "placeholder_tin": "Вместо ИНН заглушка",
    "not_in_register": "В реестре такой компании нет",
    "not_active": "Компания не действует",
    "deleted_in_store": "Удалена в магазине",
    "no_company": "Контакт не привязан ни к одной компании",
    "company_refused": "Все компании контакта отказаны",
    "no_name": "У контакта нет никакого имени",
    "register_no_answer": "Реестр не ответил",
    "waiting_for_company": "Компания контакта ещё не пришла",
    "crm_not_reached": "До Битрикс24 дело не дошло",
}
DELETED_CONTACT = "Удалён в магазине"

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
}

BROKEN = {
    "file_cut": "файл обрывается",
    "broken_gzip": "архив повреждён",
    "empty_file": "файл пуст",
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


def reason(code: str, kind: str = "company") -> str:
    """A reason in plain words; a code that is not known is its own word."""
    if code == "deleted_in_store" and kind == "contact":
        return DELETED_CONTACT
    return REASONS.get(code, code)


def with_code(words: str, code: str) -> Html:
    """The plain words, and the code that tables and commands use."""
    if words == code:
        return fill("<code>{}</code>", code)
    return fill("{} <code>{}</code>", words, code)


def command(name: str) -> str:
    """The command that a run was started with."""
    return COMMANDS.get(name.split()[0] if name else "", f"svod {name}")
