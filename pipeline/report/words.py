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
    "changed_at": "Время изменения",
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
