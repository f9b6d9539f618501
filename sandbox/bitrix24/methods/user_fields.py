"""Custom fields: ``crm.company.userfield.*``."""

import re

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.tables.fields import Field
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row

_NAME = re.compile(r"[A-Z0-9_]{1,43}")
_TYPES = ("string", "integer", "double", "date", "boolean")


class UserFields:
    """The methods ``crm.company.userfield.*`` of one portal."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._user_fields: list[Row] = []

    def add(self, params: Row) -> Answer:
        """Creates a field ``UF_CRM_<FIELD_NAME>``; refuses a second one with the same name."""
        values = dict(php.items(params.get("fields")))
        name, kind = (php.to_str(values.get(key)) for key in ("FIELD_NAME", "USER_TYPE_ID"))
        name = name.removeprefix("UF_CRM_")
        if not _NAME.fullmatch(name):
            refuse("The FIELD_NAME is not valid.")
        if kind not in _TYPES:
            refuse("The USER_TYPE_ID is not valid.")
        item_name = "ufCrm" + name.title().replace("_", "")
        fields = self._state.fields["companies"]
        if item_name in fields:
            refuse(f"The field 'UF_CRM_{name}' already exists.")
        fields[item_name] = Field(item_name, kind)
        self._state.tables["companies"].add_field(item_name)
        field_id = len(self._user_fields) + 1
        self._user_fields.append({"ID": str(field_id), "FIELD_NAME": f"UF_CRM_{name}"})
        return Answer(field_id)

    def page(self, _: Row) -> Answer:
        """Returns the custom fields."""
        return Answer(self._user_fields, total=len(self._user_fields))
