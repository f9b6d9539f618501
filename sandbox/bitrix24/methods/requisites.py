"""Requisites, their bank details and their templates: ``crm.requisite.*``.

These methods are older than ``crm.item.*``: names are in upper case, every returned value is a
string, the ``error`` of a refusal is empty, and a filter's unknown fields are dropped.
"""

from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.faults import Faults
from sandbox.bitrix24.tables.listing import find_page, read_filter, read_order
from sandbox.bitrix24.tables.state import KINDS, REQUISITE, State
from sandbox.bitrix24.tables.table import Row

_TITLES = {"requisites": "Requisite", "bank_details": "RequisiteBankDetail"}
_METHODS = {"requisites": "crm.requisite", "bank_details": "crm.requisite.bankdetail"}


class Requisites:
    """The methods of ``requisites``, or of ``bank_details``, of one portal."""

    def __init__(self, state: State, faults: Faults, kind: str) -> None:
        self._state = state
        self._faults = faults
        self._kind = kind
        self._method = _METHODS[kind]

    def describe(self, _: Row) -> Answer:
        """Returns ``{NAME: {"type", "isRequired", "isReadOnly", …}}``."""
        return Answer({n: f.describe() for n, f in self._state.fields[self._kind].items()})

    def add(self, params: Row) -> Answer:
        """Creates a record and returns its id; accepts a second one with the same XML_ID."""
        changes = cast(self._state, self._kind, params, creating=True)
        self._refuse("add", changes)
        row: Row = {"ACTIVE": "Y", "SORT": 500, "DATE_CREATE": self._state.timestamp()} | changes
        if self._kind == "requisites":
            self._check_owner(row)
        else:
            row["ENTITY_TYPE_ID"] = REQUISITE
            check_requisite(self._state, row.get("ENTITY_ID"))
        if not row.get("NAME"):
            refuse("Не заполнено обязательное поле NAME.")
        self._count_duplicate(row)
        self._state.stats.wrote(f"{self._method}.add")
        return Answer(self._state.tables[self._kind].add(row))

    def update(self, params: Row) -> Answer:
        """Changes the fields that are sent; its owner cannot be changed."""
        row = self._existing(params)
        changes = cast(self._state, self._kind, params, creating=False)
        self._refuse("update", {**row, **changes})
        save(self._state, self._kind, f"{self._method}.update", row, changes)
        return Answer(result=True)

    def get(self, params: Row) -> Answer:
        """Returns one record with all fields."""
        return Answer(show(self._state, self._kind, self._existing(params)))

    def page(self, params: Row) -> Answer:
        """Returns a page of records."""
        return page(self._state, self._kind, params)

    def delete(self, params: Row) -> Answer:
        """Deletes a record and its dependent records."""
        self._state.delete(self._kind, self._existing(params)["id"])
        self._state.stats.blame("deleted")
        self._state.stats.wrote(f"{self._method}.delete")
        return Answer(result=True)

    def _existing(self, params: Row) -> Row:
        row_id = php.to_int(upper(params).get("ID"))
        if row_id <= 0:
            refuse("ID is not defined or invalid.")
        row = self._state.tables[self._kind].get(row_id)
        if row is None:
            refuse(f"The {_TITLES[self._kind]} with ID '{row_id}' is not found")
        return row

    def _check_owner(self, row: Row) -> None:
        kind = KINDS.get(row.get("ENTITY_TYPE_ID") or 0)
        if kind is None:
            refuse("ENTITY_TYPE_ID is not defined or invalid.")
        if (row.get("ENTITY_ID") or 0) <= 0:
            refuse("ENTITY_ID is not defined or invalid.")
        if str(row.get("PRESET_ID")) not in {preset["ID"] for preset in self._state.presets}:
            refuse("PRESET_ID is not defined or invalid.")
        if row["ENTITY_ID"] not in self._state.tables[kind]:
            refuse("Entity not found.")

    def _refuse(self, verb: str, record: Row) -> None:
        fault = self._faults.refuses(f"{self._method}.{verb}", record)
        if fault:
            refuse("Запись не принята", "" if fault.code is None else fault.code)

    def _count_duplicate(self, row: Row) -> None:
        place = ("XML_ID", "ENTITY_TYPE_ID", "ENTITY_ID")
        if row.get("XML_ID") and any(
            all(existing[name] == row[name] for name in place)
            for existing in self._state.find(self._kind, "XML_ID", row["XML_ID"])
        ):
            self._state.stats.blame(f"duplicate_{self._kind}")


def list_presets(state: State, params: Row) -> Answer:
    """Returns the templates that match a filter by ``COUNTRY_ID``, ``XML_ID``, ``ID`` …."""
    conditions = php.items(upper(params).get("FILTER"))
    presets = [
        preset
        for preset in state.presets
        if all(preset.get(key.lstrip("=")) == php.to_str(value) for key, value in conditions)
    ]
    return Answer(presets, total=len(presets))


def upper(params: Row) -> Row:
    """Returns parameters with names in upper case: the older methods ignore the case."""
    return {name.upper(): value for name, value in params.items()}


def check_requisite(state: State, requisite_id: int | None) -> None:
    """Raises 400 unless the requisite exists."""
    if requisite_id is None or requisite_id <= 0:
        refuse("ENTITY_ID is not defined or invalid.")
    if requisite_id not in state.tables["requisites"]:
        refuse(f"The Requisite with ID '{requisite_id}' is not found")


def cast(state: State, kind: str, params: Row, *, creating: bool) -> Row:
    """Converts the ``fields`` that exist to stored values; drops others silently."""
    changes: Row = {}
    for name, value in php.items(upper(params).get("FIELDS")):
        spec = state.fields[kind].get(name)
        if spec is None or spec.read_only:
            state.stats.count_unknown_field(kind, name)
        elif creating or not spec.fixed:
            changes[name] = spec.cast(value)
    return changes


def save(state: State, kind: str, method: str, row: Row, changes: Row) -> None:
    """Stores a changed record and counts violations."""
    emptied = [name for name, value in changes.items() if not value and row.get(name)]
    state.stats.blame("emptied_fields", len(emptied))
    if {**row, **changes} == row:
        state.stats.blame("unchanged_updates")
    stamp = {"DATE_MODIFY": state.timestamp()} if "DATE_MODIFY" in row else {}
    state.tables[kind].replace({**row, **changes, **stamp})
    state.stats.wrote(method)


def show(state: State, kind: str, row: Row) -> dict[str, Any]:
    """Formats a record as these methods return it: every value is a string or null."""
    values = {**row, "ID": row["id"]}
    return {
        name: None if values.get(name) is None else str(values[name]) for name in state.fields[kind]
    }


def page(state: State, kind: str, params: Row) -> Answer:
    """Returns a page of records with the fields that ``select`` names, or all fields."""
    upper_params, specs = upper(params), state.fields[kind]
    conditions = read_filter(upper_params.get("FILTER"), specs, state.stats, strict=False)
    sort = read_order(upper_params.get("ORDER"), specs, state.stats, strict=False)
    result_page = find_page(state.tables[kind], specs, conditions, sort, upper_params.get("START"))
    select = set(map(php.to_str, php.values(upper_params.get("SELECT")))) or {"*"}
    rows = [
        {n: v for n, v in show(state, kind, row).items() if "*" in select or n in select}
        for row in result_page.rows
    ]
    return Answer(rows, result_page.total, result_page.next)
