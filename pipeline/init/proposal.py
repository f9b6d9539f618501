"""``svod init --from``: a configuration file proposed by what stands in a database or in files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.init.databases import is_database, sample_database
from pipeline.init.sample_files import SampleFile, sample_file
from transforms.core.errors import ConfigurationError
from transforms.core.secrets import Secret
from transforms.proposal.rendering import SourcePlace, render
from transforms.proposal.samples import Table
from transforms.proposal.stores import StoreProposal, propose_store

STORE = "shop"
VARIABLE = "SVOD_SHOP"


class Draft(NamedTuple):
    """The proposed file's text, and the statements of the views that it needs."""

    text: str
    statements: list[str]


def propose(places: Sequence[str]) -> Draft:
    """Returns a configuration file for a database's URL, the variable that holds it, or files.

    Raises:
        ConfigurationError: a place cannot be read.
    """
    if len(places) == 1 and (is_database(places[0]) or _is_variable(places[0])):
        return _of_database(places[0])
    if any(map(is_database, places)):
        raise ConfigurationError("--from: a store is one database, or files: give them apart")
    return _of_files([sample_file(Path(place).expanduser()) for place in places])


def _is_variable(place: str) -> bool:
    return place in os.environ or f"{place}_FILE" in os.environ


def _of_database(place: str) -> Draft:
    variable, url = (VARIABLE, place) if is_database(place) else (place, Secret(place).value())
    if not is_database(url):
        raise ConfigurationError(f"--from: {variable} holds no URL of mysql:// or postgresql://")
    kind, tables, encoding = sample_database(url)
    full = {"kind": kind, "url_env": variable} | ({"encoding": encoding} if encoding else {})
    return _draft(propose_store(tables, kind), SourcePlace(STORE, kind, full))


def _of_files(samples: Sequence[SampleFile]) -> Draft:
    if len({sample.kind for sample in samples}) > 1:
        raise ConfigurationError("--from: the files are of several kinds: give them apart")
    kind = samples[0].kind
    full = {"kind": kind} | (samples[0].place if len(samples) == 1 else {})
    tables = [table for sample in samples for table in _placed(sample, len(samples) > 1)]
    return _draft(propose_store(tables, kind), SourcePlace(STORE, kind, full))


def _placed(sample: SampleFile, has_own_files: bool) -> list[Table]:
    """Returns a file's tables; where there are several files, each table names its own."""
    if not has_own_files:
        return sample.tables
    return [
        msgspec.structs.replace(table, place={**sample.place, **table.place})
        for table in sample.tables
    ]


def _draft(proposal: StoreProposal, place: SourcePlace) -> Draft:
    return Draft(render(proposal, place), [view.statement for view in proposal.views])
