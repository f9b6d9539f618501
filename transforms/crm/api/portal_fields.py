"""The portal's own fields that cards show: found in its description, with type and list values.

Source: contracts/configuration, contracts/crm.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from transforms.configuration.problems import nearest_name
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api.batch import as_map
from transforms.crm.card_settings import FieldRules

FieldForm = Literal["text", "whole", "number", "money", "date", "moment", "choice", "yes_or_no"]
"""What a field's type makes of a value."""

_FORMS: Mapping[str, FieldForm] = {
    "string": "text",
    "text": "text",
    "url": "text",
    "address": "text",
    "integer": "whole",
    "double": "number",
    "money": "money",
    "date": "date",
    "datetime": "moment",
    "enumeration": "choice",
    "boolean": "yes_or_no",
}
_TABLES: Mapping[str, str] = {COMPANY: "crm.company", CONTACT: "crm.contact"}
_PLURALS: Mapping[str, str] = {COMPANY: "companies", CONTACT: "contacts"}

Description = Mapping[str, Mapping[str, Any]]
"""The portal's fields of a kind of record, by name, as ``crm.item.fields`` describes them."""


class PortalField(msgspec.Struct, frozen=True):
    """A field of the portal, and the value of our records that goes into it.

    ``options`` are a list's texts, each with its id. ``is_ours``: ``svod crm setup`` made it, and
    nobody else is expected to fill it.
    """

    name: str
    value: str
    form: FieldForm
    is_multiple: bool = False
    options: tuple[tuple[str, str], ...] = ()
    is_ours: bool = False


class FieldLookup:
    """Finds the portal's fields by their names in any form of case.

    >>> lookup = FieldLookup({"ufCrmOkved": {"upperName": "UF_CRM_OKVED"}, "title": {}})
    >>> lookup.find("ufCrmOkved"), lookup.find("UF_CRM_OKVED"), lookup.find("uf_crm_okved")
    (['ufCrmOkved'], ['ufCrmOkved'], ['ufCrmOkved'])
    >>> lookup.find("ufCrmOkvad"), lookup.nearest("ufCrmOkvad")
    ([], ' (nearest: ufCrmOkved)')
    """

    def __init__(self, description: Description) -> None:
        self._exact: dict[str, str] = {}
        self._folded: dict[str, list[str]] = {}
        for name, field in description.items():
            for form in dict.fromkeys((name, str(field.get("upperName") or name))):
                self._exact.setdefault(form, name)
                names = self._folded.setdefault(fold_name(form), [])
                if name not in names:
                    names.append(name)

    def find(self, name: str) -> list[str]:
        """The portal's names of the field: several when more than one is written like that."""
        if name in self._exact:
            return [self._exact[name]]
        return self._folded.get(fold_name(name), [])

    def nearest(self, name: str) -> str:
        """`` (nearest: …)`` with the portal's name that looks most like this one."""
        match = nearest_name(fold_name(name), self._folded)
        return f" (nearest: {self._folded[match][0]})" if match else ""


def fold_name(name: str) -> str:
    """A name of a field without regard to its form of case.

    >>> fold_name("UF_CRM_OKVED") == fold_name("ufCrmOkved")
    True
    """
    return name.replace("_", "").lower()


def resolve_fields(
    kind: str, rules: FieldRules, description: Description, used_names: Iterable[str]
) -> tuple[list[PortalField], list[str]]:
    """The portal's fields that the file names, and all that is wrong with them, for people.

    ``used_names`` are those that the program fills itself.
    """
    lookup = FieldLookup(description)
    fields: dict[str, PortalField] = {}
    problems: list[str] = []
    for written_name, value in rules:
        key = f"[{_TABLES[kind]}] {written_name}"
        names = lookup.find(written_name)
        if len(names) != 1:
            problems.append(f"{key}: {_unclear(kind, written_name, names, lookup)}")
            continue
        (name,) = names
        reasons = list(_unfit(name, description[name], used_names))
        if name in fields:
            reasons.append(f"it is the same field as another line's: {name}; leave one of them out")
        problems += [f"{key}: {reason}" for reason in reasons]
        if not reasons:
            fields[name] = portal_field(name, value, description[name])
    return list(fields.values()), problems


def _unclear(kind: str, written_name: str, names: Iterable[str], lookup: FieldLookup) -> str:
    candidates = ", ".join(names)
    if candidates:
        return f"several fields of the portal are written like that: {candidates}; give one of them"
    return (
        f"the portal's {_PLURALS[kind]} have no such field{lookup.nearest(written_name)}; make it"
        " in the portal, or take the line out"
    )


def _unfit(name: str, field: Mapping[str, Any], used_names: Iterable[str]) -> Iterator[str]:
    if name in used_names:
        yield "svod fills this field itself: take the line out"
    elif field.get("isReadOnly") or field.get("isImmutable"):
        yield "the portal lets nobody change this field: name another one"
    elif not is_fillable(field):
        yield (
            f"its type is {field.get('type')}, which svod does not fill: it takes text, number,"
            " money, date, list and yes/no"
        )


def is_fillable(field: Mapping[str, Any]) -> bool:
    """Whether the field is of a type that has a form."""
    return field.get("type") in _FORMS


def portal_field(
    name: str, value: str, field: Mapping[str, Any], *, is_ours: bool = False
) -> PortalField:
    """The field as the portal describes it."""
    options = as_map(field.get("items")).values()
    return PortalField(
        name,
        value,
        _FORMS[str(field["type"])],
        bool(field.get("isMultiple")),
        tuple(_option(option) for option in options if isinstance(option, Mapping)),
        is_ours,
    )


def _option(option: Mapping[str, Any]) -> tuple[str, str]:
    words = {str(name).upper(): str(word) for name, word in option.items()}
    return words.get("VALUE", ""), words.get("ID", "")
