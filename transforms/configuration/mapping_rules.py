"""Rules of a store's tables of records: where each value stands, and what makes a record."""

from collections.abc import Iterator
from typing import Any

import msgspec

from transforms.configuration.paths import path_problem
from transforms.configuration.problems import Problem, unknown_name
from transforms.configuration.shape import join_key
from transforms.configuration.source_rules import record_tables
from transforms.configuration.structs import (
    AddressMapping,
    BankMapping,
    CompanyTable,
    Condition,
    Configuration,
    Constant,
    ContactTable,
    OrderSums,
    RecordTable,
    StoreTable,
)

_NESTED_KINDS = ("json", "jsonl")
# Keys of a table that are no places of values.
_NO_PATHS = frozenset(("from_", "files", "kind", "encoding", "header", "delimiter"))
_NO_PATHS |= {"company_store", "cancelled"}


def check_tables(place: str, store: StoreTable) -> Iterator[Problem]:
    """Yields what is wrong in the mappings of a store's tables."""
    for name, table in record_tables(store):
        key = join_key(place, name)
        yield from _check_values(key, table, _is_nested(store, table))
        for field in ("id", "changed_at", "created_at"):
            if isinstance(getattr(table, field), Constant):
                yield Problem(
                    join_key(key, field), "a constant never tells rows apart: name a field"
                )
        if isinstance(table, CompanyTable):
            has_lists = _is_nested(store, table) or _has_topic(store)
            yield from _check_company(key, table, has_lists)
    if store.changes and _has_topic(store):
        changes = join_key(place, "changes")
        if store.changes.record is not None:
            yield from _check_path(join_key(changes, "record"), store.changes.record, True)
        if store.changes.sent_at is not None:
            yield from _check_path(join_key(changes, "sent_at"), store.changes.sent_at, True)
        for name in ("deleted", "operation"):
            if condition := getattr(store.changes, name):
                yield from _check_condition(join_key(changes, name), condition, True)


def check_contact(
    place: str, key: str, store: StoreTable, configuration: Configuration
) -> Iterator[Problem]:
    """Yields what is wrong in a store's contacts: their names, and whose companies they name."""
    contact = store.contact
    if contact is None:
        return
    if not _has_name(contact):
        yield Problem(
            join_key(place, "contact", "last_name"),
            "it is missing: a contact needs last_name or first_name, or name for a whole name",
        )
    company_store, field = contact.company_store, join_key(place, "contact", "company_store")
    if company_store is not None and company_store not in configuration.store:
        yield Problem(field, unknown_name("store", company_store, configuration.store))
    elif (owner := configuration.store[company_store or key]).company is None and owner.contact:
        yield Problem(
            field,
            f"store {company_store or key} has no companies to which these contacts could belong:"
            " name the store whose ids they bear",
        )


def check_order(place: str, store: StoreTable) -> Iterator[Problem]:
    """Yields what is wrong in a store's orders."""
    order, key = store.order, join_key(place, "order")
    if order is None:
        return
    if store.company is None and store.contact:
        yield Problem(key, "the store has no companies whose orders these could be: leave it out")
    if order.contact is not None and store.contact is None:
        yield Problem(join_key(key, "contact"), "the store has no contacts: leave it out")
    if order.cancelled and order.status is None:
        yield Problem(join_key(key, "status"), "it is missing: cancelled orders are told by it")


def _has_name(contact: ContactTable) -> bool:
    names = (contact.name, contact.last_name, contact.first_name, contact.middle_name)
    return any(name is not None for name in names)


def _is_nested(store: StoreTable, table: RecordTable) -> bool:
    """Whether a value's place is an expression: the records are objects in objects."""
    kind = table.kind or (store.full.kind if store.full else None)
    if kind is not None:
        return kind in _NESTED_KINDS
    return _has_topic(store)


def _has_topic(store: StoreTable) -> bool:
    return store.changes is not None and store.changes.kind == "kafka"


