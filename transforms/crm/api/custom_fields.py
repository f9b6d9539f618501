"""Our custom fields in the portal: a company's orders, its stores, what the register says of it.

``svod crm setup`` creates them; without them everything else is loaded.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from transforms.crm.api.client import CrmClient
from transforms.crm.api.portal_fields import (
    Description,
    PortalField,
    fold_name,
    is_fillable,
    portal_field,
)
from transforms.crm.card_settings import FieldRules
from transforms.crm.errors import Refused

Fields = dict[str, Any]


class CustomField(NamedTuple):
    """A custom field: its name in the portal's older spelling, type, label, and what fills it."""

    name: str
    type: str
    label: str
    value: str


STORE_KEYS = "store_keys"
"""The value of a field that names stores by their keys."""

CUSTOM_FIELDS = (
    CustomField("UF_CRM_SVOD_ORDERS", "integer", "Заказов", "orders.count"),
    CustomField("UF_CRM_SVOD_TOTAL", "double", "Сумма заказов, ₽", "orders.total"),
    CustomField("UF_CRM_SVOD_LAST", "date", "Последний заказ", "orders.last_on"),
    CustomField("UF_CRM_SVOD_STORES", "string", "Магазины", STORE_KEYS),
    CustomField("UF_CRM_SVOD_REGISTER", "string", "Статус в реестре", "register.status"),
    CustomField("UF_CRM_SVOD_STATUS_ON", "date", "Статус на дату", "register.status_on"),
    CustomField("UF_CRM_SVOD_OKVED", "string", "ОКВЭД", "register.okved"),
    CustomField("UF_CRM_SVOD_SINCE", "date", "Зарегистрирована", "register.since"),
    CustomField("UF_CRM_SVOD_DIRECTOR", "string", "Руководитель", "register.director"),
)
# Those of a program that did not note how cards are filled.
_FIRST_VALUES = frozenset(field.value for field in CUSTOM_FIELDS[:4])
_PREFIX = "UF_CRM_"


def our_fields(description: Description, used_names: Collection[str]) -> list[PortalField]:
    """Those of our fields that the portal has and that the file does not fill otherwise.

    >>> description = {"ufCrmSvodTotal": {"upperName": "UF_CRM_SVOD_TOTAL", "type": "double"}}
    >>> [(field.name, field.value) for field in our_fields(description, ())]
    [('ufCrmSvodTotal', 'orders.total')]
    """
    names = _names_in(description)
    return [
        portal_field(name, field.value, description[name], is_ours=True)
        for field in CUSTOM_FIELDS
        if (name := names.get(field.name, ""))
        and name not in used_names
        and is_fillable(description[name])
    ]


def value_names(rules: FieldRules) -> dict[str, str]:
    """What fills each field of a card, by ``fold_name`` of the field: by the file, or by setup."""
    ours = {fold_name(field.name): field.value for field in CUSTOM_FIELDS}
    return ours | {fold_name(name): value for name, value in rules}


def first_fields(fields: Iterable[PortalField]) -> list[PortalField]:
    """Those of the fields that a program filled which did not note how cards are filled."""
    return [field for field in fields if field.is_ours and field.value in _FIRST_VALUES]


def missing_fields(description: Description) -> list[CustomField]:
    """Those of our fields that the portal does not have."""
    names = _names_in(description)
    return [field for field in CUSTOM_FIELDS if field.name not in names]


def _names_in(description: Description) -> Mapping[str, str]:
    return {str(field.get("upperName")): name for name, field in description.items()}


def create_fields(client: CrmClient, fields: Iterable[CustomField]) -> list[str]:
    """Create these fields; return their names.

    Raises:
        Refused: the portal does not allow it; the error names the field.
    """
    names: list[str] = []
    for field in fields:
        try:
            client.call("crm.company.userfield.add", {"fields": _described(field)}, writes=True)
        except Refused as error:
            raise Refused(error.code, error.description, f"the field {field.name}") from None
        names.append(field.name)
    return names


def _described(field: CustomField) -> Fields:
    label = {"ru": field.label}
    return {
        "FIELD_NAME": field.name.removeprefix(_PREFIX),
        "XML_ID": field.name,
        "USER_TYPE_ID": field.type,
        "EDIT_FORM_LABEL": label,
        "LIST_COLUMN_LABEL": label,
        "EDIT_IN_LIST": "N",
    }
