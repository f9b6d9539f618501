"""The options of the built-in stores' keys, laid over whatever configuration holds."""

from collections.abc import Mapping
from typing import Any

import msgspec

from transforms.configuration.builtin import FIRST_STORE, SECOND_STORE
from transforms.configuration.structs import (
    SQL_KINDS,
    ChangesSource,
    Configuration,
    FullSource,
    StoreTable,
)
from transforms.core.errors import ConfigurationError

# The store that an option speaks of, by the beginning of the option's name.
_STORE_KEYS = {"store_a": FIRST_STORE, "store_b": SECOND_STORE}

_SQL = "a database (kind mysql)"
_FILES = "files"
_CURSOR = "a cursor"
_KAFKA = "a topic (kind kafka)"

# Each option: the table that it belongs to, its key there, the kind that the table must have.
_PLACES: Mapping[str, tuple[str, str, str]] = {
    "store_a": ("full", "url_env", _SQL),
    "store_a_connections": ("full", "connections", _SQL),
    "store_a_window": ("changes", "trailing_minutes", _CURSOR),
    "store_b_files": ("full", "files", _FILES),
    "store_b_encoding": ("full", "encoding", _FILES),
    "store_b_kafka": ("changes", "brokers_env", _KAFKA),
    "store_b_topic": ("changes", "topic", _KAFKA),
    "store_b_group": ("changes", "group", _KAFKA),
    "store_b_kafka_config": ("changes", "config_file", _KAFKA),
}

STORE_OPTIONS = tuple(_PLACES)
"""The options of the stores, by name."""


def lay_over(configuration: Configuration, values: Mapping[str, Any]) -> Configuration:
    """Returns the configuration in which the options' values replace those of its stores.

    A secret is named by its variable: so are ``store_a`` and ``store_b_kafka``.

    Raises:
        ConfigurationError: naming the option whose store the configuration does not have, or reads
            in another way.
    """
    stores = dict(configuration.store)
    for option, value in values.items():
        if reason := misfit(option, configuration):
            raise ConfigurationError(f"--{option}: {reason}")
        key = _store_key(option)
        stores[key] = _with_value(stores[key], option, value)
    return msgspec.structs.replace(configuration, store=stores)


def misfit(option: str, configuration: Configuration) -> str:
    """Returns why an option does not fit the configuration's stores; an empty text if it does."""
    key = _store_key(option)
    name, _, kind = _PLACES[option]
    if (store := configuration.store.get(key)) is None:
        keys = ", ".join(sorted(configuration.store))
        return f"the configuration file has no store {key}, only {keys}: name the place there"
    table = getattr(store, name)
    if table is None or not _is_of_kind(table, kind):
        return f"[store.{key}.{name}] of the configuration file is not {kind}: name the place there"
    return ""


def _store_key(option: str) -> str:
    return _STORE_KEYS[option[: len("store_a")]]


def _with_value(store: StoreTable, option: str, value: Any) -> StoreTable:
    name, field, _ = _PLACES[option]
    changes = {field: list(value) if isinstance(value, tuple) else value}
    if field == "brokers_env":
        changes["brokers"] = None
    table = msgspec.structs.replace(getattr(store, name), **changes)
    store = msgspec.structs.replace(store, **{name: table})
    if field == "url_env" and store.changes and store.changes.url_env:
        changes_table = msgspec.structs.replace(store.changes, url_env=value)
        store = msgspec.structs.replace(store, changes=changes_table)
    return store


def _is_of_kind(table: FullSource | ChangesSource, kind: str) -> bool:
    if kind in (_SQL, _FILES):
        return (table.kind in SQL_KINDS) == (kind == _SQL)
    return table.kind == ("cursor" if kind == _CURSOR else "kafka")
