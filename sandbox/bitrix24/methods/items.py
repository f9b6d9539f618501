"""Companies and contacts: ``crm.item.*``."""

from collections.abc import Mapping
from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, RestError, refuse
from sandbox.bitrix24.faults import Faults
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
        """``{"fields": {name: {"type", "isRequired", "isReadOnly", "isMultiple", …}}}``."""
        specs = self._state.fields[_kind(params)]
        return Answer(
            {"fields": {n: {**f.describe(), "upperName": upper_name(n)} for n, f in specs.items()}}
        )

    def page(self, params: Row) -> Answer:
        """A page of items; ``fm`` only when ``select`` names it."""
        kind = _kind(params)
        specs = {n: f for n, f in self._state.fields[kind].items() if n != "fm"}
        stats = self._state.stats
        conditions = read_filter(params.get("filter"), specs, stats, strict=True)
        sort = read_order(params.get("order"), specs, stats, strict=True)
        page = find_page(self._state.tables[kind], specs, conditions, sort, params.get("start"))
        select = php.values(params.get("select")) or ["*"]
        wanted = {"id", *(specs if "*" in select else ()), *map(php.to_str, select)}
        shown = [
            {n: v for n, v in self._show(kind, row).items() if n in wanted} for row in page.rows
        ]
        return Answer({"items": shown}, page.total, page.next)

    def get(self, params: Row) -> Answer:
        """One item, whole."""
        kind = _kind(params)
        return Answer({"item": self._show(kind, self._existing(kind, params))})

    def add(self, params: Row) -> Answer:
        """Creates an item; an origin that is there already is no reason to refuse it."""
        kind, given = _kind(params), _map(require(params, "fields"))
        fm = given.pop("fm", None)
        return Answer({"item": self._show(kind, self._create("crm.item.add", kind, given, fm))})

    def batch_import(self, params: Row) -> Answer:
        """Creates up to 20 items; each has its own result, in the order of ``data``."""
        kind, data = _kind(params), require(params, "data")
        if len(php.values(data)) > MAX_IMPORT:
            refuse(
                f"You can only import {MAX_IMPORT} items at a time",
                "MAX_IMPORT_BATCH_SIZE_EXCEEDED",
            )
        results = {key: self._import(kind, _map(given)) for key, given in php.items(data)}
        return Answer({"items": php.array(results)})

    def _import(self, kind: str, given: Row) -> Row:
        fm = [
            {"typeId": name, "valueType": one.get("VALUE_TYPE"), "value": one.get("VALUE")}
            for name in _VALUE_TYPES
            for one in map(_map, php.values(given.pop(name, None)))
        ]
        try:
            row = self._create("crm.item.batchImport", kind, given, fm)
        except RestError as error:
            self._state.stats.refuse(error.code)
            return error.body()
        return {"item": {"id": row["id"]}}

    def update(self, params: Row) -> Answer:
        """Changes an item: the fields that are sent, and no others."""
        kind, given = _kind(params), _map(require(params, "fields"))
        row = self._existing(kind, params)
        fm = given.pop("fm", None)
        changes = self._cast(kind, given)
        self._refuse("crm.item.update", {**row, **changes})
        self._count_emptied(row, changes)
        new = {**row, **changes, "fm": self._change_values(row["fm"] or [], fm)}
        _require_name(kind, new)
        self._link(new, changes, row)
        if new == row:
            self._state.stats.blame("unchanged_updates")
        else:
            new["updatedTime"] = self._state.timestamp()
            self._state.tables[kind].replace(new)
            self._state.stats.wrote("crm.item.update")
        return Answer({"item": self._show(kind, new)})

    def delete(self, params: Row) -> Answer:
        """Deletes an item with its requisites."""
        kind = _kind(params)
        self._state.delete(kind, self._existing(kind, params)["id"])
        self._state.stats.blame("deleted")
        self._state.stats.wrote("crm.item.delete")
        return Answer([])

    def _create(self, method: str, kind: str, given: Row, fm: Any) -> Row:
        changes = self._cast(kind, given)
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

    def _cast(self, kind: str, given: Row) -> Row:
        """The fields that exist, as the portal keeps them; others are dropped without a word."""
        specs, changes = self._state.fields[kind], {}
        for name, value in given.items():
            spec = specs.get(name)
            if spec is None or spec.read_only or name == "fm":
                self._state.stats.unknown(kind, name)
            else:
                changes[name] = spec.cast(value)
        return changes

    def _refuse(self, method: str, record: Mapping[str, Any]) -> None:
        fault = self._faults.refuses(method, record)
        if fault:
            code = "CRM_FIELD_ERROR_VALUE_NOT_VALID" if fault.code is None else fault.code
            refuse("Запись не принята", code)

    def _link(self, row: Row, changes: Row, before: Row) -> None:
        """Links a contact to companies that exist; others are dropped without a word."""
        if not any(name in changes for name in _LINKS):
            return
        had, stats = before.get("companyIds") or [], self._state.stats
        first = [changes["companyId"]] if changes.get("companyId") else []
        ids = dict.fromkeys([*first, *({"companyIds": had} | changes)["companyIds"]])
        known = [one for one in ids if one in self._state.tables["companies"]]
        stats.blame("bad_links", len(ids) - len(known))
        stats.blame("links_wiped", len(set(had) - set(known)))
        row["companyIds"], row["companyId"] = known, next(iter(known), None)

    def _change_values(self, had: list[Row], given: Any) -> list[Row]:
        """Phones, e-mails, sites after ``fm``: a known id changes or deletes, another key adds."""
        new = {str(one["id"]): one for one in had}
        for key, entry in php.items(given):
            value, kept = php.to_str(_map(entry).get("value")).strip(), new.get(key)
            if len(value) > MAX_VALUE_LENGTH:
                refuse(f'Значение "fm" длиннее {MAX_VALUE_LENGTH} символов.')
            if kept and not value:
                del new[key]
            elif kept:
                new[key] = {**kept, "valueType": entry.get("valueType", kept["valueType"])}
                new[key]["value"] = value
            elif value:
                self._add_value(new, entry, value)
        return list(new.values())

    def _add_value(self, values: dict[str, Row], entry: Row, value: str) -> None:
        type_id = php.to_str(entry.get("typeId"))
        if type_id not in _VALUE_TYPES:
            self._state.stats.unknown("fm", type_id)
            return
        if any((one["typeId"], one["value"]) == (type_id, value) for one in values.values()):
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
        for other in self._state.find(kind, "originId", origin):
            if other["originatorId"] == row.get("originatorId"):
                self._state.stats.blame("duplicates")
                return

    def _show(self, kind: str, row: Row) -> Row:
        specs = self._state.fields[kind]
        shown = {n: row.get(n) if not f.multiple else row.get(n) or [] for n, f in specs.items()}
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
