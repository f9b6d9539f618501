"""Custom fields: ``crm.company.userfield.*``, ``crm.contact.userfield.*``."""

import re

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.tables.fields import Field, item_name
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row

_NAME = re.compile(r"[A-Z0-9_]{1,43}")
_TYPES = (
    *("string", "integer", "double", "date", "datetime", "boolean", "money", "url", "address"),
    *("enumeration", "file", "employee", "crm", "crm_status", "iblock_element"),
)


class UserFields:
    """The methods ``crm.<entity>.userfield.*`` of ``companies`` or ``contacts``."""

    def __init__(self, state: State, kind: str) -> None:
        self._state, self._kind = state, kind

    def add(self, params: Row) -> Answer:
        """Creates a field ``UF_CRM_<FIELD_NAME>``; refuses a second one with the same name."""
        values = dict(php.items(params.get("fields")))
        code, kind = (php.to_str(values.get(key)) for key in ("FIELD_NAME", "USER_TYPE_ID"))
        code = code.removeprefix("UF_CRM_")
        if not _NAME.fullmatch(code):
            refuse("The FIELD_NAME is not valid.")
        if kind not in _TYPES:
            refuse("The USER_TYPE_ID is not valid.")
        upper = f"UF_CRM_{code}"
        if item_name(upper) in self._state.fields[self._kind]:
            refuse(f"The field '{upper}' already exists.")
        is_multiple = php.to_str(values.get("MULTIPLE")) == "Y"
        texts = [
            php.to_str(dict(php.items(o)).get("VALUE")) for o in php.values(values.get("LIST"))
        ]
        return Answer(self._state.add_field(self._kind, upper, kind, is_multiple, texts))

    def page(self, params: Row) -> Answer:
        """Returns the custom fields; ``filter`` compares names and types."""
        conditions = {name: php.to_str(text) for name, text in php.items(params.get("filter"))}
        shown = [
            row
            for row in map(_show, self._own_fields())
            if all(row.get(name) == text for name, text in conditions.items())
        ]
        return Answer(shown, total=len(shown))

    def _own_fields(self) -> list[Row]:
        return [row for row in self._state.user_fields if row["kind"] == self._kind]


def _show(row: Row) -> Row:
    field: Field = row["field"]
    return {
        "ID": str(row["id"]),
        "FIELD_NAME": field.upper,
        "USER_TYPE_ID": field.type,
        "XML_ID": None,
        "SORT": "100",
        "MULTIPLE": "Y" if field.multiple else "N",
        "MANDATORY": "N",
        "LIST": [{"ID": str(option_id), "VALUE": text} for option_id, text in field.options],
    }
