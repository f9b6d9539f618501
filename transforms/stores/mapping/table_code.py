"""Writes the cleaner of a table: companies or contacts of a store, as its configuration says."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from transforms.configuration.structs import (
    AddressMapping,
    BankMapping,
    CompanyTable,
    Condition,
    ContactTable,
    OrderSums,
    RecordTable,
    Value,
    Values,
)
from transforms.core.records import COMPANY, CONTACT, Address, Kind
from transforms.fields import address, orders
from transforms.stores.mapping import conditions, record_code, values
from transforms.stores.mapping.companies import RawBankAccount, RawCompany, company_row
from transforms.stores.mapping.contacts import RawContact, contact_row
from transforms.stores.mapping.exclusions import NO_ID, Outside, Unusable
from transforms.stores.mapping.headers import (
    NO_CLOCK_BOUND,
    REPLACED,
    ClockBound,
    RowHeader,
    change_time,
    future_note,
    is_set,
    mark_notes,
    raw_json,
    unreadable_notes,
)
from transforms.stores.mapping.ids import IdForm
from transforms.stores.mapping.record_code import (
    ColumnCode,
    ColumnsError,
    NestedCode,
    RecordCode,
    any_source,
    list_source,
    text_source,
    typed_paths,
    value_source,
)
from transforms.stores.mapping.source_code import SourceCode

PARAMETERS = "record, order=0, clock_bound=NO_CLOCK_BOUND"
CONSTANTS: dict[str, object] = {
    **conditions.CONSTANTS, **record_code.CONSTANTS,
    "ColumnsError": ColumnsError, "NO_ADDRESS": Address(), "NO_CLOCK_BOUND": NO_CLOCK_BOUND,
    "REPLACED": REPLACED,
    "Outside": Outside, "RawBankAccount": RawBankAccount, "RawCompany": RawCompany,
    "RawContact": RawContact, "RowHeader": RowHeader, "Unusable": Unusable,
    "bank_accounts": values.bank_accounts, "change_time": change_time,
    "choose_address": address.choose, "company_row": company_row, "contact_row": contact_row,
    "extra_texts": values.extra_texts, "future_note": future_note, "is_set": is_set,
    "mark_notes": mark_notes, "no_orders": values.no_orders,
    "parse_address": address.parse, "parse_orders": orders.parse, "raw_json": raw_json,
    "unreadable_notes": unreadable_notes,
}  # fmt: skip
"""What the written code calls."""

_ADDRESS = ("text", "postal_code", "region", "city", "street", "house")
_ACCOUNT = ("bik", "account", "bank", "corr_account")
_SUMS = ("count", "total", "last_at", "currency")
_SUM_COLUMNS = ("orders_count", "orders_total", "orders_last_at", "orders_currency")
"""Where a reader puts the sums of a table of orders; where it has none, they are not there."""

# Other programs read these reasons of store B's dead letters.
_NO_ID_REASONS = {"partner": ("no_partner_number", "the partner has no number")}


class TableForm(NamedTuple):
    """What a table's records have in common with the rest of the store.

    ``company_ids`` is the form of the ids that a contact names. ``is_snapshot``: the store is read
    as it stands now. ``has_orders``: a reader sums single orders up for a company.
    """

    source: str
    ids: IdForm
    company_ids: IdForm
    zone: ZoneInfo
    is_snapshot: bool = False
    has_orders: bool = False


Clean = Callable[[dict[str, Any], int, ClockBound], Any]


def compile_nested(table: RecordTable, form: TableForm) -> Clean:
    """Returns the cleaner of the table's records, which are objects of JSON."""
    code = SourceCode(CONSTANTS)
    record = NestedCode(code, typed_paths(msgspec.structs.asdict(table)))
    _write_table(record, table, form)
    return code.function("clean", PARAMETERS)


