"""Store A's tables in pages: by primary key, or what changed since a time by ``(updated_at, id)``.

A page is one short query that goes on behind the last row of the page before: no ``OFFSET``, gaps
between the ids cost nothing, and nothing is open on the server between two pages. Ranges of keys
are ranges of whole numbers: ids, or seconds of ``updated_at``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from transforms.stores.mysql.client import RawRow, Session

PAGE = 1000
IS_A_TIME = "MONTH(updated_at) > 0 AND DAYOFMONTH(updated_at) > 0"
"""MySQL also holds days such as 2024-00-00: no cursor stands there, only whole loads read them."""

_EPOCH = datetime(1970, 1, 1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Table:
    """A table's columns; ``texts`` are read as the bytes that they are, in no character set."""

    name: str
    texts: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def select(self) -> str:
        """The query without its conditions."""
        texts = [f"CAST({column} AS BINARY) AS {column}" for column in self.texts]
        return f"SELECT {', '.join([*self.others, *texts])} FROM {self.name}"  # noqa: S608 - our own names


_STAMPS = ("is_deleted", "created_at", "updated_at")
COMPANIES = Table(
    "companies",
    (
        *("inn", "kpp", "ogrn", "name", "full_name", "address"),
        *("bank_name", "bik", "account", "corr_account", "phone", "email", "site"),
    ),
    ("id", *_STAMPS),
)
CONTACTS = Table(
    "contacts",
    ("last_name", "first_name", "middle_name", "position", "phone", "email"),
    ("id", "company_id", *_STAMPS),
)
ORDERS = Table("orders", (), ("id", "company_id", "updated_at"))

# The indexes are forced: for a wide range the server would choose to read the whole table.
_SUMS = """
SELECT company_id, COUNT(*) AS orders_count, SUM(total) AS orders_total,
       MAX(created_at) AS orders_last_at
FROM orders FORCE INDEX (idx_orders_company)
WHERE company_id {among} AND status <> 'cancelled'
GROUP BY company_id"""


@dataclass(frozen=True)
class Keyset:
    """The keys of a table's rows: all of them, or those changed ``since`` a Moscow time."""

    table: Table
    since: datetime | None = None

    def bounds(self, session: Session) -> tuple[int, int]:
        """The range ``[start, stop)`` that holds all keys now; ``(0, 0)`` when there is no row."""
        if self.since is None:
            query = f"SELECT MIN(id) AS first, MAX(id) AS last FROM {self.table.name}"  # noqa: S608
            [row] = session.rows(query)
            return (0, 0) if row["last"] is None else (row["first"], row["last"] + 1)
        query = (
            f"SELECT updated_at AS last FROM {self.table.name}"  # noqa: S608 - our own names
            f" FORCE INDEX (idx_{self.table.name}_updated) WHERE updated_at >= %s AND {IS_A_TIME}"
            " ORDER BY updated_at DESC LIMIT 1"
        )
        start = _seconds(self.since)
        rows = session.rows(query, (_moment(start),))
        return (start, _seconds(rows[0]["last"]) + 1) if rows else (start, start)

    def position(self, row: RawRow) -> int:
        """Where a row stands in the range."""
        return row["id"] if self.since is None else _seconds(row["updated_at"])

    def pages(self, session: Session, start: int, stop: int) -> Iterator[list[RawRow]]:
        """The rows of ``[start, stop)`` in the order of their keys, ``PAGE`` at a time."""
        after: RawRow = {"id": start - 1}
        if self.since is not None:
            after = {"id": -1, "updated_at": _moment(start)}
        page = self._page(session, after, stop)
        while page:
            yield page
            page = self._page(session, page[-1], stop) if len(page) == PAGE else []

    def _page(self, session: Session, after: RawRow, stop: int) -> list[RawRow]:
        if self.since is None:
            query = "FORCE INDEX (PRIMARY) WHERE id > %s AND id < %s ORDER BY id"
            parameters: Sequence[object] = after["id"], stop
        else:
            query = (
                f"FORCE INDEX (idx_{self.table.name}_updated)"
                " WHERE (updated_at = %s AND id > %s OR updated_at > %s) AND updated_at < %s"
                f" AND {IS_A_TIME} ORDER BY updated_at, id"
            )
            moment = after["updated_at"]
            parameters = moment, after["id"], moment, _moment(stop)
        return session.rows(f"{self.table.select} {query} LIMIT {PAGE}", parameters)


def with_orders(session: Session, companies: list[RawRow]) -> list[RawRow]:
    """The companies with ``orders_count``, ``orders_total`` (roubles) and ``orders_last_at``.

    Cancelled orders do not count.
    """
    if not companies:
        return []
    ids = [company["id"] for company in companies]
    first, last = min(ids), max(ids)
    # A range is two to three times as fast for the server, when it holds few companies besides.
    if last - first < 2 * len(ids):
        rows = session.rows(_SUMS.format(among="BETWEEN %s AND %s"), (first, last))
    else:
        rows = session.rows(_SUMS.format(among="IN %s"), (ids,))
    sums = {row.pop("company_id"): row for row in rows}
    none = {"orders_count": 0, "orders_total": Decimal(0), "orders_last_at": None}
    return [company | sums.get(company["id"], none) for company in companies]


@dataclass(frozen=True)
class DeltaStart:
    """From when on each table's changes are read, Moscow time without a zone."""

    companies: datetime
    contacts: datetime
    orders: datetime

    def __post_init__(self) -> None:
        """Refuse times with a zone: the store's have none."""
        if any(moment.tzinfo for moment in (self.companies, self.contacts, self.orders)):
            raise ValueError("since must be Moscow time, without a zone")


def companies_of_changed_orders(session: Session, since: DeltaStart) -> Iterator[list[RawRow]]:
    """The companies with orders changed since then, without those changed since themselves."""
    orders = Keyset(ORDERS, since.orders)
    seen: set[int] = set()
    query = f"{COMPANIES.select} FORCE INDEX (PRIMARY) WHERE id IN %s AND updated_at < %s"
    for page in orders.pages(session, *orders.bounds(session)):
        if new := {order["company_id"] for order in page} - seen:
            seen |= new
            yield session.rows(query, (sorted(new), since.companies))


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND


def _moment(seconds: int) -> datetime:
    return _EPOCH + seconds * _SECOND
