"""The standing of each contact row: it is matched, waits for a company, or is refused."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from transforms.consolidation.companies import fill_records
from transforms.core.chunks import chunks
from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import WAITING_FOR_COMPANY
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import CONTACT, decode_contact
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.contact_keys import replace_keys
from transforms.ledger.rows.deferrals import record_deferrals
from transforms.ledger.rows.links import (
    companies_by_contact,
    links_of_companies,
    tin_by_company,
)
from transforms.ledger.rows.refusals import record_refusals
from transforms.ledger.rows.row_keys import delete_entries, group_by_store
from transforms.ledger.statements import look_up
from transforms.matching.blocking import HOT_KEY_LIMIT, digests_by_row
from transforms.matching.profiles import profile_of

COMPANY_REFUSED = "company_refused"

# Keys do not stand in the order of rows: a batch writes to nearly every page of their table. The
# fewer transactions, the fewer times each page is written.
_ROWS_PER_BATCH, _BATCHES_PER_TRANSACTION = 4000, 2


class _Standing(msgspec.Struct):
    """The companies that a contact row names.

    ``tins`` are those in the base; ``refused`` and ``named`` count the refused ones, and all.
    """

    tins: set[str]
    refused: int
    named: int

    @property
    def is_refused(self) -> bool:
        """Whether every company that the row names is refused."""
        return 0 < self.named == self.refused


def contacts_of(connection: Connection, companies: Sequence[RowKey]) -> set[RowKey]:
    """Returns the contact rows that name any of these company rows."""
    return {contact for _, contact in links_of_companies(connection, companies)}


def resolve(
    ledger: Ledger, run: Run, contacts: Sequence[RowKey], processes: ProcessPool = IN_PLACE
) -> None:
    """Decides for each contact row whether it is matched, waits or is refused.

    Replaces its blocking keys; marks it, and the rows that it was connected to, as dirty.
    """
    for source, ids in group_by_store(contacts).items():
        work = partial(_decide, run=run, source=source)
        carry_out(
            ledger,
            work,
            chunks(ids, _ROWS_PER_BATCH),
            processes,
            per_transaction=_BATCHES_PER_TRANSACTION,
        )


def _decide(connection: Connection, ids: Sequence[str], run: Run, source: str) -> None:
    payloads = _valid_payloads(connection, source, ids)
    standings = _standings(connection, source, list(payloads))
    keys = digests_by_row(
        {
            source_id: profile_of(decode_contact(payload), tins)
            for source_id, payload in payloads.items()
            if (tins := standings[source_id].tins)
        }
    )
    _settle(connection, run, source, standings)
    keys_by_row = {source_id: keys.get(source_id, ()) for source_id in ids}
    replace_keys(connection, source, keys_by_row, HOT_KEY_LIMIT)


def _settle(
    connection: Connection, run: Run, source: str, standings: Mapping[str, _Standing]
) -> None:
    matched: list[RowKey] = []
    refusals: list[dict[str, Any]] = []
    waiting: list[RowKey] = []
    for source_id, standing in standings.items():
        if standing.tins:
            matched.append((source, source_id))
        elif standing.is_refused:
            refusals.append(
                {
                    "source": source,
                    "source_id": source_id,
                    "tin": None,
                    "reason": COMPANY_REFUSED,
                    "detail": "",
                }
            )
        else:
            waiting.append((source, source_id))
    delete_entries(connection, schema.invalid_contacts, CONTACT, matched)
    delete_entries(connection, schema.deferred, CONTACT, matched)
    fill_records(connection, CONTACT, refusals)
    record_refusals(connection, run, CONTACT, refusals)
    delete_entries(connection, schema.invalid_contacts, CONTACT, waiting)
    rows = [(row, "") for row in waiting]
    record_deferrals(connection, run, CONTACT, WAITING_FOR_COMPANY, rows)


def _valid_payloads(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, bytes]:
    table = schema.rows.c
    columns = table.source_id, table.payload
    return {
        source_id: bytes(payload)
        for source_id, payload in look_up(
            connection, columns, table.source_id, ids, source=source, kind=CONTACT, reason=""
        )
    }


def _standings(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, _Standing]:
    named = companies_by_contact(connection, [(source, source_id) for source_id in ids])
    companies = {row for rows in named.values() for row in rows}
    tins = tin_by_company(connection, companies)
    refused = _refused(connection, companies - tins.keys())
    return {
        source_id: _Standing(
            tins={tins[row] for row in named[source, source_id] if row in tins},
            refused=sum(row in refused for row in named[source, source_id]),
            named=len(named[source, source_id]),
        )
        for source_id in ids
    }


def _refused(connection: Connection, companies: Iterable[RowKey]) -> set[RowKey]:
    table = schema.invalid_companies.c
    return {
        (source, source_id)
        for source, ids in group_by_store(companies).items()
        for (source_id,) in look_up(
            connection, (table.source_id,), table.source_id, ids, source=source
        )
    }