def compile_columns(
    table: RecordTable,
    form: TableForm,
    columns: tuple[str, ...],
    decode: Callable[[Mapping[str, object]], dict[str, object]] | None,
) -> Clean:
    """Returns the cleaner of records that have these columns.

    ``decode`` decodes those that a database has not. It raises ``ColumnsError`` for a record that
    it does not fit.
    """
    code = SourceCode(CONSTANTS)
    record = ColumnCode(code, columns)
    _write_table(record, table, form)
    first = []
    if decode:
        first.append(f"record = {code.constant(decode, 'decode')}(record)")
    if not record.is_exact:
        names = code.constant(frozenset(columns), "columns")
        first += [f"if record.keys() != {names}:", "    raise ColumnsError"]
    reads = [f"    {name} = record[{column!r}]" for column, name in record.read.items()]
    first += [
        "try:",
        *(reads or ["    pass"]),
        "except KeyError:",
        "    raise ColumnsError from None",
    ]
    code.open(first)
    return code.function("clean", PARAMETERS)


def _write_table(record: RecordCode, table: RecordTable, form: TableForm) -> None:
    if isinstance(table, CompanyTable):
        write_company(record, table, form)
    elif isinstance(table, ContactTable):
        write_contact(record, table, form)


def write_company(record: RecordCode, table: CompanyTable, form: TableForm) -> None:
    """Write the body of a company's cleaner."""
    _write_header(record, table, form, COMPANY)
    code = record.code
    notes = []
    if (source := _address_source(record, table.address)) != "NO_ADDRESS, ()":
        code.line(f"address, address_notes = {source}")
        notes.append("address_notes")
    has_sums = form.has_orders or table.orders is not None
    if has_sums:
        code.line(f"orders, order_notes = {_orders_source(record, table.orders)}")
        notes.append("order_notes")
    banks, has_notes = _banks_source(record, table.bank)
    arguments = [
        list_source(record, table.tin, "tin"),
        any_source(record, table.kpp, "kpp"),
        any_source(record, table.ogrn, "ogrn"),
        text_source(record, table.name, "name"),
        value_source(record, table.legal_form, "legal_form"),
        text_source(record, table.full_name, "full_name"),
        "address" if notes[:1] == ["address_notes"] else "NO_ADDRESS",
        banks,
        any_source(record, table.phones, "phones"),
        any_source(record, table.emails, "emails"),
        value_source(record, table.site, "site"),
        "orders" if has_sums else "None",
    ]
    extra, extra_notes = _extra_source(record, table.extra)
    notes += [*record.notes(), *(["bank_notes"] if has_notes else []), *extra_notes, "notes"]
    arguments += [" + ".join(notes), extra]
    code.line(f"return company_row(header, RawCompany({', '.join(arguments)}))")


def write_contact(record: RecordCode, table: ContactTable, form: TableForm) -> None:
    """Write the body of a contact's cleaner."""
    _write_header(record, table, form, CONTACT)
    code = record.code
    read = code.constant(form.company_ids.read_several, "company_ids")
    code.line(f"company_ids, id_notes = {read}({any_source(record, table.company, 'company')})")
    arguments = [
        *_name_sources(record, table),
        text_source(record, table.position, "position"),
        "company_ids",
        any_source(record, table.phones, "phones"),
        any_source(record, table.emails, "emails"),
    ]
    extra, extra_notes = _extra_source(record, table.extra)
    notes = " + ".join(["id_notes", *record.notes(), *extra_notes, "notes"])
    code.line(f"return contact_row(header, RawContact({', '.join(arguments)}, {notes}, {extra}))")


def _extra_source(record: RecordCode, extra: dict[str, Values]) -> tuple[str, list[str]]:
    """Returns the source of the texts for the CRM's own fields, and the name of their notes."""
    if not extra:
        return "()", []
    pairs = (
        f"({name!r}, {text_source(record, extra[name], f'extra.{name}')})" for name in sorted(extra)
    )
    record.code.line(f"extra, extra_notes = extra_texts(({', '.join(pairs)},))")
    return "extra", ["extra_notes"]


