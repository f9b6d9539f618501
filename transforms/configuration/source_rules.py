"""Rules of where a store is read: ``full``, ``changes``, and the tables' own files."""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any

from transforms.configuration.problems import Problem
from transforms.configuration.shape import join_key
from transforms.configuration.structs import (
    SQL_KINDS,
    ChangesSource,
    FullSource,
    RecordTable,
    StoreTable,
)

_FILE_KINDS = ("csv", "xlsx", "json", "jsonl")
# The kinds of source to which a key applies; a key that is not named here applies to all.
_FULL_KEYS: Mapping[str, tuple[str, ...]] = {
    "url_env": SQL_KINDS,
    "connections": SQL_KINDS,
    "files": _FILE_KINDS,
    "encoding": (*SQL_KINDS, "csv", "json", "jsonl"),
    "header": ("csv", "xlsx"),
    "delimiter": ("csv",),
}
_CHANGES_KEYS: Mapping[str, tuple[str, ...]] = {
    "url_env": ("cursor",),
    "trailing_minutes": ("cursor",),
    "files": ("files",),
    **dict.fromkeys(
        ("brokers", "brokers_env", "topic", "group", "config_file", "record", "deleted"),
        ("kafka",),
    ),
}
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BROKERS = re.compile(r"\s*[^\s,:@/]+(:\d{1,5})?\s*(,\s*[^\s,:@/]+(:\d{1,5})?\s*)*", re.ASCII)
_SQL_TEXT = re.compile(r"[;()'\"`\x00\[\]]|--|^\s*select\b", re.IGNORECASE)
DELIMITERS = (",", ";", "\t", "tab", "|")


