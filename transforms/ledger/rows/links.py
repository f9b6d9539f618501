"""Which contact rows name which company rows, and which company is in the base under which TIN.

Each is one look-up by an index prefix; what belongs together is joined here. Databases' planners
choose badly among joins of these tables, and a bad choice costs minutes at full size.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy.engine import Connection

from transforms.consolidation.company_suggestions import tins_said
from transforms.core.identity import RowKey
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.statements import look_up


def group_by_store(rows: Iterable[RowKey]) -> dict[str, list[str]]:
    """Row ids by store, sorted: queries go store by store."""
    found: dict[str, list[str]] = defaultdict(list)
    for source, source_id in sorted(rows):
        found[source].append(source_id)
    return found


def links_of_companies(
    connection: Connection, companies: Iterable[RowKey]
) -> Iterator[tuple[RowKey, RowKey]]:
    """``(company row, contact row)`` for each contact row that names one of these."""
    table = schema.links.c
    for source, ids in group_by_store(companies).items():
        columns = table.company_id, table.contact_id
        for company_id, contact_id in look_up(
            connection, columns, table.company_id, ids, source=source
        ):
            yield (source, company_id), (source, contact_id)


def companies_by_contact(
    connection: Connection, contacts: Iterable[RowKey]
) -> dict[RowKey, list[RowKey]]:
    """The company rows that each of these contact rows names."""
    table = schema.links.c
    found: dict[RowKey, list[RowKey]] = defaultdict(list)
    for source, ids in group_by_store(contacts).items():
        columns = table.contact_id, table.company_id
        for contact_id, company_id in look_up(
            connection, columns, table.contact_id, ids, source=source
        ):
            found[source, contact_id].append((source, company_id))
    return found


def golden_key_by_row(
    connection: Connection, kind: str, rows: Iterable[RowKey]
) -> dict[RowKey, str]:
    """The golden record that each of these rows is a member of, where it is of one."""
    table = schema.members.c
    found: dict[RowKey, str] = {}
    for source, ids in group_by_store(rows).items():
        columns = table.source_id, table.key
        for source_id, key in look_up(
            connection, columns, table.source_id, ids, kind=kind, source=source
        ):
            found[source, source_id] = key
    return found


def tin_by_company(connection: Connection, rows: Iterable[RowKey]) -> dict[RowKey, str]:
    """The company in the base of each of these company rows, by its TIN or by people's word."""
    rows = set(rows)
    found = golden_key_by_row(connection, COMPANY, rows)
    return tins_said(connection, rows - found.keys()) | found


def tins_by_contact(connection: Connection, contacts: Iterable[RowKey]) -> dict[RowKey, set[str]]:
    """The companies in the base that each of these contact rows belongs to, by TIN."""
    named = companies_by_contact(connection, contacts)
    tins = tin_by_company(connection, {row for rows in named.values() for row in rows})
    return {contact: {tins[row] for row in rows if row in tins} for contact, rows in named.items()}
