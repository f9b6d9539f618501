"""Opening the ledger: SQLite by default, MySQL, MariaDB or PostgreSQL by URL."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from transforms.errors import ConfigurationError, LedgerError
from transforms.ledger import schema
from transforms.secrets import mask

T = TypeVar("T")

# A dialect without a driver of ours would look for one that is not installed.
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
# How many values go into one IN list: below every database's limit, large enough to be cheap.
CHUNK = 500
_TRIES = 8
# A page that many transactions write goes into the file itself once in 64 MB of them.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-65536",
    "wal_autocheckpoint=16384",
)


Statement = tuple[str, Any]
"""Something to write: SQL, and its values or many rows of them."""


class Draft(NamedTuple, Generic[T]):
    """What a piece of work has found, and what it would write."""

    found: T
    statements: list[Statement]


class Ledger:
    """One database that keeps all that must outlive a run. Safe to use from several threads.

    To another process of ours (``transforms.processes``) it goes as its URL, and is opened there.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.engine = _engine(url)

    def __reduce__(self) -> tuple[Callable[[str], "Ledger"], tuple[str]]:
        return _opened, (self._url,)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with; what it sees is one moment."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction to write in: all of it happens, or nothing."""
        with self.engine.connect() as bare:
            connection = bare.execution_options(svod_write=True)
            with connection.begin():
                yield connection

    def draft(self, work: Callable[[Connection], T]) -> Draft[T]:
        """What ``work`` would write by ``upsert``, ``update`` and ``delete``: ``perform`` does it.

        It reads the ledger as it stands, and sees nothing of what it writes. So drafts of what has
        nothing in common can be made side by side, in any process, while one writes.

        Raises:
            LedgerError: the database does not answer, or refuses.
        """
        statements: list[Statement] = []
        try:
            with self.engine.connect() as bare:
                connection = bare.execution_options(svod_draft=statements)
                with connection.begin():
                    return Draft(work(connection), statements)
        except DBAPIError as error:
            # A driver's error may not survive the way to another process.
            raise LedgerError(f"the ledger failed: {mask(str(error.orig))}") from None

    def transact(self, work: Callable[[Connection], T]) -> T:
        """``work`` in a write transaction, done again when another writer got in its way."""
        for attempt in range(_TRIES):
            try:
                with self.write() as connection:
                    return work(connection)
            except OperationalError as error:
                if attempt == _TRIES - 1 or not _passing(error):
                    raise
            time.sleep(random.uniform(0.05, 0.1) * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@lru_cache(maxsize=1)
def _opened(url: str) -> Ledger:
    return Ledger(url)


def open_ledger(url: str) -> Ledger:
    """The ledger at ``url``, its tables made when missing.

    Raises:
        ConfigurationError: naming ``--ledger``, when it cannot be opened or is of a newer program.
    """
    try:
        ledger = Ledger(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(f"--ledger: {mask(str(error))}") from None
    try:
        _prepare(ledger)
    except DBAPIError as error:
        ledger.close()
        raise ConfigurationError(f"--ledger: cannot open it: {mask(str(error.orig))}") from None
    except ConfigurationError:
        ledger.close()
        raise
    return ledger


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "mysql":
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    return sa.create_engine(parsed, pool_pre_ping=True, pool_recycle=1800, hide_parameters=True)


def _sqlite(url: URL) -> Engine:
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": 60})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        # The driver must not begin transactions by itself: it would begin them as readers.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer fails at once when another writer was faster; a writer waits.
        write = connection.get_execution_options().get("svod_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _prepare(ledger: Ledger) -> None:
    # Every worker opens the ledger: look first, so that only the first one takes the write lock.
    with ledger.read() as connection:
        known = _version(connection) if sa.inspect(connection).has_table("meta") else None
    if known is not None and not _is_older(known):
        return
    with ledger.write() as connection:
        _bring_up(connection)


def _bring_up(connection: Connection) -> None:
    # MySQL makes tables one by one: who was cut off there left some without the version.
    schema.metadata.create_all(connection)
    for table in schema.metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    known = _version(connection)
    if known is not None and _is_older(known):
        _fill_what_is_new(connection, int(known))
    upsert(connection, schema.meta, [{"key": "schema_version", "value": str(schema.VERSION)}])


def _fill_what_is_new(connection: Connection, known: int) -> None:
    """What the program of that version did not note."""
    if known < 2:  # what it had not loaded
        goldens = sa.select(schema.golden.c.kind, schema.golden.c.key)
        connection.execute(schema.unloaded.delete())
        connection.execute(schema.unloaded.insert().from_select(["kind", "key"], goldens))
    # By which keys contacts find each other: the next run matches all of them anew.
    table = schema.rows.c
    contacts = sa.select(table.source, table.source_id).where(
        table.kind == "contact", table.reason == ""
    )
    connection.execute(schema.dirty_contacts.delete())
    connection.execute(
        schema.dirty_contacts.insert().from_select(["source", "source_id"], contacts)
    )


def _version(connection: Connection) -> str | None:
    query = sa.select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
    return connection.execute(query).scalar()


def _is_older(version: str) -> bool:
    """Whether the tables lack something that this program can add."""
    if not version.isdecimal() or int(version) > schema.VERSION:
        raise ConfigurationError(
            f"--ledger: its tables are of version {version}, this program needs {schema.VERSION}:"
            " use the program that made it, or another ledger"
        )
    return int(version) < schema.VERSION


def _passing(error: OperationalError) -> bool:
    """Whether trying again can help: a lock held too long, a deadlock, a lost connection."""
    text = str(error.orig).lower()
    return error.connection_invalidated or any(
        sign in text for sign in ("locked", "deadlock", "lock wait", "1213", "1205", "40p01")
    )


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    keep: Sequence[str] = (),
) -> None:
    """Insert the rows, or overwrite those of the same primary key but for the columns ``keep``."""
    if not rows:
        return
    sql, marks = _upsert_sql(connection.dialect, table, tuple(rows[0]), tuple(keep))
    # SQLAlchemy's own binding of each row costs more than the database's work.
    values: list[Any] = list(map(itemgetter(*marks), rows)) if marks else list(rows)
    if len(marks) == 1:  # itemgetter gives a tuple for several only
        values = [(value,) for value in values]
    _write(connection, sql, values)


def perform(connection: Connection, drafts: Iterable[Draft[Any]]) -> None:
    """Write what the drafts say."""
    for draft in drafts:
        for sql, values in draft.statements:
            connection.exec_driver_sql(sql, values)


def _write(connection: Connection, sql: str, values: Any) -> None:
    draft: list[Statement] | None = connection.get_execution_options().get("svod_draft")
    if draft is None:
        connection.exec_driver_sql(sql, values)
    else:
        draft.append((sql, values))


@lru_cache(maxsize=256)
def _upsert_sql(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...], keep: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The statement, and the columns in the order of its marks; none where marks have names."""
    compiled = _upserts(dialect.name, table, columns, keep).compile(
        dialect=dialect, column_keys=columns
    )
    return str(compiled), tuple(compiled.positiontup or ())


def _upserts(dialect: str, table: sa.Table, columns: Sequence[str], keep: Sequence[str]) -> Any:
    keys = [column.name for column in table.primary_key]
    changed = [name for name in columns if name not in keys and name not in keep]
    if dialect in ("mysql", "mariadb"):
        own = mysql.insert(table)
        # MySQL has no "do nothing": setting a key to itself is the usual stand-in.
        return own.on_duplicate_key_update({name: own.inserted[name] for name in changed or keys})
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(table)
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed}
    )


def values_of(
    connection: Connection, key: sa.Column[str], value: sa.Column[T], kind: str, keys: Sequence[str]
) -> dict[str, T]:
    """``value`` of those records of one kind that are in the columns' table, by their ``key``."""
    return dict(look_up(connection, (key, value), key, keys, kind=kind))


def look_up(
    connection: Connection,
    columns: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    values: Sequence[Any],
    **same: Any,
) -> Iterator[Any]:
    """The rows (their ``columns``) of one table that have one of the values in ``column``.

    ``same`` names columns that must equal the given value. Values are asked for in pieces of
    ``CHUNK``; rows come in no order.
    """
    quote = connection.dialect.identifier_preparer.quote
    wanted = ", ".join(quote(one.name) for one in columns)
    for sql, some in _each_piece(connection, f"SELECT {wanted} FROM", "", column, values, same):
        yield from connection.exec_driver_sql(sql, some).all()


def delete(
    connection: Connection, column: sa.Column[Any], values: Sequence[Any], **same: Any
) -> None:
    """Delete the rows of one table that ``look_up`` would find."""
    for sql, some in _each_piece(connection, "DELETE FROM", "", column, values, same):
        _write(connection, sql, some)


def delete_rows(connection: Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Delete the rows of these primary keys, whose parts stand in the table's order."""
    if not keys:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.primary_key)
    head = f"DELETE FROM {quote(table.name)} WHERE ({names})"  # noqa: S608 - no value is in it
    one = ", ".join([_mark(connection)] * len(table.primary_key))
    if connection.dialect.name == "sqlite":
        # For a list of such keys it would read the whole table; here a statement costs nothing.
        _write(connection, f"{head} = ({one})", keys)
        return
    for chunk in chunks(keys):
        many = ", ".join([f"({one})"] * len(chunk))
        _write(connection, f"{head} IN ({many})", tuple(chain.from_iterable(chunk)))


def update(
    connection: Connection,
    changed: sa.Column[T],
    value: T,
    column: sa.Column[Any],
    values: Sequence[Any],
    **same: Any,
) -> None:
    """Set ``changed`` to ``value`` in the rows of one table that ``look_up`` would find."""
    quote = connection.dialect.identifier_preparer.quote
    assign = f" SET {quote(changed.name)} = {_mark(connection)}"
    for sql, some in _each_piece(connection, "UPDATE", assign, column, values, same):
        _write(connection, sql, (value, *some))


def _each_piece(
    connection: Connection,
    what: str,
    then: str,
    column: sa.Column[Any],
    values: Sequence[Any],
    same: Mapping[str, Any],
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    # SQLAlchemy would bind a list value by value, which costs more than the database's work.
    mark = _mark(connection)
    quote = connection.dialect.identifier_preparer.quote
    equal = "".join(f"{quote(column.table.c[name].name)} = {mark} AND " for name in same)
    head = f"{what} {quote(column.table.name)}{then} WHERE {equal}{quote(column.name)}"
    for chunk in chunks(values):
        sql = f"{head} IN ({', '.join([mark] * len(chunk))})"
        yield sql, (*same.values(), *chunk)


def _mark(connection: Connection) -> str:
    """What stands for a value; PyMySQL and psycopg take the same."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
