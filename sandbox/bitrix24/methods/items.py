"""Companies and contacts: ``crm.item.*``."""

from collections.abc import Mapping
from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, RestError, refuse
from sandbox.bitrix24.faults import Faults
from sandbox.bitrix24.methods.links import linked_companies
from sandbox.bitrix24.tables.fields import require, upper_name
from sandbox.bitrix24.tables.listing import find_page, read_filter, read_order
from sandbox.bitrix24.tables.state import KINDS, State
from sandbox.bitrix24.tables.table import Row

MAX_IMPORT = 20
MAX_VALUE_LENGTH = 250
_VALUE_TYPES = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
_LINKS = ("companyId", "companyIds")


class Items:
    """The methods ``crm.item.*`` of one portal."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state = state
        self._faults = faults

    def describe(self, params: Row) -> Answer:
        """Returns ``{"fields": {name: {"type", "isRequired", "isReadOnly", "isMultiple", …}}}``."""
        specs = self._state.fields[_kind(params)]
        return Answer(
            {
                "fields": {
                    name: {**field.describe(), "upperName": field.upper or upper_name(name)}
                    for name, field in specs.items()
                }
            }
        )

    def page(self, params: Row) -> Answer:
        """Returns a page of items, with ``fm`` only when ``select`` names it."""
        kind = _kind(params)
        specs = {n: f for n, f in self._state.fields[kind].items() if n != "fm"}
        stats = self._state.stats
        conditions = read_filter(params.get("filter"), specs, stats, strict=True)
        sort = read_order(params.get("order"), specs, stats, strict=True)
        page = find_page(self._state.tables[kind], specs, conditions, sort, params.get("start"))
        select = php.values(params.get("select")) or ["*"]
        selected = {"id", *(specs if "*" in select else ()), *map(php.to_str, select)}
        shown = [
            {n: v for n, v in self._show(kind, row).items() if n in selected} for row in page.rows
        ]
        return Answer({"items": shown}, page.total, page.next)

    def get(self, params: Row) -> Answer:
        """Returns one item with all fields."""
        kind = _kind(params)
        return Answer({"item": self._show(kind, self._existing(kind, params))})

    def add(self, params: Row) -> Answer:
        """Creates an item; accepts an origin that another item already has."""
        kind, values = _kind(params), _map(require(params, "fields"))
        fm = values.pop("fm", None)
        return Answer({"item": self._show(kind, self._create("crm.item.add", kind, values, fm))})

    def batch_import(self, params: Row) -> Answer:
        """Creates up to 20 items; returns a result for each, in the order of ``data``."""
        kind, data = _kind(params), require(params, "data")
        if len(php.values(data)) > MAX_IMPORT:
            refuse(
                f"You can only import {MAX_IMPORT} items at a time",
                "MAX_IMPORT_BATCH_SIZE_EXCEEDED",
            )
        results = {key: self._import(kind, _map(values)) for key, values in php.items(data)}
        return Answer({"items": php.array(results)})

    def _import(self, kind: str, values: Row) -> Row:
        fm = [
            {"typeId": name, "valueType": entry.get("VALUE_TYPE"), "value": entry.get("VALUE")}
            for name in _VALUE_TYPES
            for entry in map(_map, php.values(values.pop(name, None)))
        ]
        try:
            row = self._create("crm.item.batchImport", kind, values, fm)
        except RestError as error:
            self._state.stats.refuse(error.code)
            return error.body()
        return {"item": {"id": row["id"]}}

    def update(self, params: Row) -> Answer:
        """Changes the fields that are sent; keeps all others."""
        kind, values = _kind(params), _map(require(params, "fields"))
        row = self._existing(kind, params)
        fm = values.pop("fm", None)
        changes = self._cast(kind, values)
        self._refuse("crm.item.update", {**row, **changes})
        self._count_emptied(row, changes)
        changed_row = {**row, **changes, "fm": self._change_values(row["fm"] or [], fm)}
        _require_name(kind, changed_row)
        self._link(changed_row, changes, row)
        if changed_row == row:
            self._state.stats.blame("unchanged_updates")
        else:
            changed_row["updatedTime"] = self._state.timestamp()
            self._state.tables[kind].replace(changed_row)
            self._state.stats.wrote("crm.item.update")
        return Answer({"item": self._show(kind, changed_row)})

    def delete(self, params: Row) -> Answer:
        """Deletes an item and its requisites."""
        kind = _kind(params)
        self._state.delete(kind, self._existing(kind, params)["id"])
        self._state.stats.blame("deleted")
        self._state.stats.wrote("crm.item.delete")
        return Answer([])

    def _create(self, method: str, kind: str, values: Row, fm: Any) -> Row:
        changes = self._cast(kind, values)
        self._refuse(method, changes)
        stamp = self._state.timestamp()
        row: Row = {"createdTime": stamp, "updatedTime": stamp, "createdBy": 1, "updatedBy": 1}
        row |= {"assignedById": 1, "opened": "Y"} | changes
        _require_name(kind, row)
        row["fm"] = self._change_values([], fm)
        self._link(row, changes, {})
        self._count_duplicate(kind, row)
        row["id"] = self._state.tables[kind].add(row)
        self._state.stats.wrote(method)
        return row

    def _existing(self, kind: str, params: Row) -> Row:
        row = self._state.tables[kind].get(php.to_int(require(params, "id")))
        if row is None:
            refuse("Элемент не найден", "NOT_FOUND")
        return row

    def _cast(self, kind: str, values: Row) -> Row:
        """Converts the fields that exist to stored values; drops others silently."""
        specs, changes = self._state.fields[kind], {}
        for name, value in values.items():
            spec = specs.get(name)
            if spec is None or spec.read_only or name == "fm":
                self._state.stats.count_unknown_field(kind, name)
            else:
                changes[name] = spec.cast(value)
        return changes

    def _refuse(self, method: str, record: Mapping[str, Any]) -> None:
        fault = self._faults.refuses(method, record)
        if fault:
            code = "CRM_FIELD_ERROR_VALUE_NOT_VALID" if fault.code is None else fault.code
            refuse("Запись не принята", code)

    def _link(self, row: Row, changes: Row, before: Row) -> None:
        """Links a contact to the companies that ``changes`` names; the primary one comes first."""
        if not any(name in changes for name in _LINKS):
            return
        previous_ids = before.get("companyIds") or []
        primary = [changes["companyId"]] if changes.get("companyId") else []
        ids = [*primary, *({"companyIds": previous_ids} | changes)["companyIds"]]
        row |= linked_companies(self._state, ids, previous_ids)

    def _change_values(self, previous_values: list[Row], entries: Any) -> list[Row]:
        """Applies ``fm``: an existing id changes or deletes a value, any other key adds one."""
        values = {str(value["id"]): value for value in previous_values}
        for key, entry in php.items(entries):
            value, previous = php.to_str(_map(entry).get("value")).strip(), values.get(key)
            if len(value) > MAX_VALUE_LENGTH:
                refuse(f'Значение "fm" длиннее {MAX_VALUE_LENGTH} символов.')
            if previous and not value:
                del values[key]
            elif previous:
                value_type = entry.get("valueType", previous["valueType"])
                values[key] = {**previous, "valueType": value_type, "value": value}
            elif value:
                self._add_value(values, entry, value)
        return list(values.values())

    def _add_value(self, values: dict[str, Row], entry: Row, value: str) -> None:
        type_id = php.to_str(entry.get("typeId"))
        if type_id not in _VALUE_TYPES:
            self._state.stats.count_unknown_field("fm", type_id)
            return
        if (type_id, value) in {(known["typeId"], known["value"]) for known in values.values()}:
            self._state.stats.blame("repeated_values")
        value_id = self._state.value_id()
        kind = php.to_str(entry.get("valueType")) or "OTHER"
        values[str(value_id)] = {
            "id": value_id,
            "typeId": type_id,
            "valueType": kind,
            "value": value,
        }

    def _count_emptied(self, row: Row, changes: Row) -> None:
        emptied = [n for n, v in changes.items() if not v and row.get(n) and n not in _LINKS]
        self._state.stats.blame("emptied_fields", len(emptied))

    def _count_duplicate(self, kind: str, row: Row) -> None:
        origin = row.get("originId")
        if origin is None:
            return
        for item in self._state.find(kind, "originId", origin):
            if item["originatorId"] == row.get("originatorId"):
                self._state.stats.blame("duplicates")
                return

    def _show(self, kind: str, row: Row) -> Row:
        specs = self._state.fields[kind]
        shown = {
            n: f.show(row.get(n) if not f.multiple else row.get(n) or []) for n, f in specs.items()
        }
        return {**shown, "entityTypeId": next(t for t, name in KINDS.items() if name == kind)}


def _kind(params: Row) -> str:
    kind = KINDS.get(php.to_int(require(params, "entityTypeId")))
    if kind is None:
        refuse("Смарт-процесс не найден", "NOT_FOUND")
    return kind


def _map(value: Any) -> Row:
    return dict(php.items(value))


def _require_name(kind: str, row: Row) -> None:
    names = ("title",) if kind == "companies" else ("lastName", "name")
    if not any(row.get(name) for name in names):
        refuse(f'Не заполнено обязательное поле "{names[0]}"', "CRM_FIELD_ERROR_REQUIRED")
