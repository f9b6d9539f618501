"""The third store's bookkeeping: a workbook and a CSV file as 1C writes them.

Titles stand above the names of the columns, TINs and phones are numbers where they can be.
"""

import csv
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from openpyxl import Workbook

from sandbox.world.store_a_rows import MOSCOW
from sandbox.world.third_store import CompanyRow, ContactRow, ThirdStore

_COMPANY_COLUMNS: Final = (
    *("Код", "Наименование", "ИНН", "КПП", "ОГРН", "Юридический адрес", "Телефон"),
    *("Эл. почта", "Банк", "БИК", "Расчётный счёт", "Корр. счёт"),
    *("Пометка удаления", "Дата изменения"),
)
_CONTACT_COLUMNS: Final = (
    *("Код", "Код контрагента", "ФИО", "Должность", "Телефон", "Эл. почта"),
    *("Пометка удаления", "Дата изменения"),
)
# Characters that a workbook cannot hold.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_books(store: ThirdStore, folder: Path) -> None:
    """Writes ``Контрагенты.xlsx`` and ``КонтактныеЛица.csv``."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("TDSheet")
    for line in (["Справочник: Контрагенты"], ["Организация: ООО «Север»"], _COMPANY_COLUMNS):
        sheet.append(line)
    for company in store.company_rows():
        sheet.append(_company_line(company))
    book.save(folder / "Контрагенты.xlsx")
    path = folder / "КонтактныеЛица.csv"
    with path.open("w", encoding="cp1251", errors="replace", newline="") as file:
        lines = csv.writer(file, delimiter=";")
        lines.writerow(["Справочник: Контактные лица"])
        lines.writerow(_CONTACT_COLUMNS)
        lines.writerows(map(_contact_line, store.contact_rows()))


def _company_line(row: CompanyRow) -> list[str | int | datetime | None]:
    company, region = row.company, row.company.region
    bik, account, corr_account = row.bank_numbers
    address = f"{region.postal_code}, {region.name}, г. {region.city}, {company.street}"
    return [
        *(row.id, _CONTROLS.sub("", row.name)),
        int(row.tin) if row.tin and row.has_plain_tin else row.tin,
        *(row.kpp, row.ogrn, f"{address}, д. {company.house}", _phone(row.phones), row.email),
        *(row.bank, bik, account, corr_account, _yes_or_no(row.is_deleted)),
        datetime.fromtimestamp(row.changed, MOSCOW).replace(tzinfo=None),
    ]


def _contact_line(row: ContactRow) -> list[str | int | None]:
    changed = datetime.fromtimestamp(row.changed, MOSCOW).strftime("%d.%m.%Y %H:%M:%S")
    return [
        *(row.id, row.company, " ".join(filter(None, row.names)).strip(), row.position),
        *(_phone(row.phones), ", ".join(row.emails), _yes_or_no(row.is_deleted), changed),
    ]


def _phone(phones: list[str]) -> str | int | None:
    """Returns a phone of eleven digits as a number, others as text."""
    text = ", ".join(phones)
    digits = re.sub(r"\D", "", text)
    return int(digits) if len(digits) == 11 else text or None


def _yes_or_no(is_marked: bool) -> str:
    return "Да" if is_marked else "Нет"
