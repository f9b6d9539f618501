"""Where each contact row stands: it goes on, waits for a company, or is refused."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.companies import fill_records, record_deferred
from transforms.ledger.database import Ledger, chunks
from transforms.ledger.source_rows import RowKey, Run, forget, record_invalid
from transforms.records import COMPANY, CONTACT

WAITING = "waiting_for_company"
COMPANY_REFUSED = "company_refused"

_PER_TRANSACTION = 2000


def by_source(rows: Iterable[RowKey]) -> dict[str, list[str]]:
    """Row ids by store, sorted: queries go store by store."""
    found: dict[str, list[str]] = defaultdict(list)
    for source, source_id in sorted(rows):
        found[source].append(source_id)
    return found


class _Standing(msgspec.Struct):
    """What is known of the companies that one contact row names."""

    tins: set[str]
    refused: int = 0
    named: int = 0


def contacts_of(connection: Connection, companies: Sequence[RowKey]) -> set[RowKey]:
    """The contact rows that name any of these company rows."""
    table = schema.links.c
    found: set[RowKey] = set()
    for source, ids in by_source(companies).items():
        query = sa.select(table.contact_id).where(table.source == source)
        for chunk in chunks(ids):
            contacts = connection.execute(query.where(table.company_id.in_(chunk))).scalars()
            found.update((source, contact_id) for contact_id in contacts)
    return found


def resolve(ledger: Ledger, run: Run, contacts: Sequence[RowKey]) -> set[str]:
    """Decide for each contact row whether it goes on, waits or is refused.

    Returns the TINs whose contacts are to be rebuilt: those that a row now belongs to, and those
    of the person that it was part of.
    """
    tins: set[str] = set()
    for source, ids in by_source(contacts).items():
        for chunk in chunks(ids, _PER_TRANSACTION):
            tins |= ledger.transact(
                lambda connection, source=source, chunk=chunk: _resolve(
                    connection, run, source, chunk
                )
            )
    return tins


def _resolve(connection: Connection, run: Run, source: str, ids: Sequence[str]) -> set[str]:
    valid = _valid(connection, source, ids)
    standings = _standings(connection, source, valid)
    tins = _former_tins(connection, source, ids)
    loaded: list[RowKey] = []
    refused: list[dict[str, Any]] = []
    waiting: list[tuple[str, str, str]] = []
    for source_id in valid:
        standing = standings[source_id]
        if standing.tins:
            tins |= standing.tins
            loaded.append((source, source_id))
        elif standing.named and standing.refused == standing.named:
            refused.append(
                {
                    "source": source,
                    "source_id": source_id,
                    "tin": None,
                    "reason": COMPANY_REFUSED,
                    "detail": "",
                }
            )
        else:
            waiting.append((source, source_id, ""))
    forget(connection, schema.invalid_contacts, CONTACT, loaded)
    forget(connection, schema.deferred, CONTACT, loaded)
    fill_records(connection, CONTACT, refused)
    record_invalid(connection, run, CONTACT, refused)
    forget(connection, schema.invalid_contacts, CONTACT, [(row[0], row[1]) for row in waiting])
    record_deferred(connection, run, CONTACT, WAITING, waiting)
    return tins


def _valid(connection: Connection, source: str, ids: Sequence[str]) -> list[str]:
    table = schema.rows.c
    query = sa.select(table.source_id).where(
        table.source == source, table.kind == CONTACT, table.reason == ""
    )
    return [
        source_id
        for chunk in chunks(ids)
        for source_id in connection.execute(query.where(table.source_id.in_(chunk))).scalars()
    ]


def _standings(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, _Standing]:
    links, members, invalid = schema.links.c, schema.members.c, schema.invalid_companies.c
    query = (
        sa.select(links.contact_id, members.key, invalid.reason)
        .outerjoin(
            schema.members,
            sa.and_(
                members.kind == COMPANY,
                members.source == links.source,
                members.source_id == links.company_id,
            ),
        )
        .outerjoin(
            schema.invalid_companies,
            sa.and_(invalid.source == links.source, invalid.source_id == links.company_id),
        )
        .where(links.source == source)
    )
    found = {source_id: _Standing(set()) for source_id in ids}
    for chunk in chunks(ids):
        for contact_id, tin, reason in connection.execute(
            query.where(links.contact_id.in_(chunk))
        ):
            standing = found[contact_id]
            standing.named += 1
            if tin is not None:
                standing.tins.add(tin)
            elif reason is not None:
                standing.refused += 1
    return found


def _former_tins(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    """The companies of the persons that these rows were part of."""
    members, tins = schema.members.c, schema.golden_tins.c
    query = (
        sa.select(tins.tin)
        .join(schema.members, sa.and_(members.kind == CONTACT, members.key == tins.key))
        .where(members.source == source)
        .distinct()
    )
    return {
        tin
        for chunk in chunks(ids)
        for tin in connection.execute(query.where(members.source_id.in_(chunk))).scalars()
    }
