"""Which stores a command reads, and which of their places it lacks."""

import os
from collections.abc import Iterator
from typing import Literal

from transforms.configuration.problems import Problem
from transforms.configuration.structs import (
    SQL_KINDS,
    ChangesSource,
    Configuration,
    FullSource,
    RecordTable,
    SourceKind,
    StoreTable,
)
from transforms.core.records import COMPANY, CONTACT, Kind

Reading = Literal["full", "delta"]
"""What a run reads of a store: all of it, or its changes."""


def readable_stores(configuration: Configuration, reading: Reading) -> dict[str, StoreTable]:
    """Returns the stores that a run can read, by priority and key.

    A store without the table that the run needs (``full`` or ``changes``), without a place or with
    an unset variable in it is left out; so is a withdrawn one.
    """
    stores = sorted(configuration.store.items(), key=lambda item: (item[1].priority, item[0]))
    return {
        key: store
        for key, store in stores
        if not store.withdrawn
        and _has_place(store, reading)
        and not any(True for _ in unset_variables(store, reading))
    }


StoreAndKind = tuple[str, Kind]
"""A store's key, and the kind of its rows."""


def parts_read_whole(key: str, store: StoreTable) -> frozenset[StoreAndKind]:
    """Returns what of a store a full reading finds complete: what it misses there is gone.

    A database is complete unless the configuration says otherwise; files are if it says so.

    >>> from transforms.configuration.structs import CompanyTable
    >>> company = CompanyTable(id="id", tin="inn")
    >>> parts_read_whole("shop", StoreTable(full=FullSource(kind="mysql"), company=company))
    frozenset({('shop', 'company')})
    >>> parts_read_whole("shop", StoreTable(full=FullSource(kind="csv"), company=company))
    frozenset()
    """
    full = store.full
    tables: tuple[tuple[Kind, RecordTable | None], ...] = (
        (COMPANY, store.company),
        (CONTACT, store.contact),
    )
    return frozenset(
        (key, kind)
        for kind, table in tables
        if full and table and _is_complete(full, table.kind or full.kind)
    )


def _is_complete(full: FullSource, kind: SourceKind) -> bool:
    return kind in SQL_KINDS if full.complete is None else full.complete


def withdrawn_parts(configuration: Configuration) -> frozenset[StoreAndKind]:
    """Returns what the stores had that the configuration withdraws."""
    return frozenset(
        (key, kind)
        for key, store in configuration.store.items()
        if store.withdrawn
        for kind in (COMPANY, CONTACT)
    )


def unset_variables(store: StoreTable, reading: Reading) -> Iterator[tuple[str, str]]:
    """Yields each variable that reading the store needs and that is not set, with its key.

    >>> full = FullSource(kind="mysql", url_env="SVOD_NOWHERE")
    >>> list(unset_variables(StoreTable(full=full), "full"))
    [('full.url_env', 'SVOD_NOWHERE')]
    """
    for key, variable in _variables(store, reading):
        if variable and not is_set(variable):
            yield key, variable


def place_problems(configuration: Configuration, reading: Reading) -> Iterator[Problem]:
    """Yields a problem for each place that a run needs: its variable is not set, or it is empty."""
    for key, store in configuration.store.items():
        if store.withdrawn:
            continue
        for name, variable in unset_variables(store, reading):
            yield Problem(
                f"store.{key}.{name}",
                f"the variable {variable} is not set: set it, or {variable}_FILE to a file that"
                " holds the value",
            )
        if reading == "full" and store.full and not _full_place(store, store.full):
            yield Problem(f"store.{key}.full.files", "the list is empty: name the files")


def is_set(variable: str) -> bool:
    """Whether a variable, or ``VARIABLE_FILE``, has a value."""
    return bool(os.environ.get(variable) or os.environ.get(f"{variable}_FILE"))


def changes_url_variable(store: StoreTable) -> str | None:
    """Returns the variable with the URL of the database whose changes are read."""
    if store.changes and store.changes.url_env:
        return store.changes.url_env
    return store.full.url_env if store.full else None


def _variables(store: StoreTable, reading: Reading) -> Iterator[tuple[str, str | None]]:
    if reading == "full":
        if store.full and store.full.kind in SQL_KINDS:
            yield "full.url_env", store.full.url_env
    elif store.changes and store.changes.kind == "cursor":
        key = "changes" if store.changes.url_env else "full"
        yield f"{key}.url_env", changes_url_variable(store)
    elif store.changes and store.changes.kind == "kafka":
        yield "changes.brokers_env", store.changes.brokers_env


def _has_place(store: StoreTable, reading: Reading) -> bool:
    if reading == "full":
        return store.full is not None and _full_place(store, store.full)
    return store.changes is not None and _changes_place(store, store.changes)


def _full_place(store: StoreTable, full: FullSource) -> bool:
    if full.kind in SQL_KINDS:
        return bool(full.url_env)
    return bool(full.files) or _has_table_files(store)


def _changes_place(store: StoreTable, changes: ChangesSource) -> bool:
    if changes.kind == "cursor":
        return bool(changes_url_variable(store))
    if changes.kind == "kafka":
        return bool(changes.brokers or changes.brokers_env)
    return bool(changes.files or (store.full and store.full.files)) or _has_table_files(store)


def _has_table_files(store: StoreTable) -> bool:
    return any(table and table.files for table in (store.company, store.contact, store.order))
