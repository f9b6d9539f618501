"""The contact rows that name each company row, and the TIN under which each company is in the base.

Each function is one look-up by an index prefix; what belongs together is joined here. Databases'
planners choose badly among joins of these tables, and a bad choice costs minutes at full size.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.base.reviews import judged_tins
from transforms.ledger.rows.row_keys import group_by_store
from transforms.ledger.statements import look_up


def links_of_companies(
    connection: Connection, companies: Iterable[RowKey]
) -> Iterator[tuple[RowKey, RowKey]]:
    """``(company row, contact row)`` for each contact row that names one of the companies."""
    table = schema.links.c
    columns = table.company_id, table.contact_id
    company_stores = _company_stores(connection)
    for source, ids in group_by_store(companies).items():
        for contact_source in _contact_stores(source, company_stores):
            for company_id, contact_id in look_up(
                connection, columns, table.company_id, ids, source=contact_source
            ):
                yield (source, company_id), (contact_source, contact_id)


def _company_stores(connection: Connection) -> dict[str, str]:
    """The store whose companies a store's contacts name, where it is not their own."""
    table = schema.stores.c
    query = sa.select(table.key, table.company_store).where(table.company_store != "")
    return {store.key: store.company_store for store in connection.execute(query)}


def _contact_stores(source: str, company_stores: Mapping[str, str]) -> list[str]:
    """The stores whose contacts name companies of this store."""
    others = [key for key, company_store in company_stores.items() if company_store == source]
    return others if source in company_stores else [source, *others]


def companies_by_contact(
    connection: Connection, contacts: Iterable[RowKey]
) -> dict[RowKey, list[RowKey]]:
    """The company rows that each of the contact rows names."""
    table = schema.links.c
    columns = table.contact_id, table.company_id
    companies: dict[RowKey, list[RowKey]] = defaultdict(list)
    company_stores = _company_stores(connection)
    for source, ids in group_by_store(contacts).items():
        company_source = company_stores.get(source, source)
        for contact_id, company_id in look_up(
            connection, columns, table.contact_id, ids, source=source
        ):
            companies[source, contact_id].append((company_source, company_id))
    return companies


def golden_key_by_row(
    connection: Connection, kind: str, rows: Iterable[RowKey]
) -> dict[RowKey, str]:
    """The golden record of each row that is a member of one."""
    table = schema.members.c
    columns = table.source_id, table.key
    return {
        (source, source_id): key
        for source, ids in group_by_store(rows).items()
        for source_id, key in look_up(
            connection, columns, table.source_id, ids, kind=kind, source=source
        )
    }


def tin_by_company(connection: Connection, companies: Iterable[RowKey]) -> dict[RowKey, str]:
    """The company in the base of each company row, by the row's TIN or by a person's judgement."""
    rows = set(companies)
    tins = golden_key_by_row(connection, COMPANY, rows)
    return judged_tins(connection, rows - tins.keys()) | tins


def tins_by_contact(connection: Connection, contacts: Iterable[RowKey]) -> dict[RowKey, set[str]]:
    """The TINs of the companies in the base to which each contact row belongs."""
    companies = companies_by_contact(connection, contacts)
    tins = tin_by_company(connection, {row for rows in companies.values() for row in rows})
    return {
        contact: {tins[row] for row in rows if row in tins} for contact, rows in companies.items()
    }
