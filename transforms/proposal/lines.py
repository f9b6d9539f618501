"""The lines of a table of records, made of the roles of its columns."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from transforms.proposal.contents import value_text
from transforms.proposal.roles import Fit, RoleFits, assign_roles
from transforms.proposal.samples import Column, Table

_ADDRESS_PARTS = ("postal_code", "region", "city", "street", "house")
_BANK = ("bik", "account", "bank", "corr_account")
_SINGLE = ("kpp", "ogrn", "name", "full_name", "legal_form", "site", "changed_at", "created_at")
_CANCELLED = re.compile(r"cancel|отмен|аннул|return|возврат|refund|declin|failed", re.IGNORECASE)


class Line(msgspec.Struct, frozen=True):
    """A key of the file with its value; ``doubt`` says why it stands there as a comment."""

    key: str
    value: Any
    doubt: str = ""


# A contact that stands in the row of its company has these of it too.
_SHARED = frozenset(("phones", "emails", "changed_at", "created_at", "deleted", "only"))


def shared_lines(table: Table) -> list[Line]:
    """Returns what a contact has of the company whose row names it."""
    fits = assign_roles(table, ("phones", "emails", "changed_at", "created_at", "deleted"))
    return [Line(role, _one_or_all(names)) for role, names in fits.columns.items()]


def company_lines(fits: RoleFits) -> list[Line]:
    """Returns the lines of a table of companies, all but id and TIN."""
    columns = fits.columns
    lines = [Line(role, columns[role][0]) for role in _SINGLE if role in columns]
    lines += [*_list_lines(fits), *_address_lines(columns), *_bank_lines(columns)]
    if "deleted" in columns:
        lines.append(Line("deleted", columns["deleted"][0]))
    return [*lines, *doubt_lines(fits.doubts)]


def _address_lines(columns: Mapping[str, list[str]]) -> Iterator[Line]:
    address = {"text": columns["address"][0]} if "address" in columns else {}
    address |= {part: columns[part][0] for part in _ADDRESS_PARTS if part in columns}
    if address:
        yield Line("address", _with_each(address))


def _bank_lines(columns: Mapping[str, list[str]]) -> Iterator[Line]:
    bank = {part: columns[part][0] for part in _BANK if part in columns}
    is_whole = "bik" in bank and "account" in bank
    if bank:
        yield Line("bank", _with_each(bank), "" if is_whole else "it needs bik and account")


def _with_each(paths: dict[str, str]) -> dict[str, str]:
    """Returns the paths of a list's elements: those of one element, and the list itself."""
    lists = {path.rpartition("[].")[0] for path in paths.values()}
    if len(lists) != 1 or "" in lists:
        return paths
    return {"each": lists.pop(), **{key: path.rpartition("[].")[2] for key, path in paths.items()}}


def person_lines(fits: RoleFits) -> list[Line]:
    """Returns the lines of a table of contacts, all but id and company."""
    columns = fits.columns
    names = [role for role in ("last_name", "first_name", "middle_name") if role in columns]
    lines = [Line(role, columns[role][0]) for role in names]
    if "whole_name" in columns:
        doubt = "the parts of the name stand in columns of their own" if len(names) > 1 else ""
        lines.append(Line("name", columns["whole_name"][0], doubt))
    for role in ("position", "changed_at", "created_at", "deleted"):
        if role in columns:
            lines.append(Line(role, columns[role][0]))
    doubts = [doubt for doubt in fits.doubts if doubt.role != "whole_name" or not names]
    return [*lines, *_list_lines(fits), *doubt_lines(doubts)]


def _list_lines(fits: RoleFits) -> list[Line]:
    columns = fits.columns
    return [
        Line(role, _one_or_all(columns[role])) for role in ("phones", "emails") if role in columns
    ]


def doubt_lines(doubts: Iterable[Fit]) -> list[Line]:
    """Returns the lines that stand in the file as comments."""
    lines = []
    for doubt in doubts:
        if doubt.role == "active":
            value: Any = {"field": doubt.column, "is": ["0", "false"]}
            lines.append(Line("deleted", value, doubt.reason))
        elif doubt.role in _ADDRESS_PARTS:
            lines.append(Line("address", {doubt.role: doubt.column}, doubt.reason))
        elif doubt.role in _BANK:
            lines.append(Line("bank", {doubt.role: doubt.column}, doubt.reason))
        elif doubt.reason:
            key = "name" if doubt.role == "whole_name" else doubt.role
            value = {"text": doubt.column} if key == "address" else doubt.column
            lines.append(Line(key, value, doubt.reason))
    return lines


def _one_or_all(names: list[str]) -> Any:
    return names[0] if len(names) == 1 else names


def cancelled_lines(status: Column) -> list[Line]:
    """Returns the line of those states that mean a cancelled order."""
    values = sorted({value_text(value) for value in status.filled})
    cancelled = [value for value in values if _CANCELLED.search(value)]
    return [Line("cancelled", cancelled)] if cancelled else []


def used_columns(lines: Iterable[Line]) -> set[str]:
    """Returns the columns that the lines name, without those that a contact may share."""
    names: set[str] = set()
    for line in lines:
        values = line.value.values() if isinstance(line.value, dict) else [line.value]
        for value in values if line.key not in _SHARED else ():
            names |= set(value) if isinstance(value, list) else {value}
    return names