def _name_sources(record: RecordCode, table: ContactTable) -> list[str]:
    """Returns the sources of last, first and middle name; a whole name stands for a missing one."""
    parts = (table.last_name, table.first_name, table.middle_name)
    sources = [text_source(record, part) for part in parts]
    if not table.name:
        return sources
    last, first, middle = (record.code.assign(source) for source in sources)
    whole = text_source(record, table.name)
    return [f"({last} if {last} or {first} or {middle} else {whole})", first, middle]


def _write_header(record: RecordCode, table: RecordTable, form: TableForm, kind: Kind) -> None:
    """Write the lines that make the row's header; they return early for what is no row."""
    code, source = record.code, repr(form.source)
    if table.only:
        value = code.assign(record.path(table.only.field))
        outside = outside_source(record, table, form, kind)
        code.line(f"if not {conditions.condition_source(code, table.only, value)}:")
        code.line(f"    return {outside}")
    write_id(record, table, form)
    code.line("if not source_id:")
    code.line(f"    return {missing_id(table, form)}")
    _write_time(record, table, form)
    code.line("original = raw_json(record)")
    code.line("if REPLACED in original:")
    code.line("    notes += unreadable_notes(record, original)")
    deleted = _deleted_source(record, table.deleted)
    arguments = f"source_id, changed_at, order, {deleted}, original, undated"
    code.line(f"header = RowHeader({source}, {arguments})")


def _write_time(record: RecordCode, table: RecordTable, form: TableForm) -> None:
    """Write the lines that say when the row changed; without a column the ledger decides."""
    code = record.code
    if table.changed_at is None:
        code.line("changed_at, notes, undated = 0, (), False")
        return
    changed = code.assign(value_source(record, table.changed_at), "changed")
    code.line(f"changed_at, notes = {_time_source(record, table, form)}")
    code.line("undated = not changed_at")
    code.line("if undated:")
    code.line("    changed_at = clock_bound.substitute")
    code.line("elif changed_at > clock_bound.latest and clock_bound.substitute:")
    code.line("    changed_at = clock_bound.substitute")
    code.line(f"    notes += (future_note({changed}),)")


def _time_source(record: RecordCode, table: RecordTable, form: TableForm) -> str:
    changed = record.code.assign(value_source(record, table.changed_at), "changed")
    # A row of a database that never changed may have no other time. A copy counts as received.
    created = value_source(record, table.created_at) if form.is_snapshot else "None"
    zone = record.code.constant(form.zone, "zone")
    return f"change_time({changed}, {created}, {zone})"


def outside_source(record: RecordCode, table: RecordTable, form: TableForm, kind: str) -> str:
    """Returns the source of the result for a record that the table leaves out."""
    source_id = (
        f"{record.code.constant(form.ids.read, 'read_id')}({value_source(record, table.id)})"
    )
    time = f"{_time_source(record, table, form)}[0]" if table.changed_at else "0"
    return f"Outside({form.source!r}, {kind!r}, {source_id}, {time}, order, raw_json(record))"


def missing_id(table: RecordTable, form: TableForm) -> str:
    """Returns the source of the result for a record without an id."""
    reason, detail = _NO_ID_REASONS.get(str(table.id), (NO_ID, "the record has no id"))
    return f"Unusable({form.source!r}, {reason!r}, {detail!r}, raw_json(record))"


def write_id(record: RecordCode, table: RecordTable, form: TableForm) -> None:
    """Write the line that reads the record's id."""
    code, value = record.code, record.code.assign(value_source(record, table.id))
    source = f"{code.constant(form.ids.read, 'read_id')}({value})"
    if not form.ids.digits:
        source = f"str({value}) if type({value}) is int else {source}"
    else:
        source = (
            f"{value} if type({value}) is str and len({value}) == {form.ids.digits}"
            f" and {value}.isascii() and {value}.isdigit() else {source}"
        )
    code.line(f"source_id = {source}")


