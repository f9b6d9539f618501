"""Reaches what the configuration names: stores, CRM, register, ledger; finds all that is wrong."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.access import topic_accesses
from pipeline.checks import check_crm_options, check_portal
from pipeline.options import REGISTER_TOKEN, Options, need
from transforms.configuration.selection import place_problems, readable_stores
from transforms.configuration.structs import SQL_KINDS, StoreTable
from transforms.core.errors import ConfigurationError, SvodError
from transforms.ledger.database import open_ledger, reach_database
from transforms.register.connection import check_token, check_url
from transforms.stores.sql.check import check_store
from transforms.stores.topic.check import check_topic

_TIMEOUT = 10.0


class Reached(NamedTuple):
    """A place and what is wrong with it; ``problem`` is empty where nothing is."""

    name: str
    problem: str = ""
    warnings: tuple[str, ...] = ()


def reach_places(chosen: Options) -> Iterator[Reached]:
    """Yields each place that the configuration names, once it is tried."""
    yield from _unset_places(chosen)
    stores = readable_stores(chosen.configuration, "full")
    if not stores and not readable_stores(chosen.configuration, "delta"):
        yield Reached("stores", "no store can be read: see svod full --help")
    for key, store in stores.items():
        if store.full and store.full.kind in SQL_KINDS:
            yield _try_store(key, store, chosen.configuration_file)
    for access in topic_accesses(chosen):
        yield _try(f"topic {access.topic}", partial(check_topic, access))
    yield _try("CRM", lambda: _reach_crm(chosen))
    yield _try("register", lambda: _reach_register(chosen))
    yield _try("ledger", lambda: _reach_ledger(chosen.ledger))


def _unset_places(chosen: Options) -> Iterator[Reached]:
    if not chosen.has_file_stores:
        return
    problems = [
        *place_problems(chosen.configuration, "full"),
        *place_problems(chosen.configuration, "delta"),
    ]
    for problem in dict.fromkeys(problems):
        yield Reached(chosen.configuration_file, str(problem))


def _try(name: str, reach: Callable[[], object]) -> Reached:
    try:
        reach()
    except SvodError as error:
        return Reached(name, str(error))
    return Reached(name)


def _try_store(key: str, store: StoreTable, file: str) -> Reached:
    try:
        return Reached(f"store {key}", "", tuple(check_store(key, store, file=file)))
    except SvodError as error:
        return Reached(f"store {key}", str(error))


def _reach_crm(chosen: Options) -> None:
    check_crm_options(chosen)
    # The client counts its requests in a ledger: here in one that is thrown away.
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_ledger(f"sqlite:///{folder}/check.db")) as ledger,
    ):
        check_portal(chosen, ledger)


def _reach_register(chosen: Options) -> None:
    need(chosen.register, "register", "SVOD_REGISTER")
    need(chosen.register_token, "register_token", REGISTER_TOKEN.variable)
    check_url(chosen.register)
    check_token(chosen.register_token)
    parts = urlsplit(chosen.register)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _TIMEOUT).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"--register: it does not answer: {reason}") from None


def _reach_ledger(url: str) -> None:
    if not url.startswith("sqlite"):
        reach_database(url)
        return
    folder = Path(url.partition("///")[2].partition("?")[0]).parent
    if not folder.is_dir():
        raise ConfigurationError(f"--ledger: there is no folder {folder}")
