"""The stores of a run that are in files: what is read of each, and how its records are cleaned."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pipeline.options import Options
from transforms.clean_batch import clean_records
from transforms.configuration.problems import Problem, raise_problems
from transforms.configuration.selection import Reading, readable_stores
from transforms.core.records import COMPANY, CONTACT, Kind
from transforms.fields import time
from transforms.read_files import BeamFiles
from transforms.stores.files.parts import FilePart
from transforms.stores.files.plan import TableFiles, plan_files
from transforms.stores.files.sources import TableName, sources
from transforms.stores.registry import rules_of

_KINDS: dict[TableName, Kind] = {"company": COMPANY, "contact": CONTACT}


class FileStore(NamedTuple):
    """Files of a store that are read in one way, and what makes rows of their records."""

    key: str
    parts: list[FilePart]
    convert: Callable[..., Any]


def file_stores(chosen: Options, reading: Reading) -> dict[str, FileStore]:
    """Returns the files that a run reads, by a name for each group of them.

    Those of the built-in store are read by ``ReadPartnerFiles``.

    Raises:
        ConfigurationError: all that is wrong with the files, with file and key.
    """
    if not chosen.has_file_stores:
        return {}
    stores: dict[str, FileStore] = {}
    problems: list[Problem] = []
    files = _FilesOfFolder(Path(chosen.configuration_file).absolute().parent)
    for key, store in readable_stores(chosen.configuration, reading).items():
        if reading == "full" or (store.changes and store.changes.kind == "files"):
            is_delta = reading == "delta"
            plans, wrong = plan_files(key, store, files, may_lack=is_delta)
            problems += [Problem(*problem) for problem in wrong]
            stores |= _groups(chosen, key, plans)
    raise_problems(chosen.configuration_file, problems)
    return stores


def has_files(chosen: Options, key: str) -> bool:
    """Whether any table of a store is read from files."""
    return bool(sources(key, chosen.configuration.store[key]))


def _groups(chosen: Options, key: str, plans: list[TableFiles]) -> dict[str, FileStore]:
    since = time.parse(chosen.since, local=True)[0] if chosen.since else 0
    cleaners = rules_of(chosen.configuration, key).cleaners
    groups = {}
    for plan in plans:
        of_tables = [cleaners[_KINDS[table]] for table in plan.tables if table in _KINDS]
        if of_tables and plan.parts:
            convert = partial(clean_records, cleaners=of_tables, since=since)
            name = f"{key} {' and '.join(plan.tables)}"
            groups[name] = FileStore(key, list(plan.parts), convert)
    return groups


class _FilesOfFolder:
    """Beam's files; a path that begins nowhere begins in the folder of the configuration file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = BeamFiles()

    def match(self, pattern: str) -> list[str]:
        """The paths of the files that a pattern names."""
        place = pattern if "://" in pattern else str(self._folder / Path(pattern).expanduser())
        return self._files.match(place)

    def open(self, path: str) -> BinaryIO:
        """A file as it is, packed or not."""
        return self._files.open(path)