def _deleted_source(record: RecordCode, deleted: str | Condition | None) -> str:
    if deleted is None:
        return "False"
    if isinstance(deleted, Condition):
        value = record.code.assign(record.path(deleted.field))
        return conditions.condition_source(record.code, deleted, value)
    code = record.code
    mark = code.assign(record.path(deleted), "mark")
    code.line(f"deleted = is_set({mark})")
    code.line(f"if {mark} and not deleted:")
    code.line(f"    notes += mark_notes({mark})")
    return "deleted"


def _orders_source(record: RecordCode, sums: OrderSums | None) -> str:
    if sums is None:
        return f"parse_orders({', '.join(f'record.get({name!r})' for name in _SUM_COLUMNS)})"
    paths: list[Value | None] = [getattr(sums, name) for name in _SUMS]
    source = f"parse_orders({', '.join(value_source(record, path) for path in paths)})"
    parents = {record.parent(path) for path in paths if isinstance(path, str)}
    if len(parents) == 1 and (parent := parents.pop()):
        return f"{source} if type({parent}) is dict else no_orders({parent})"
    return source


def _address_source(record: RecordCode, mapping: AddressMapping | None) -> str:
    if mapping is None:
        return "NO_ADDRESS, ()"
    parts = {name: getattr(mapping, name) for name in _ADDRESS}
    filled = {name: part for name, part in parts.items() if part is not None}
    if mapping.each is None:
        if [*filled] == ["text"]:
            return f"parse_address({value_source(record, mapping.text)})"
        return f"parse_address({_object_source(record, filled)})"
    arguments = [record.path(mapping.each), record.code.constant(_preference(mapping), "prefer")]
    if any(part != name for name, part in filled.items()):
        arguments.append(record.code.constant(_element(filled), "element"))
    return f"choose_address({', '.join(arguments)})"


def _preference(mapping: AddressMapping) -> Callable[[object], bool]:
    """Returns the test of the element of a list that is the preferred one."""
    code = SourceCode(CONSTANTS)
    if mapping.prefer is None:
        code.line("return False")
    else:
        code.line("if type(record) is not dict:")
        code.line("    return False")
        value = code.assign(NestedCode(code).path(mapping.prefer.field))
        code.line(f"return {conditions.condition_source(code, mapping.prefer, value)}")
    return code.function("is_preferred", "record")


def _element(parts: dict[str, Value]) -> Callable[[object], object]:
    """Returns the function that makes our form of address of an element of a list."""
    code = SourceCode(CONSTANTS)
    code.line("if type(record) is not dict:")
    code.line("    return record")
    code.line(f"return {_object_source(NestedCode(code), parts)}")
    return code.function("address", "record")


def _object_source(record: RecordCode, parts: dict[str, Value]) -> str:
    fields = (f"{name!r}: {value_source(record, part)}" for name, part in parts.items())
    return f"{{{', '.join(fields)}}}"


def _banks_source(
    record: RecordCode, banks: BankMapping | list[BankMapping] | None
) -> tuple[str, bool]:
    """Returns the source of the list of accounts; whether it leaves ``bank_notes``."""
    sources: list[str] = []
    notes: list[str] = []
    for number, bank in enumerate(banks if isinstance(banks, list) else [banks] if banks else []):
        if bank.each is None:
            sources.append(_account_source(record, bank))
            continue
        code = SourceCode(CONSTANTS)
        code.line(f"return {_account_source(NestedCode(code), bank)}")
        account = record.code.constant(code.function("account", "record"), "account")
        name = f"accounts_{number}"
        record.code.line(
            f"{name}, {name}_notes = bank_accounts({record.path(bank.each)}, {account})"
        )
        sources.append(f"*{name}")
        notes.append(f"{name}_notes")
    if notes:
        record.code.line(f"bank_notes = {' + '.join(notes)}")
    if len(sources) == 1 and notes:
        return sources[0][1:], True
    return f"[{', '.join(sources)}]", bool(notes)


def _account_source(record: RecordCode, bank: BankMapping) -> str:
    parts: list[Value | None] = [getattr(bank, name) for name in _ACCOUNT]
    return f"RawBankAccount({', '.join(value_source(record, part) for part in parts)})"
