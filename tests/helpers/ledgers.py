"""Empty ledgers on the databases that a ledger may be on."""

from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sandbox.servers.mariadb import MariaDB
from sandbox.servers.postgresql import PostgreSQL
from transforms.configuration.builtin import built_in_configuration
from transforms.configuration.stores import stores_of
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.database import open_ledger as open_empty_ledger
from transforms.ledger.migrations import version_of
from transforms.ledger.stores import write_stores

TWO_STORES: Final = stores_of(built_in_configuration())


def open_ledger(url: str) -> Ledger:
    """Opens a ledger, as a command that reads the two built-in stores does."""
    ledger = open_empty_ledger(url)
    write_stores(ledger, TWO_STORES)
    return ledger


DATABASES: Final = ("sqlite", "mariadb", "postgresql")


def create_database(request: pytest.FixtureRequest, folder: Path, name: str) -> str:
    """Makes an empty database of the kind ``request.param``, without tables; returns its URL."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/{name}.db"
    server: MariaDB | PostgreSQL = request.getfixturevalue(request.param)
    return server.create_database(name)


def create_ledger(request: pytest.FixtureRequest, folder: Path) -> str:
    """Makes an empty ledger on the database of the kind ``request.param``; returns its URL.

    A server's ledger is emptied for the next test, which is faster than making its tables anew.
    """
    if request.param != "sqlite":
        server: MariaDB | PostgreSQL = request.getfixturevalue(request.param)
        with closing(Ledger(server.url("ledger"))) as ledger:
            if _has_tables(ledger):
                empty(ledger)
                return server.url("ledger")
    url = create_database(request, folder, "ledger")
    open_ledger(url).close()
    return url


def driver_url(url: str) -> str:
    """Returns the URL with the driver that SQLAlchemy is to take."""
    return url.replace("mysql:", "mysql+pymysql:").replace("postgresql:", "postgresql+psycopg:")


def empty(ledger: Ledger) -> None:
    """Forgets everything but the two stores: faster than making the tables anew."""
    with ledger.write() as connection:
        for name in connection.execute(_FILLED_TABLES).scalars():
            connection.execute(schema.metadata.tables[name].delete())
        connection.execute(schema.meta.delete().where(schema.meta.c.key != "schema_version"))
    write_stores(ledger, TWO_STORES)


_FILLED_TABLES: Final = sa.union_all(
    *(
        sa.select(sa.literal(table.name)).where(sa.exists().select_from(table))
        for table in schema.metadata.sorted_tables
        if table is not schema.meta
    )
)


def _has_tables(ledger: Ledger) -> bool:
    """Whether the ledger's tables are all there, as this program makes them."""
    try:
        with ledger.read() as connection:
            tables = set(sa.inspect(connection).get_table_names())
            is_newest = version_of(connection) == str(schema.VERSION)
    except DBAPIError:
        return False
    return is_newest and tables == {*schema.metadata.tables}
