"""Writes how the records of one place are told apart: companies, contacts, and neither."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from transforms.configuration.structs import Condition, RecordTable
from transforms.core.records import UNKNOWN_KIND, Kind
from transforms.fields import text
from transforms.stores.mapping.conditions import condition_source, folded_texts, spelling_source
from transforms.stores.mapping.exclusions import NOT_AN_OBJECT, Unusable
from transforms.stores.mapping.headers import raw_json
from transforms.stores.mapping.record_code import NestedCode
from transforms.stores.mapping.source_code import SourceCode, tuple_of
from transforms.stores.mapping.table_code import (
    CONSTANTS,
    PARAMETERS,
    TableForm,
    compile_nested,
    missing_id,
    outside_source,
    write_id,
)

# Other programs read this reason of store B's dead letters.
_NEITHER_REASONS = {"category": "bad_category"}


class Place(NamedTuple):
    """How the records of a place become rows, and why a value there is no record."""

    clean: Callable[..., Any]
    find_problem: Callable[[Any], Unusable | None]


def compile_place(tables: Mapping[Kind, RecordTable], form: TableForm) -> Place:
    """Returns the functions of a place with these tables."""
    return Place(_dispatcher(tables, form), _problem_finder(list(tables.values()), form))


def _dispatcher(tables: Mapping[Kind, RecordTable], form: TableForm) -> Callable[..., Any]:
    """Returns the function that cleans a record of any of the tables."""
    code = _code_of_object(form)
    record = NestedCode(code)
    if not _are_exclusive(list(tables.values())):
        names = [code.constant(compile_nested(table, form), kind) for kind, table in tables.items()]
        calls = [f"{name}(record, order, clock_bound)" for name in names]
        code.line(f"return {tuple_of(calls)}")
        return code.function("clean", PARAMETERS)
    cleaners = {
        code.constant(compile_nested(msgspec.structs.replace(table, only=None), form), kind): table
        for kind, table in tables.items()
    }
    _write_usual_kinds(record, cleaners)
    for name, table in cleaners.items():
        code.line(f"if {_test_source(record, table.only)}:")
        code.line(f"    return {name}(record, order, clock_bound)")
    if _neither_reason(list(tables.values())):
        find_problem = _problem_finder(list(tables.values()), form)
        code.line(f"return {code.constant(find_problem, 'find_problem')}(record)")
    else:
        code.line(f"return {_neither_source(record, tables, form)}")
    return code.function("clean", PARAMETERS)


def _write_usual_kinds(record: NestedCode, cleaners: Mapping[str, RecordTable]) -> None:
    """Write the tests of kinds as the configuration spells them: nearly all records pass one."""
    for name, table in cleaners.items():
        only = table.only
        if only and only.is_ and only.is_not is None and only.filled is None:
            value = record.code.assign(record.path(only.field))
            record.code.line(f"if {spelling_source(only.is_, value)}:")
            record.code.line(f"    return {name}(record, order, clock_bound)")


def _problem_finder(tables: list[RecordTable], form: TableForm) -> Callable[[Any], Unusable | None]:
    """Returns the function that says why a value is no record of any of the tables.

    The id is left to the cleaners where the tables have different ones.
    """
    code = _code_of_object(form)
    record = NestedCode(code)
    if len({str(table.id) for table in tables}) == 1:
        write_id(record, tables[0], form)
        code.line("if not source_id:")
        code.line(f"    return {missing_id(tables[0], form)}")
    if reason := _neither_reason(tables):
        tests = " or ".join(_test_source(record, table.only) for table in tables)
        code.line(f"if not ({tests}):")
        code.line(f"    return {_bad_kind_source(record, tables, form, reason)}")
    code.line("return None")
    return code.function("find_problem", "record")


def _code_of_object(form: TableForm) -> SourceCode:
    code = SourceCode({**CONSTANTS, "not_an_object": not_an_object, "bad_kind": bad_kind})
    code.line("if type(record) is not dict:")
    code.line(f"    return not_an_object({form.source!r}, record)")
    return code


def _test_source(record: NestedCode, only: Condition | None) -> str:
    if only is None:
        return "True"
    value = record.code.assign(record.path(only.field))
    return condition_source(record.code, only, value)


def _neither_source(record: NestedCode, tables: Mapping[Kind, RecordTable], form: TableForm) -> str:
    """Returns the source of the result for a record that no table takes."""
    if len({str(table.id) for table in tables.values()}) == 1:
        return outside_source(record, next(iter(tables.values())), form, UNKNOWN_KIND)
    sources = [outside_source(record, table, form, kind) for kind, table in tables.items()]
    return tuple_of(sources)


def _neither_reason(tables: list[RecordTable]) -> str:
    fields = {table.only.field if table.only else "" for table in tables}
    return _NEITHER_REASONS.get(fields.pop(), "") if len(fields) == 1 and len(tables) > 1 else ""


def _bad_kind_source(
    record: NestedCode, tables: list[RecordTable], form: TableForm, reason: str
) -> str:
    conditions = [table.only for table in tables if table.only]
    allowed = sorted(str(value) for only in conditions for value in only.is_ or ())
    detail = f"{conditions[0].field} is {' or '.join(allowed)}, not "
    value = record.path(conditions[0].field)
    return f"bad_kind({form.source!r}, {reason!r}, {detail!r}, {value}, record)"


def _are_exclusive(tables: list[RecordTable]) -> bool:
    """Whether no record can be of two of the tables."""
    conditions = [table.only for table in tables]
    if len(tables) < 2:
        return True
    if any(only is None or not only.is_ for only in conditions):
        return False
    fields = {only.field for only in conditions if only}
    allowed = [folded_texts(only.is_ or []) for only in conditions if only]
    return len(fields) == 1 and len(frozenset().union(*allowed)) == sum(map(len, allowed))


def not_an_object(source: str, value: object) -> Unusable:
    """Returns why a value that is no object is no record."""
    detail = f"a record is an object, not {type(value).__name__}"
    return Unusable(source, NOT_AN_OBJECT, detail, raw_json(value))


def bad_kind(source: str, reason: str, detail: str, kind: object, record: object) -> Unusable:
    """Returns why a record is neither a company nor a contact."""
    return Unusable(source, reason, f"{detail}{text.excerpt(kind)}", raw_json(record))
