"""Keyset pagination of store A's tables: by id, or by ``(updated_at, id)`` for changed rows.

A page is one short query for the rows behind the last row of the previous page: no ``OFFSET``, gaps
between ids cost nothing, and the server keeps nothing open between two pages. Ranges of keys are
ranges of integers: ids, or seconds of ``updated_at``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from transforms.stores.mysql.client import RawRow, Session

PAGE = 1000
HAS_VALID_TIME = "MONTH(updated_at) > 0 AND DAYOFMONTH(updated_at) > 0"
"""MySQL accepts days such as 2024-00-00: only full loads read them, and no cursor is one."""

_EPOCH = datetime(1970, 1, 1)
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Table:
    """A table's columns; ``texts`` are read as raw bytes, in no character set."""

    name: str
    texts: tuple[str, ...]
    non_texts: tuple[str, ...]

    @property
    def select(self) -> str:
        """Returns the query without its conditions."""
        texts = [f"CAST({column} AS BINARY) AS {column}" for column in self.texts]
        return f"SELECT {', '.join([*self.non_texts, *texts])} FROM {self.name}"  # noqa: S608 - our own names


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

# The index is forced: for a wide range the server would choose to read the whole table.
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
        """Returns the range ``[start, stop)`` of all keys now; it is empty when there is no row."""
        if self.since is None:
            query = f"SELECT MIN(id) AS first, MAX(id) AS last FROM {self.table.name}"  # noqa: S608
            [row] = session.rows(query)
            return (0, 0) if row["last"] is None else (row["first"], row["last"] + 1)
        query = (
            f"SELECT updated_at AS last FROM {self.table.name}"  # noqa: S608 - our own names
            f" FORCE INDEX (idx_{self.table.name}_updated)"
            f" WHERE updated_at >= %s AND {HAS_VALID_TIME}"
            " ORDER BY updated_at DESC LIMIT 1"
        )
        start = _seconds(self.since)
        rows = session.rows(query, (_moment(start),))
        return (start, _seconds(rows[0]["last"]) + 1) if rows else (start, start)

    def position(self, row: RawRow) -> int:
        """Returns a row's key as a number of the range."""
        return row["id"] if self.since is None else _seconds(row["updated_at"])

    def pages(self, session: Session, start: int, stop: int) -> Iterator[list[RawRow]]:
        """Yields the rows of ``[start, stop)`` in the order of their keys, ``PAGE`` at a time."""
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
                f" AND {HAS_VALID_TIME} ORDER BY updated_at, id"
            )
            moment = after["updated_at"]
            parameters = moment, after["id"], moment, _moment(stop)
        return session.rows(f"{self.table.select} {query} LIMIT {PAGE}", parameters)


def with_orders(session: Session, companies: list[RawRow]) -> list[RawRow]:
    """Adds ``orders_count``, ``orders_total`` (roubles) and ``orders_last_at`` to companies.

    Cancelled orders do not count.
    """
    if not companies:
        return []
    ids = [company["id"] for company in companies]
    first, last = min(ids), max(ids)
    # A range is two to three times as fast for the server, when few other companies are in it.
    if last - first < 2 * len(ids):
        rows = session.rows(_SUMS.format(among="BETWEEN %s AND %s"), (first, last))
    else:
        rows = session.rows(_SUMS.format(among="IN %s"), (ids,))
    sums = {row.pop("company_id"): row for row in rows}
    none = {"orders_count": 0, "orders_total": Decimal(0), "orders_last_at": None}
    return [company | sums.get(company["id"], none) for company in companies]


@dataclass(frozen=True)
class DeltaStart:
    """The moment from which a delta reads each table, in Moscow time without a zone."""

    companies: datetime
    contacts: datetime
    orders: datetime

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for times with a zone: the store's times have none."""
        if any(moment.tzinfo for moment in (self.companies, self.contacts, self.orders)):
            raise ValueError("since must be Moscow time, without a zone")


def companies_of_changed_orders(session: Session, since: DeltaStart) -> Iterator[list[RawRow]]:
    """Yields companies that did not change since then, but have orders that did."""
    orders = Keyset(ORDERS, since.orders)
    company_ids: set[int] = set()
    query = f"{COMPANIES.select} FORCE INDEX (PRIMARY) WHERE id IN %s AND updated_at < %s"
    for page in orders.pages(session, *orders.bounds(session)):
        if new_ids := {order["company_id"] for order in page} - company_ids:
            company_ids |= new_ids
            yield session.rows(query, (sorted(new_ids), since.companies))


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _ONE_SECOND


def _moment(seconds: int) -> datetime:
    return _EPOCH + seconds * _ONE_SECOND
