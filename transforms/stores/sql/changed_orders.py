"""The companies whose orders have changed: an order does not touch its company's own time."""

from collections.abc import Iterator
from datetime import datetime

from transforms.stores.sql.client import Session
from transforms.stores.sql.keyset import Keyset
from transforms.stores.sql.order_sums import id_text, key_values, places
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.store import SqlStore
from transforms.stores.sql.table import SqlTable


def companies_of_changed_orders(
    session: Session, store: SqlStore, since_orders: datetime, since_companies: datetime
) -> Iterator[list[RawRow]]:
    """Yields companies that did not change since then, but have orders that did."""
    companies, summation = store.tables["company"], store.summation
    if summation is None:
        return
    orders = Keyset(store.tables["order"], since_orders)
    known_ids: set[str] = set()
    unchanged, moments = _unchanged(companies, since_companies)
    for page in orders.pages(session, *orders.bounds(session)):
        ids = {id_text(order[summation.company_name], summation.width) for order in page}
        values = key_values(sorted(ids - known_ids), companies.id.column, summation.width)
        known_ids |= ids
        if values:
            query = (
                f"{companies.select}{companies.id_hint}"
                f" WHERE {companies.id.expression} IN ({places(values)}) AND {unchanged}"
            )
            yield companies.finish(session.rows(query, [*values, *moments]))


def _unchanged(companies: SqlTable, since: datetime) -> tuple[str, list[object]]:
    """Returns the condition that a delta does not read a company by its own time of change."""
    changed_at, clock = companies.changed_at, companies.clock
    if changed_at is None or clock is None:
        return "1 = 1", []
    conditions = [f"{changed_at.expression} < %s"]
    if changed_at.column.nullable:
        conditions.append(f"{changed_at.expression} IS NULL")
    if companies.valid_change:
        conditions.append(f"NOT ({companies.valid_change})")
    return f"({' OR '.join(conditions)})", [clock.value(since)]
