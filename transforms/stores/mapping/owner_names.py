"""What a store's owner calls the fields of our records: notes and evidence name both.

>>> from transforms.configuration.structs import AddressMapping, ContactTable
>>> names = owner_names(ContactTable(id="no", company="firm", name="fio", phones=["tel", "mob"]))
>>> names["phone"], names["last_name"], names["company_ids"], names.get("email")
('tel, mob', 'fio', 'firm', None)
"""

from collections.abc import Iterator, Mapping

import msgspec

from transforms.configuration.structs import (
    CompanyTable,
    Condition,
    Constant,
    ContactTable,
    OrderSums,
    RecordTable,
)

# The file's keys, and what records and notes call them.
_FIELDS = {
    "company": ("company_ids",),
    "kpp": ("kpp", "kpps"),
    "phones": ("phone", "phones"),
    "emails": ("email", "emails"),
    "name": ("name", "title"),
    "bank": ("account", "accounts", "bik"),
    "orders": ("orders",),
    "address": ("address",),
}
_NAME_PARTS = ("last_name", "first_name", "middle_name")
_ADDRESS_PARTS = ("postal_code", "region", "city", "street", "house")
_NO_FIELDS = ("from_", "files", "kind", "encoding", "header", "delimiter", "only", "company_store")


def owner_names(table: RecordTable) -> Mapping[str, str]:
    """Returns the owner's name of each field, by the field's name in records and in notes."""
    names: dict[str, str] = {}
    for field in table.__struct_fields__:
        value = getattr(table, field)
        if field in _NO_FIELDS or not (places := ", ".join(dict.fromkeys(_places(value)))):
            continue
        for name in _FIELDS.get(field, (field,)):
            names[name] = places
    if isinstance(table, ContactTable) and table.name:
        for part in _NAME_PARTS:
            names.setdefault(part, names["name"])
    if isinstance(table, CompanyTable):
        names.update(_part_names(table))
    names.update({f"extra.{name}": ", ".join(_places(value)) for name, value in _extra(table)})
    return names


def _part_names(table: CompanyTable) -> Iterator[tuple[str, str]]:
    for part in _ADDRESS_PARTS if table.address else ():
        if places := ", ".join(_places(getattr(table.address, part))):
            yield part, places


def _extra(table: RecordTable) -> Iterator[tuple[str, object]]:
    yield from getattr(table, "extra", {}).items()


def _places(value: object) -> Iterator[str]:
    """Yields the paths in a value of the file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Condition):
        yield value.field
    elif isinstance(value, list):
        for part in value:
            yield from _places(part)
    elif isinstance(value, OrderSums) or getattr(value, "each", None) is None:
        yield from _places_of_struct(value)
    else:
        yield str(getattr(value, "each", ""))


def _places_of_struct(value: object) -> Iterator[str]:
    if isinstance(value, msgspec.Struct) and not isinstance(value, Constant):
        for field in value.__struct_fields__:
            yield from _places(getattr(value, field))