def _check_values(key: str, table: msgspec.Struct, is_nested: bool) -> Iterator[Problem]:
    """Yields what is wrong in the places of a table's values, nested tables included."""
    for field in msgspec.structs.fields(table):
        value = getattr(table, field.name)
        if field.name not in _NO_PATHS and value is not None:
            yield from _check_value(join_key(key, field.encode_name), value, is_nested)


def _check_value(key: str, value: Any, is_nested: bool) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _check_path(key, value, is_nested)
    elif isinstance(value, list):
        if not value:
            yield Problem(key, "an empty list never has a value: name a field, or leave it out")
        for number, item in enumerate(value):
            yield from _check_value(join_key(key, number), item, is_nested)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not name.isidentifier():
                yield Problem(join_key(key, name), "expected is a name of letters, digits and _")
            yield from _check_value(join_key(key, name), item, is_nested)
    elif isinstance(value, Condition):
        yield from _check_condition(key, value, is_nested)
    elif isinstance(value, AddressMapping | BankMapping | OrderSums):
        yield from _check_values(key, value, is_nested)


def _check_path(key: str, path: str, is_nested: bool) -> Iterator[Problem]:
    if is_nested and (text := path_problem(path)):
        yield Problem(key, text)


def _check_condition(key: str, condition: Condition, is_nested: bool) -> Iterator[Problem]:
    yield from _check_path(join_key(key, "field"), condition.field, is_nested)
    lists = {"is": condition.is_, "is_not": condition.is_not}
    if condition.filled is None and all(texts is None for texts in lists.values()):
        yield Problem(key, "it says nothing of the field: add is, is_not or filled")
    for name, texts in lists.items():
        if texts == []:
            yield Problem(join_key(key, name), "the list is empty: no value is in it")
    yield from _check_contradiction(key, condition)


def _check_contradiction(key: str, condition: Condition) -> Iterator[Problem]:
    values = set(map(_fold, condition.is_ or ()))
    if values and values <= set(map(_fold, condition.is_not or ())):
        yield Problem(join_key(key, "is"), "is_not takes all of these out: no row is left")
    if values and condition.filled is False and all(values):
        yield Problem(join_key(key, "filled"), "a field that is empty has none of these values")


def _fold(value: object) -> str:
    return str(value).strip().casefold()


def _check_company(key: str, company: CompanyTable, has_lists: bool) -> Iterator[Problem]:
    if company.address:
        yield from _check_each(join_key(key, "address"), company.address, has_lists)
        if company.address.prefer and company.address.each is None:
            yield Problem(
                join_key(key, "address", "prefer"),
                "there is but one address to take: it needs each, the path of a list",
            )
    for place, bank in _banks(join_key(key, "bank"), company):
        yield from _check_each(place, bank, has_lists)
        for name in ("bik", "account"):
            if getattr(bank, name) is None:
                yield Problem(
                    join_key(place, name), "it is missing: an account is known by bik and account"
                )
    if company.orders and not _has_values(company.orders):
        yield Problem(join_key(key, "orders"), "it names no field: add count, total or last_at")


def _banks(key: str, company: CompanyTable) -> Iterator[tuple[str, BankMapping]]:
    if isinstance(company.bank, list):
        for number, bank in enumerate(company.bank):
            yield join_key(key, number), bank
    elif company.bank:
        yield key, company.bank


def _check_each(
    key: str, mapping: AddressMapping | BankMapping, has_lists: bool
) -> Iterator[Problem]:
    if mapping.each is not None and not has_lists:
        yield Problem(
            join_key(key, "each"), "it never applies here: only json, jsonl and kafka have lists"
        )
    if not _has_values(mapping):
        yield Problem(key, "it names no field")


def _has_values(mapping: msgspec.Struct) -> bool:
    names = (
        name for name in mapping.__struct_fields__ if name not in ("each", "prefer", "currency")
    )
    return any(getattr(mapping, name) is not None for name in names)
