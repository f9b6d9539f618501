"""Fields that a portal's owner adds: ``crm.company.userfield.*``."""

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
        self._made: list[Row] = []

    def add(self, params: Row) -> Answer:
        """Creates a field ``UF_CRM_<FIELD_NAME>``; one of the same name is refused."""
        given = dict(php.items(params.get("fields")))
        name, kind = (php.to_str(given.get(key)) for key in ("FIELD_NAME", "USER_TYPE_ID"))
        name = name.removeprefix("UF_CRM_")
        if not _NAME.fullmatch(name):
            refuse("The FIELD_NAME is not valid.")
        if kind not in _TYPES:
            refuse("The USER_TYPE_ID is not valid.")
        own = "ufCrm" + name.title().replace("_", "")
        fields = self._state.fields["companies"]
        if own in fields:
            refuse(f"The field 'UF_CRM_{name}' already exists.")
        fields[own] = Field(own, kind)
        self._state.tables["companies"].add_field(own)
        self._made.append({"ID": str(len(self._made) + 1), "FIELD_NAME": f"UF_CRM_{name}"})
        return Answer(len(self._made))

    def page(self, _: Row) -> Answer:
        """The fields made so far."""
        return Answer(self._made, total=len(self._made))
