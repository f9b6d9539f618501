"""Steps by which an older program's ledger gets the tables and the content of this program's.

``STEPS`` holds a step for each version of the tables that needs one. To change the tables: change
``schema``, raise ``schema.VERSION``, and add a step that

1. adds what an older ledger lacks, by ``add_table``, ``add_column``, ``add_index`` and
   ``widen_texts``,
2. then fills in what the older program did not note. It names only tables and columns that there
   are in its version.

A step and the note of its version are one transaction. But on MySQL each change of the tables
commits what came before it, so a step that is cut off is run again, from its beginning: the changes
of the tables pass over what is there, and as the filling comes after them, it is undone with the
transaction. (Decision 13: why not Alembic.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.schema import CreateColumn

from transforms.core.errors import ConfigurationError
from transforms.core.records import CONTACT
from transforms.ledger import schema
from transforms.ledger.statements import upsert

Step = Callable[[Connection], None]

_VERSION_KEY = "schema_version"
_MYSQL_LOCK = "SELECT GET_LOCK(CONCAT('svod tables ', DATABASE()), 3600)"
_LOCKS = {
    "mysql": _MYSQL_LOCK,
    "mariadb": _MYSQL_LOCK,
    "postgresql": "SELECT pg_advisory_lock(1935896420)",  # "schd"
}


def queue_all_goldens(connection: Connection) -> None:
    """Version 2: the CRM may lack any golden record, so the loader is to look at all of them."""
    for table in (schema.unloaded, schema.cursors, schema.former_persons):
        add_table(connection, table)
    for table in (schema.crosswalk, schema.rows, schema.deferred, schema.runs):
        for index in table.indexes:
            add_index(connection, index)
    golden = schema.golden.c
    _refill(connection, schema.unloaded, sa.select(golden.kind, golden.key))


def add_matching(connection: Connection) -> None:
    """Version 3: evidence about contacts, and the topic's offsets. Step 5 fills in the contacts."""
    for table in (
        schema.contact_keys,
        schema.hot_keys,
        schema.dirty_contacts,
        schema.models,
        schema.doubts,
        schema.judgements,
        schema.done_offsets,
        schema.tombstones,
        schema.crm_pace,
    ):
        add_table(connection, table)


def match_all_contacts(connection: Connection) -> None:
    """Version 5: blocking keys are made in another way, so all contacts are to be matched anew."""
    add_table(connection, schema.stale_contacts)
    rows = schema.rows.c
    contacts = sa.select(rows.source, rows.source_id).where(rows.kind == CONTACT, rows.reason == "")
    _refill(connection, schema.dirty_contacts, contacts)


def add_streams(connection: Connection) -> None:
    """Version 6: streams have a table; before, the last one was a text in ``meta``: "-3 ending".

    A stream of the older program that goes on does not find its number there any more, so it
    writes no more, and ends.
    """
    add_table(connection, schema.streams)
    meta = schema.meta
    text = connection.execute(sa.select(meta.c.value).where(meta.c.key == "stream")).scalar()
    if text is None:
        return
    number, _, state = text.partition(" ")
    upsert(connection, schema.streams, [{"number": int(number), "state": state or "reading"}])
    connection.execute(meta.delete().where(meta.c.key == "stream"))


def add_stale_companies(connection: Connection) -> None:
    """Version 7: companies whose rows have changed are marked until they are consolidated.

    What an unsettled run of the older program touched is found by its rows, as before.
    """
    add_table(connection, schema.stale_companies)


def add_progress_parts(connection: Connection) -> None:
    """Version 8: progress that several workers make is noted by the parts of their input."""
    add_table(connection, schema.progress_parts)


def widen_store_keys(connection: Connection) -> None:
    """Version 9: a store's key may have 16 characters; before, the columns took one."""
    widen_texts(connection)


def add_stores(connection: Connection) -> None:
    """Version 10: the stores are in the ledger. Before, every ledger had the same two."""
    add_table(connection, schema.stores)
    entries = [
        {
            "key": title.removeprefix("store "),
            "title": title,
            "priority": 1,
            "last_read_wins": last_read_wins,
            "state": "listed",
        }
        for title, last_read_wins in (("store A", 1), ("store B", 0))
    ]
    upsert(connection, schema.stores, entries)


def add_departures(connection: Connection) -> None:
    """Version 11: records that leave the base are noted, to be counted by run."""
    add_table(connection, schema.departures)


def add_former_store_keys(connection: Connection) -> None:
    """Version 12: the keys that stores had before are noted."""
    add_table(connection, schema.former_store_keys)


def add_unfit_values(connection: Connection) -> None:
    """Version 13: values that do not fit into the portal's own fields are noted."""
    add_table(connection, schema.unfit_values)


def add_undated_kinds(connection: Connection) -> None:
    """Version 14: stores say which of their rows have no time of change; before, all had one."""
    add_column(connection, schema.stores.c.undated)


def add_company_stores(connection: Connection) -> None:
    """Version 15: a store's contacts may name another store's companies; before, none did."""
    add_column(connection, schema.stores.c.company_store)


def add_digests(connection: Connection) -> None:
    """Version 16: rows have a digest of their originals; the next full load finds out which."""
    add_column(connection, schema.rows.c.digest)


