"""Rules of a store's table: its key, time zone, ids, and whether anything of it can be read."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from transforms.configuration.mapping_rules import check_contact, check_order, check_tables
from transforms.configuration.problems import Problem, nearest_name, unknown_name
from transforms.configuration.shape import join_key
from transforms.configuration.source_rules import check_changes, check_full, check_table_files
from transforms.configuration.structs import Configuration, StoreTable

_KEY = re.compile(r"[A-Za-z0-9_]{1,16}", re.ASCII)
_KEY_FORM = "1 to 16 of A-Z a-z 0-9 _"
_ID_FORM = re.compile(r"digits:(?:[1-9]|[1-5]\d|6[0-4])", re.ASCII)


def check_stores(configuration: Configuration, content: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields what is wrong in the stores; ``content`` is the file as it stands there."""
    yield from _check_keys(list(configuration.store))
    for key, store in configuration.store.items():
        yield from _check_store(key, store, configuration, content["store"][key])
    yield from _check_renamed(configuration)


def _check_keys(keys: list[str]) -> Iterator[Problem]:
    known: dict[str, str] = {}
    for key in keys:
        if not _KEY.fullmatch(key):
            yield Problem(join_key("store", key), f"a store's key is {_KEY_FORM}")
        if twin := known.get(key.casefold()):
            yield Problem(
                join_key("store", key),
                f"the key differs from that of [store.{twin}] by case only: choose another key",
            )
        known[key.casefold()] = key


def _check_renamed(configuration: Configuration) -> Iterator[Problem]:
    heirs: dict[str, str] = {}
    for key, store in configuration.store.items():
        name, place = store.renamed_from, join_key("store", key, "renamed_from")
        if name is None:
            continue
        if not _KEY.fullmatch(name):
            yield Problem(place, f"a store's key is {_KEY_FORM}")
        elif name in configuration.store:
            yield Problem(
                place,
                f"[store.{name}] still stands in the file: take that table out, or leave this key"
                " out",
            )
        elif name in heirs:
            yield Problem(place, f"store {heirs[name]} goes on with the rows of {name} already")
        heirs.setdefault(name, key)


def _check_store(
    key: str, store: StoreTable, configuration: Configuration, content: Mapping[str, Any]
) -> Iterator[Problem]:
    yield from _check_head(key, store)
    place = join_key("store", key)
    if not store.withdrawn:
        yield from _check_presence(place, content)
    if store.full:
        yield from check_full(join_key(place, "full"), store, store.full, content["full"])
    if store.changes:
        yield from check_changes(
            join_key(place, "changes"), store, store.changes, content["changes"]
        )
    yield from check_table_files(place, store)
    yield from check_tables(place, store)
    yield from check_contact(place, key, store, configuration)
    yield from check_order(place, store)


def _check_presence(place: str, content: Mapping[str, Any]) -> Iterator[Problem]:
    if "full" not in content and "changes" not in content:
        yield Problem(
            join_key(place, "full"),
            "it is missing: a store needs full or changes, with kind and place",
        )
    if "company" not in content and "contact" not in content:
        yield Problem(
            join_key(place, "company"),
            "it is missing: without company and contact nothing of the store is loaded",
        )


def _check_head(key: str, store: StoreTable) -> Iterator[Problem]:
    if not _is_timezone(store.timezone):
        yield Problem(join_key("store", key, "timezone"), _timezone_text(store.timezone))
    if store.id_form is not None and not _ID_FORM.fullmatch(store.id_form):
        yield Problem(
            join_key("store", key, "id_form"),
            'expected is "digits:N", N from 1 to 64, as in id_form = "digits:10"',
        )
    if abs(store.priority) > 1_000_000:
        yield Problem(join_key("store", key, "priority"), "expected is a number up to 1000000")


def _timezone_text(name: str) -> str:
    if nearest := nearest_name(name, _timezones()):
        return f"there is no time zone of that name: did you mean {nearest}?"
    return f"{unknown_name('time zone', 'of that name', ['Europe/Moscow', 'Asia/Yekaterinburg'])}"


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
