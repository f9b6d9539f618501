"""Our custom fields in the portal: a company's orders, and the stores that know it.

``svod crm setup`` creates them; without them everything else is loaded.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from transforms.core.golden_records import GoldenCompany
from transforms.crm.api.client import CrmClient
from transforms.crm.errors import Refused

Fields = dict[str, Any]


class CustomField(NamedTuple):
    """A custom field: its name in the portal's older spelling, its type, its label for people."""

    name: str
    type: str
    label: str


CUSTOM_FIELDS = (
    CustomField("UF_CRM_SVOD_ORDERS", "integer", "Заказов"),
    CustomField("UF_CRM_SVOD_TOTAL", "double", "Сумма заказов, ₽"),
    CustomField("UF_CRM_SVOD_LAST", "date", "Последний заказ"),
    CustomField("UF_CRM_SVOD_STORES", "string", "Магазины"),
)
_PREFIX = "UF_CRM_"


def names_in(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The portal's names of those of our fields that it has; ``fields`` as it describes them.

    >>> names_in({"ufCrmSvodTotal": {"upperName": "UF_CRM_SVOD_TOTAL"}, "title": {}})
    {'UF_CRM_SVOD_TOTAL': 'ufCrmSvodTotal'}
    """
    ours = {field.name for field in CUSTOM_FIELDS}
    upper_names = {name: str(field.get("upperName")) for name, field in fields.items()}
    return {upper: name for name, upper in upper_names.items() if upper in ours}


def custom_values(company: GoldenCompany, names: Mapping[str, str]) -> Fields:
    """A company's values of those custom fields that the portal has, by the portal's ``names``."""
    orders = company.orders
    values = {
        "UF_CRM_SVOD_ORDERS": orders.count if orders else 0,
        "UF_CRM_SVOD_TOTAL": f"{orders.total // 100}.{orders.total % 100:02}" if orders else "",
        "UF_CRM_SVOD_LAST": orders.last_on if orders else "",
        "UF_CRM_SVOD_STORES": ", ".join(company.stores),
    }
    return {names[name]: value for name, value in values.items() if name in names and value}


def create_missing(client: CrmClient, names: Mapping[str, str]) -> list[str]:
    """Create our fields that the portal does not have; return their names.

    Raises:
        Refused: the portal does not allow it; the error names the field.
    """
    missing = [field for field in CUSTOM_FIELDS if field.name not in names]
    for field in missing:
        try:
            client.call("crm.company.userfield.add", {"fields": _described(field)}, writes=True)
        except Refused as error:
            raise Refused(error.code, error.description, f"the field {field.name}") from None
    return [field.name for field in missing]


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
