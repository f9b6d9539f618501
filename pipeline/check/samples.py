"""Reads some records of a store's table, as they are before they are cleaned."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from apache_beam.io.filesystems import FileSystems

from pipeline.init.sample_files import read_records
from transforms.configuration.structs import SQL_KINDS, RecordTable, StoreTable
from transforms.core.errors import ConfigurationError
from transforms.core.records import Kind
from transforms.stores.files.columns import column_problems
from transforms.stores.files.sources import column_paths
from transforms.stores.sql.check import open_store
from transforms.stores.sql.keyset import Keyset
from transforms.stores.sql.store import store_client

Record = dict[str, Any]


def sample_records(key: str, store: StoreTable, kind: Kind, count: int) -> list[Record]:
    """Returns up to ``count`` records of a table; none where it can only be read as changes.

    Raises:
        ConfigurationError: the place cannot be read.
        StoreError: the store stopped answering.
    """
    table: RecordTable = getattr(store, kind)
    if store.full is None:
        return []
    if store.full.kind in SQL_KINDS:
        return list(islice(_rows(key, store, kind), count))
    return list(islice(_file_records(key, store, kind, table), count))


def _rows(key: str, store: StoreTable, kind: Kind) -> Iterator[Record]:
    client = store_client(key, store)
    with client.session() as session:
        sql_store = open_store(session, key, store, client)
        keys = Keyset(sql_store.tables[kind])
        start, stop = keys.bounds(session)
        for page in keys.pages(session, start, stop):
            yield from sql_store.add_orders(session, page) if kind == "company" else page


def _file_records(key: str, store: StoreTable, kind: Kind, table: RecordTable) -> Iterator[Record]:
    full = store.full
    if full is None:
        return
    own = table if table.files else full
    file_kind = table.kind or full.kind
    place = f"store.{key}.{kind if table.files else 'full'}.files"
    for path in _paths(place, own.files or []):
        records = read_records(
            path,
            file_kind,
            encoding=own.encoding or "",
            header=own.header or 0,
            delimiter=own.delimiter or "",
            place=table.from_ or "",
        )
        if records and file_kind in ("csv", "xlsx"):
            _check_columns(f"store.{key}.{kind}", table, list(records[0]))
        yield from records


def _paths(place: str, patterns: list[str]) -> Iterator[Path]:
    """Yields the files of this machine that the patterns name."""
    for pattern in patterns:
        [match] = FileSystems.match([pattern])
        if not match.metadata_list:
            raise ConfigurationError(f"{place}: no file matches {pattern}")
        paths = sorted(file.path for file in match.metadata_list)
        yield from (Path(path) for path in paths if "://" not in path)


def _check_columns(place: str, table: RecordTable, columns: list[str]) -> None:
    problems = column_problems(columns, column_paths(table))
    texts = [f"{place}.{name}: {problem}" for name, problem in problems]
    if texts:
        raise ConfigurationError("; ".join(texts))