STEPS: Mapping[int, Step] = {
    2: queue_all_goldens,
    3: add_matching,
    5: match_all_contacts,
    6: add_streams,
    7: add_stale_companies,
    8: add_progress_parts,
    9: widen_store_keys,
    10: add_stores,
    11: add_departures,
    12: add_former_store_keys,
    13: add_unfit_values,
    14: add_undated_kinds,
    15: add_company_stores,
    16: add_digests,
}
"""The step that brings a ledger up to each version; version 4 needs none but version 5's."""


def add_table(connection: Connection, table: sa.Table) -> None:
    """Create the table and its indexes, as far as they are missing."""
    table.create(connection, checkfirst=True)
    for index in table.indexes:
        add_index(connection, index)


def add_index(connection: Connection, index: sa.Index) -> None:
    """Create the index of a table, if it is missing."""
    index.create(connection, checkfirst=True)


def add_column(connection: Connection, column: sa.Column[Any]) -> None:
    """Add the column to its table, if it is missing. Rows that are there have its server default.

    Raises:
        ValueError: the column may not be NULL and has no server default.
    """
    if not column.nullable and column.server_default is None:
        raise ValueError(f"{column} needs a server default: the table may hold rows")
    table = column.table
    if column.name in {info["name"] for info in sa.inspect(connection).get_columns(table.name)}:
        return
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    definition = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {definition}")


def widen_texts(connection: Connection) -> None:
    """Widen the text columns that are narrower than in ``schema``. SQLite knows no widths."""
    if connection.dialect.name == "sqlite":
        return
    existing_columns = sa.inspect(connection).get_multi_columns()
    widths = {
        (table, column["name"]): column["type"].length
        for (_, table), columns in existing_columns.items()
        for column in columns
        if isinstance(column["type"], sa.VARCHAR)
    }
    for table in schema.metadata.sorted_tables:
        narrow_columns = [
            column
            for column in table.columns
            if isinstance(column.type, sa.String)
            and (table.name, column.name) in widths
            and (widths[table.name, column.name] or 0) < (column.type.length or 0)
        ]
        if narrow_columns:
            _widen(connection, table, narrow_columns)


def _widen(connection: Connection, table: sa.Table, columns: Sequence[sa.Column[Any]]) -> None:
    dialect = connection.dialect
    quote = dialect.identifier_preparer.quote
    if dialect.name == "postgresql":
        changes = [
            f"ALTER COLUMN {quote(column.name)} TYPE {column.type.compile(dialect)}"
            for column in columns
        ]
    else:
        changes = [
            f"MODIFY COLUMN {CreateColumn(column).compile(dialect=dialect)}" for column in columns
        ]
    connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} {', '.join(changes)}")


def _refill(connection: Connection, table: sa.Table, query: sa.Select[tuple[str, str]]) -> None:
    """Put into the table what the query finds, and nothing else."""
    connection.execute(table.delete())
    names = [column.name for column in query.selected_columns]
    connection.execute(table.insert().from_select(names, query))


def migrate(engine: Engine, write: Callable[[], AbstractContextManager[Connection]]) -> None:
    """Create the tables of a new ledger, or take the steps that an older one lacks, in order.

    ``write`` begins a transaction. Safe to call from several processes at once.

    Raises:
        ConfigurationError: the ledger is of a newer program.
    """
    with _alone(engine):
        is_done = False
        while not is_done:
            with write() as connection:
                is_done = _take_next_step(connection)


def _take_next_step(connection: Connection) -> bool:
    """Take the next step. Returns True when the ledger is of this program's version."""
    version = version_of(connection)
    if version is None:
        _create(connection)
        return True
    if not is_older(version):
        return True
    number = min(number for number in STEPS if number > int(version))
    STEPS[number](connection)
    _note_version(connection, number)
    return False


def _create(connection: Connection) -> None:
    # MySQL creates tables one by one: a program that was cut off here left some, and no version.
    for table in schema.metadata.sorted_tables:
        add_table(connection, table)
    _note_version(connection, schema.VERSION)


def _note_version(connection: Connection, version: int) -> None:
    upsert(connection, schema.meta, [{"key": _VERSION_KEY, "value": str(version)}])


def version_of(connection: Connection) -> str | None:
    """The version of the ledger's tables; None for a ledger that is new, or was created in part."""
    if not sa.inspect(connection).has_table(schema.meta.name):
        return None
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == _VERSION_KEY)
    return connection.execute(query).scalar()


def is_older(version: str) -> bool:
    """Whether the tables lack something that this program can add.

    Raises:
        ConfigurationError: they are of a newer program.
    """
    if not version.isdecimal() or int(version) > schema.VERSION:
        raise ConfigurationError(
            f"--ledger: its tables are of version {version}, this program needs {schema.VERSION}:"
            " use the program that made it, or another ledger"
        )
    return int(version) < schema.VERSION


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let one process change the tables at a time. On SQLite the transaction does that."""
    query = _LOCKS.get(engine.dialect.name)
    if query is None:
        yield
        return
    # The lock belongs to this connection, and ends with it.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(query)
        try:
            yield
        finally:
            connection.invalidate()