def check_full(
    place: str, store: StoreTable, full: FullSource, content: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yields what is wrong in a store's table ``full``."""
    yield from _check_foreign_keys(place, content, full.kind, _FULL_KEYS)
    if full.kind in SQL_KINDS:
        yield from _check_variable(place, "url_env", full.url_env, is_needed=True)
    elif "files" not in content and not all(table.files for _, table in record_tables(store)):
        yield Problem(
            join_key(place, "files"),
            'it is missing: name the files, as in files = ["in/*.csv"], here or in each table',
        )
    if full.connections < 1:
        yield Problem(join_key(place, "connections"), "expected is 1 or more")
    yield from _check_text_form(place, full.kind, full)


def check_changes(
    place: str, store: StoreTable, changes: ChangesSource, content: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yields what is wrong in a store's table ``changes``."""
    yield from _check_foreign_keys(place, content, changes.kind, _CHANGES_KEYS)
    if changes.kind == "cursor":
        yield from _check_cursor(place, store, changes)
    elif changes.kind == "kafka":
        yield from _check_kafka(place, changes)
    else:
        yield from _check_new_files(place, store, changes)


def check_table_files(place: str, store: StoreTable) -> Iterator[Problem]:
    """Yields what is wrong in the tables' places: ``from``, or files of their own."""
    for name, table in record_tables(store):
        key = join_key(place, name)
        if table.files is not None or table.kind is not None:
            yield from _check_own_files(key, store, table)
        else:
            for field in ("encoding", "header", "delimiter"):
                if getattr(table, field) is not None:
                    yield Problem(
                        join_key(key, field),
                        f"it belongs to files: move it to [{place}.full], or give the table files"
                        " of its own",
                    )
        yield from _check_from(key, store, table)


def record_tables(store: StoreTable) -> Iterator[tuple[str, RecordTable]]:
    """Yields the tables of records that a store has, by name."""
    for name in ("company", "contact", "order"):
        if table := getattr(store, name):
            yield name, table


def _check_foreign_keys(
    place: str, content: Mapping[str, Any], kind: str, keys: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    for name in content:
        if kind not in keys.get(name, (kind,)):
            yield Problem(
                join_key(place, name),
                f"it never applies to kind {kind}, only to {', '.join(keys[name])}: leave it out",
            )


def _check_variable(
    place: str, name: str, variable: str | None, *, is_needed: bool
) -> Iterator[Problem]:
    if variable is None:
        if is_needed:
            yield Problem(
                join_key(place, name),
                f'it is missing: name the variable that holds the URL, as in {name} = "SVOD_SHOP"',
            )
    elif not _VARIABLE.fullmatch(variable):
        # What stands there may be the secret itself.
        yield Problem(
            join_key(place, name),
            "expected is the name of a variable (A-Z 0-9 _), not what it holds: secrets never stand"
            " in the file",
        )


def _check_text_form(place: str, kind: str, table: FullSource | RecordTable) -> Iterator[Problem]:
    if table.encoding is not None:
        yield from _check_encoding(join_key(place, "encoding"), kind, table.encoding)
    if table.header is not None and table.header < 1:
        yield Problem(join_key(place, "header"), "expected is the number of a row: 1 or more")
    if table.delimiter is not None and table.delimiter not in DELIMITERS:
        yield Problem(join_key(place, "delimiter"), 'expected is "," ";" "tab" or "|"')


def _check_encoding(key: str, kind: str, encoding: str) -> Iterator[Problem]:
    names = encoding.split(" in ")
    if kind in SQL_KINDS and len(names) != 2:
        yield Problem(
            key,
            'expected is what the texts are and what the columns say, as in "windows-1251 in'
            ' latin1"; where both are the same, leave the key out',
        )
    elif kind not in SQL_KINDS and len(names) > 1:
        yield Problem(key, f'a file has one encoding: write encoding = "{names[0].strip()}"')
    elif wrong := [name for name in names if not _is_encoding(name)]:
        yield Problem(
            key, f"there is no encoding {wrong[0].strip()}: write utf-8, windows-1251, utf-16 …"
        )


def _is_encoding(name: str) -> bool:
    try:
        return bool(getattr(codecs.lookup(name.strip()), "_is_text_encoding", True))
    except (LookupError, ValueError):
        return False


def _check_cursor(place: str, store: StoreTable, changes: ChangesSource) -> Iterator[Problem]:
    is_sql = store.full is not None and store.full.kind in SQL_KINDS
    if not is_sql and changes.url_env is None:
        yield Problem(
            join_key(place, "kind"),
            "a cursor reads a database, and [full] of the store is none: choose files or kafka, or"
            " leave the table out",
        )
    yield from _check_variable(place, "url_env", changes.url_env, is_needed=False)
    for name, table in record_tables(store):
        if not isinstance(table.changed_at, str):
            yield Problem(
                join_key(place.removesuffix("changes") + name, "changed_at"),
                "it is missing: a cursor goes by it; without such a column the store is read by"
                " full only (leave [changes] out)",
            )
    if not 0 <= changes.trailing_minutes <= 1_000_000:
        yield Problem(join_key(place, "trailing_minutes"), "expected is a number of minutes")


def _check_kafka(place: str, changes: ChangesSource) -> Iterator[Problem]:
    if changes.topic is None:
        yield Problem(join_key(place, "topic"), "it is missing: name the topic")
    if changes.brokers is None and changes.brokers_env is None:
        yield Problem(
            join_key(place, "brokers"),
            'it is missing: name the brokers, as in brokers = "host:9092", or brokers_env',
        )
    if changes.brokers is not None and changes.brokers_env is not None:
        yield Problem(join_key(place, "brokers"), "brokers_env stands there too: keep one of both")
    if changes.brokers is not None and not _BROKERS.fullmatch(changes.brokers):
        yield Problem(
            join_key(place, "brokers"), "expected is host:port, several by commas, no user in it"
        )
    yield from _check_variable(place, "brokers_env", changes.brokers_env, is_needed=False)


def _check_new_files(place: str, store: StoreTable, changes: ChangesSource) -> Iterator[Problem]:
    full = store.full
    if full is None or full.kind in SQL_KINDS:
        yield Problem(
            join_key(place, "kind"),
            "files are of the kind of [full], and that names no kind of files: make them a store"
            " of their own",
        )
    elif changes.files is not None and not changes.files:
        yield Problem(join_key(place, "files"), "the list is empty: name files, or leave it out")


def _check_own_files(key: str, store: StoreTable, table: RecordTable) -> Iterator[Problem]:
    if not table.files:
        yield Problem(
            join_key(key, "files"), 'it is missing: name the files, as in files = ["in/*.csv"]'
        )
    kind = table.kind or (store.full.kind if store.full else None)
    if kind in SQL_KINDS:
        yield Problem(
            join_key(key, "files"),
            "the store is a database: make the files a store of their own, with company_store",
        )
    elif kind is None:
        yield Problem(join_key(key, "kind"), "it is missing: say the kind of the files")
    else:
        yield from _check_text_form(key, kind, table)


def _check_from(key: str, store: StoreTable, table: RecordTable) -> Iterator[Problem]:
    kind = table.kind or (store.full.kind if store.full else None)
    if kind in SQL_KINDS and table.from_ is None and not table.files:
        yield Problem(join_key(key, "from"), "it is missing: name the table or view")
    elif kind in SQL_KINDS and table.from_ and _SQL_TEXT.search(table.from_):
        yield Problem(
            join_key(key, "from"),
            "expected is the name of a table or view, and no SQL: make a view of the query",
        )
    elif kind in ("csv", "jsonl") and table.from_ is not None:
        yield Problem(
            join_key(key, "from"), f"it never applies to kind {kind}: a file is one table"
        )
