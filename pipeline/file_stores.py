"""The stores of a run that are in files: what is read of each, and how its records are cleaned."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from pipeline.options import Options
from transforms.clean_batch import clean_records
from transforms.configuration.problems import Problem, raise_problems
from transforms.configuration.selection import Reading, readable_stores
from transforms.core.records import COMPANY, CONTACT, Kind
from transforms.fields import time
from transforms.ledger.cursors import read_cursors
from transforms.ledger.database import open_ledger
from transforms.read_files import BeamFiles
from transforms.stores.files.changes import Changes
from transforms.stores.files.parts import FilePart
from transforms.stores.files.plan import TableFiles, plan_files
from transforms.stores.files.sources import TableName, sources
from transforms.stores.registry import rules_of

_KINDS: dict[TableName, Kind] = {"company": COMPANY, "contact": CONTACT}


class FileStore(NamedTuple):
    """Files of a store that are read in one way, and what makes rows of their records.

    ``read_up_to`` are the cursors that remember the files.
    """

    key: str
    parts: list[FilePart]
    convert: Callable[..., Any]
    read_up_to: Mapping[str, str]


def check_file_stores(chosen: Options, reading: Reading) -> list[str]:
    """Check the files that a run reads; returns warnings.

    Raises:
        ConfigurationError: all that is wrong with them, with file and key.
    """
    _plans(chosen, reading)
    if not chosen.has_file_stores:
        return []
    return [
        f"{chosen.configuration_file}: store.{key}.order: single orders in files are not summed in"
        " this version: the company's own sums are ([store.KEY.company] orders), and orders in a"
        " database"
        for key, store in readable_stores(chosen.configuration, reading).items()
        if any("order" in tables for tables in sources(key, store).values())
    ]


def file_patterns(chosen: Options) -> list[tuple[str, str]]:
    """Returns the files that the stores of the configuration file name, each with its key."""
    if not chosen.has_file_stores:
        return []
    return [
        (f"{chosen.configuration_file}: {source.owner}.files", pattern)
        for key, store in chosen.configuration.store.items()
        for of_changes in (False, True)
        for source in sources(key, store, of_changes=of_changes)
        for pattern in source.patterns
    ]


def file_stores(chosen: Options, reading: Reading) -> dict[str, FileStore]:
    """Returns the files that a run reads, by a name for each group of them.

    A delta reads what came or grew since the last run. The files of the built-in store are read by
    ``ReadPartnerFiles``.

    Raises:
        ConfigurationError: all that is wrong with the files, with file and key.
    """
    groups: dict[str, FileStore] = {}
    plans = _plans(chosen, reading)
    cursors = _cursors(chosen) if plans else {}
    for key, plan in plans:
        name = f"{key} {' and '.join(plan.tables)}"
        files = BeamFiles()
        # The same file may hold several tables, each read by itself.
        changes = Changes(f"{key}.{'+'.join(plan.tables)}", cursors, files.stat, files.open)
        parts = list(plan.parts)
        if reading == "delta":
            parts = changes.unread(parts)
        elif not chosen.since:
            changes.note(parts)
        if parts:
            convert = _convert(chosen, key, plan)
            groups[name] = FileStore(key, parts, convert, changes.read_up_to)
    return groups


def _plans(chosen: Options, reading: Reading) -> list[tuple[str, TableFiles]]:
    if not chosen.has_file_stores:
        return []
    plans_of_stores: list[tuple[str, TableFiles]] = []
    problems: list[Problem] = []
    files = BeamFiles()
    is_delta = reading == "delta"
    for key, store in readable_stores(chosen.configuration, reading).items():
        if is_delta and not (store.changes and store.changes.kind == "files"):
            continue
        plans, wrong = plan_files(key, store, files, may_lack=is_delta)
        problems += [Problem(*problem) for problem in wrong]
        plans_of_stores += [(key, plan) for plan in plans if set(plan.tables) & set(_KINDS)]
    raise_problems(chosen.configuration_file, problems)
    return plans_of_stores


def _cursors(chosen: Options) -> dict[str, str]:
    with closing(open_ledger(chosen.ledger)) as ledger, ledger.read() as connection:
        return read_cursors(connection)


def _convert(chosen: Options, key: str, plan: TableFiles) -> Callable[..., Any]:
    since = time.parse(chosen.since, local=True)[0] if chosen.since else 0
    cleaners = rules_of(chosen.configuration, key).cleaners
    of_tables = [cleaners[_KINDS[table]] for table in plan.tables if table in _KINDS]
    return partial(clean_records, cleaners=of_tables, since=since)
