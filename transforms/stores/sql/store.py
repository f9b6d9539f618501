"""A store in a database, ready to be read: its client, and its tables."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from transforms.configuration.selection import Reading
from transforms.configuration.structs import SQL_KINDS, RecordTable, StoreTable
from transforms.core.secrets import Secret
from transforms.stores.sql.client import Session, StoreAddress, StoreClient
from transforms.stores.sql.clock import Clock
from transforms.stores.sql.encoding import TextDecoder
from transforms.stores.sql.location import StoreLocation
from transforms.stores.sql.order_sums import OrderSummation
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.table import SqlTable
from transforms.stores.sql.url import DialectName

TableName = Literal["company", "contact", "order"]
"""What the configuration calls a table of a store."""


_PLAIN_TEXTS = TextDecoder()


@dataclass(frozen=True)
class SqlStore:
    """A store's tables as the catalogue has them. It pickles, and holds no secret.

    ``tables`` are those that the database has of the store. ``summation`` sums a company's orders,
    ``has_cursor`` says that deltas read the store by the times of change.
    """

    key: str
    client: StoreClient
    timezone: str
    tables: dict[TableName, SqlTable]
    summation: OrderSummation | None = None
    has_cursor: bool = True
    decoder: TextDecoder = _PLAIN_TEXTS

    def cursor(self, text: str, clock: Clock) -> datetime:
        """Returns the moment of a cursor in the ledger, perhaps written by another clock."""
        moment = clock.read(text)
        return moment if text.endswith("+00:00") else self.local(moment, clock)

    def add_orders(self, session: Session, companies: list[RawRow]) -> list[RawRow]:
        """Adds the sums of their orders to companies, where the store has single orders."""
        if self.summation is None:
            return companies
        return self.summation.add_to(session, companies, self.tables["company"].id_name)

    def local(self, moment: datetime, clock: Clock) -> datetime:
        """Returns a moment of the store's local time by another clock."""
        if clock.is_local:
            return moment
        return moment.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC).replace(tzinfo=None)


def sql_tables(store: StoreTable) -> dict[TableName, RecordTable]:
    """Returns the tables of a store that stand in its database, by what they are called.

    Where changes are read by cursor, that is all of them.
    """
    tables: dict[TableName, RecordTable | None] = {
        "company": store.company,
        "contact": store.contact,
        "order": store.order,
    }
    return {name: table for name, table in tables.items() if table and _is_sql(store, table)}


def _is_sql(store: StoreTable, table: RecordTable) -> bool:
    if store.changes and store.changes.kind == "cursor" and not table.files:
        return True
    kind = table.kind or (store.full.kind if store.full else None)
    return not table.files and kind in SQL_KINDS


def store_client(
    key: str, store: StoreTable, reading: Reading = "full", file: str = ""
) -> StoreClient:
    """Returns the client of the database of which a store is read; ``file`` configures it."""
    full, title = store.full, store.title or f"store {key}"
    location = StoreLocation.of(key, store, reading, file)
    dialect: DialectName | None = None
    if full and full.kind in SQL_KINDS and location.url_key == "full.url_env":
        dialect = "postgresql" if full.kind == "postgresql" else "mysql"
    address = StoreAddress(title, Secret(location.variable), dialect, location)
    return StoreClient(address, full.connections if full else 2)
