"""Weighs for each column what it may hold: by its name, and by what stands in it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transforms.proposal.contents import share, value_text
from transforms.proposal.names import name_strength, plain_name
from transforms.proposal.samples import Column, Table

COMPANY_ROLES = (
    *("tin", "kpp", "ogrn", "name", "full_name", "legal_form", "phones", "emails", "site"),
    *("address", "postal_code", "region", "city", "street", "house"),
    *("bik", "account", "bank", "corr_account", "changed_at", "created_at", "deleted", "active"),
)
CONTACT_ROLES = (
    *("last_name", "first_name", "middle_name", "whole_name", "position", "phones", "emails"),
    *("changed_at", "created_at", "deleted", "active"),
)
ORDER_ROLES = ("number", "total", "currency", "status", "created_at", "changed_at")

CERTAIN = 0.55
"""From here on a column is taken; below, it stands in the file as a comment."""

_DOUBTFUL = 0.25
_SEVERAL = frozenset(("phones", "emails"))
# What stands there says what it is, whatever the column is called.
_DECISIVE = frozenset(
    ("tin", "kpp", "ogrn", "bik", "account", "corr_account", "emails", "phones", "site")
) | {"postal_code", "currency"}
_TIMES = frozenset(("changed_at", "created_at"))
_MARKS = frozenset(("deleted", "active"))
_TESTED = frozenset(("name", "full_name", "legal_form", "address", "bank", "position"))
_TESTED |= {"last_name", "first_name", "middle_name", "whole_name"}
_ADDRESS_PARTS = ("postal_code", "region", "city", "street", "house")
_NO_TEXTS = ("number", "time", "flag", "emails", "tin")


class Fit(NamedTuple):
    """A column that may hold what the role says; ``reason`` tells why it is doubtful."""

    points: float
    role: str
    column: str
    reason: str = ""


class RoleFits(NamedTuple):
    """The columns that are taken by role, and those that are not sure."""

    columns: Mapping[str, list[str]]
    doubts: list[Fit]


def assign_roles(table: Table, roles: Iterable[str], used: Iterable[str] = ()) -> RoleFits:
    """Returns which column holds what; each column at most one role, each role its best column.

    ``used`` are columns that have a role already.
    """
    taken = set(used)
    fits = [fit(role, column) for role in roles for column in table.columns]
    columns: dict[str, list[str]] = {}
    doubts: list[Fit] = []
    order = {column.name: number for number, column in enumerate(table.columns)}
    for candidate in sorted(fits, key=lambda fit: (-fit.points, order[fit.column])):
        is_free = candidate.role not in columns or candidate.role in _SEVERAL
        if candidate.column in taken or not is_free:
            continue
        if candidate.points >= CERTAIN:
            columns.setdefault(candidate.role, []).append(candidate.column)
            taken.add(candidate.column)
        elif candidate.points >= _DOUBTFUL and not _is_doubted(candidate, doubts):
            doubts.append(candidate)
    sorted_columns = {role: sorted(names, key=order.__getitem__) for role, names in columns.items()}
    return RoleFits(sorted_columns, [doubt for doubt in doubts if doubt.column not in taken])


def _is_doubted(candidate: Fit, doubts: list[Fit]) -> bool:
    return any(candidate.column == doubt.column or candidate.role == doubt.role for doubt in doubts)


def fit(role: str, column: Column) -> Fit:
    """Returns how well a column fits a role, from 0 to 1."""
    strength = name_strength(role, column.name)
    if role in _DECISIVE:
        return _by_content(role, column, strength)
    if role in _TIMES:
        return _by_time(role, column, strength)
    if role in _MARKS:
        return _by_mark(role, column, strength)
    return _by_name(role, column, strength)


def _by_content(role: str, column: Column, strength: float) -> Fit:
    portion = _portion(role, column, strength)
    if portion >= 0.5:
        return Fit(0.6 + 0.3 * portion + 0.1 * strength, role, column.name)
    if not strength or column.is_key:
        return Fit(0, role, column.name)
    if not column.filled:
        return Fit(0.4, role, column.name, "by its name only: the sample has no value in it")
    reason = f"by its name only: {portion:.0%} of the values look like it"
    return Fit(0.3 if portion else 0.26, role, column.name, reason)


def _portion(role: str, column: Column, strength: float) -> float:
    """Returns which share of the values speaks for the role, and not for another one."""
    portion = share(role, column.filled)
    if role == "kpp" and not strength and share("bik", column.filled) > 0.9:
        return 0.0
    if role == "bik" and name_strength("kpp", column.name):
        return 0.0
    if role == "phones" and not strength and share("tin", column.filled) >= 0.5:
        return 0.0
    return portion


def _by_time(role: str, column: Column, strength: float) -> Fit:
    if not strength or name_strength(_opposite(role), column.name) > strength:
        return Fit(0, role, column.name)
    if not column.filled:
        return Fit(0.4, role, column.name, "by its name only: the sample has no value in it")
    is_time = share("time", column.filled) >= 0.5 or _is_epoch(column)
    return Fit(0.9 * strength if is_time else 0, role, column.name)


def _opposite(role: str) -> str:
    return "created_at" if role == "changed_at" else "changed_at"


def _is_epoch(column: Column) -> bool:
    texts = [value_text(value) for value in column.filled]
    return all(len(text) in (10, 13) and text.isdigit() and text[0] == "1" for text in texts)


def _by_mark(role: str, column: Column, strength: float) -> Fit:
    is_mark = max(share("flag", column.filled), share("time", column.filled)) >= 0.9
    if not strength or (column.filled and not is_mark):
        return Fit(0, role, column.name)
    if role == "active":
        reason = "it says who is there, not who is gone: is it so that a record without it is gone?"
        return Fit(0.3, role, column.name, reason)
    return Fit(0.9 * strength, role, column.name)


def _by_name(role: str, column: Column, strength: float) -> Fit:
    portion = share(role, column.filled) if role in _TESTED else 0.0
    if role == "total":
        is_number = share("number", column.filled) >= 0.9
        return Fit(0.9 * strength if is_number and not column.is_key else 0, role, column.name)
    if _is_other(role, column):
        return Fit(0, role, column.name)
    if role not in ("number", "status", "house") and portion < 0.5 and _is_no_text(column):
        return Fit(0, role, column.name)
    if not strength:
        return Fit(
            0.6 * portion if portion >= 0.95 else 0.35 * portion, role, column.name, _UNNAMED
        )
    if not column.filled:
        return Fit(0.4 * strength, role, column.name, "by its name only: no value in the sample")
    return Fit(0.8 * strength + 0.2 * portion, role, column.name)


_UNNAMED = "by its values only: its name says nothing"


def _is_other(role: str, column: Column) -> bool:
    """Whether a column is called like the role, and is something else by a second look."""
    if role in _TESTED and plain_name(column.name).endswith("_id"):
        return True
    if role == "address":
        return any(name_strength(part, column.name) for part in _ADDRESS_PARTS)
    if role in ("name", "full_name"):
        is_person = max(share(test, column.filled) for test in ("whole_name", "first_name")) > 0.6
        return is_person and share("name", column.filled) < 0.3
    if role == "whole_name":
        return max(share(test, column.filled) for test in ("first_name", "last_name")) > 0.6
    if role == "number":
        return len(set(column.filled)) * 2 < len(column.filled)
    return False


def _is_no_text(column: Column) -> bool:
    return any(share(test, column.filled) > 0.8 for test in _NO_TEXTS)
