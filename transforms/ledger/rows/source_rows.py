"""Source rows: the newest cleaned version of each, and the keys that a new version touches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import RowKey, Run, now
from transforms.core.outcomes import GONE_FROM_STORE
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import COMPANY, CONTACT, Row, RowBatch, decode_contact
from transforms.core.stores import Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.outside_rows import with_gone
from transforms.ledger.rows.rebuild_marks import mark_stale, mark_stale_companies
from transforms.ledger.rows.refusals import record_refusals
from transforms.ledger.rows.tombstones import with_deletions
from transforms.ledger.rows.unchanged_rows import mark_seen, redigested, split_unchanged
from transforms.ledger.rows.versions import (
    KnownVersion,
    date_by_run,
    date_received,
    is_newer,
    known_versions,
    newest,
    originals_of_ties,
    says_the_same,
)
from transforms.ledger.statements import delete_rows, look_up, update, upsert
from transforms.ledger.stores import stores_of_ledger

# Rows a batch, and batches a transaction.
_AT_ONCE, _PER_TRANSACTION = 2000, 2


class TouchedKeys(msgspec.Struct):
    """The keys of what new row versions may change: TINs, refused company rows, contact rows."""

    tins: set[str]
    companies: set[RowKey]
    contacts: set[RowKey]

    def add(self, touched: "TouchedKeys") -> None:
        """Add the keys of ``touched``."""
        self.tins |= touched.tins
        self.companies |= touched.companies
        self.contacts |= touched.contacts


class _Changes(NamedTuple):
    """Row versions by what they change."""

    fresh: list[Row]
    """New rows, and rows that say something else."""
    repeated: list[Row]
    """Newer versions that say the same."""
    outdated: list[str]
    """Ids of rows of which the ledger holds this version, or a newer one."""
    of_earlier_attempt: list[str]
    """Ids of rows whose known version an earlier attempt of this run has written."""


def remember(
    ledger: Ledger, run: Run, versions: Sequence[Row], processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """Keep the versions that are newer than the ledger's; return the keys that they touch.

    A version that the configuration leaves out (``OUTSIDE``), or that says that its row is gone,
    concerns known rows only.

    Safe to repeat within the run: the keys are a function of the rows and the run, for the first
    attempt's result may be lost although its writes are not.
    """
    stores = stores_of_ledger(ledger)
    to_compare, unchanged = split_unchanged(ledger, versions, stores)
    mark_seen(ledger, run, unchanged)
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    dated = date_received(to_compare, run)
    for row in newest(with_deletions(ledger, with_gone(ledger, dated))):
        groups[row.source, row.kind].append(row)
    batches = [
        RowBatch(batch)
        for group in groups.values()
        for batch in chunks(sorted(group, key=lambda row: row.source_id), _AT_ONCE)
    ]
    work = partial(_remember, run=run, stores=stores)
    all_touched = TouchedKeys(set(), set(), set())
    for touched in carry_out(ledger, work, batches, processes, per_transaction=_PER_TRANSACTION):
        all_touched.add(touched)
    return all_touched


def _remember(
    connection: Connection, batch: Sequence[Row], run: Run, stores: Stores
) -> TouchedKeys:
    """Remember rows of one store and kind."""
    source, kind = batch[0].source, batch[0].kind
    known = known_versions(connection, source, kind, [row.source_id for row in batch])
    is_table_undated = stores.is_undated(source, kind)
    batch = date_by_run(batch, known, run, is_table_undated=is_table_undated)
    originals = originals_of_ties(connection, batch, known)
    changes = _compare(batch, known, originals, run, stores.last_read_wins(source))
    # A repeated event changes nothing but its row's place in the topic. The row keeps the number of
    # the run that brought it: if that one was cut off, its work is still to be finished.
    redigested_ids = redigested(connection, batch, known)
    repeated = [_values(row, run) for row in changes.repeated]
    repeated += [_values(row, run) for row in batch if row.source_id in redigested_ids]
    upsert(connection, schema.rows, repeated, keep=["run_seq"])
    table = schema.rows.c
    update(
        connection,
        table.seen_run,
        run.run_seq,
        table.source_id,
        changes.outdated,
        source=source,
        kind=kind,
    )
    return replace_versions(
        connection, run, (source, kind), changes.fresh, changes.of_earlier_attempt, known
    )


def replace_versions(
    connection: Connection,
    run: Run,
    store_and_kind: tuple[str, str],
    fresh: Sequence[Row],
    of_earlier_attempt: Sequence[str],
    known: Mapping[str, KnownVersion],
) -> TouchedKeys:
    """Write the ``fresh`` versions over the ``known`` ones; returns the keys that they touch.

    The rows are of one store and kind. ``of_earlier_attempt`` are ids of rows of which an earlier
    attempt of this run has written the known version: their keys are touched as well.
    """
    source, kind = store_and_kind
    touched = _touched_by(fresh, known)
    _add_earlier_attempt(touched, source, kind, of_earlier_attempt, known)
    if kind == COMPANY:
        # An attempt that was cut off, in this run or an earlier one, may have moved the row
        # already: it is still a member where it was.
        changed = [row.source_id for row in fresh if row.source_id in known]
        former_tins = _member_tins(connection, source, [*changed, *of_earlier_attempt])
        touched.tins |= former_tins
        changed_tins = {row.tin for row in fresh if row.source_id in known and not row.reason}
        mark_stale_companies(connection, run, former_tins | changed_tins)
    if fresh:
        _write_fresh(connection, run, fresh, known)
    return touched


def _compare(
    batch: Sequence[Row],
    known: Mapping[str, KnownVersion],
    originals: Mapping[str, bytes],
    run: Run,
    last_read_wins: bool,
) -> _Changes:
    changes = _Changes([], [], [], [])
    moment = now()
    for row in batch:
        previous = known.get(row.source_id)
        if previous is not None and previous.run_seq == run.run_seq:
            changes.of_earlier_attempt.append(row.source_id)
        if previous is None and row.reason == GONE_FROM_STORE:
            continue
        if previous is not None and not is_newer(
            row, previous, originals, moment, last_read_wins=last_read_wins
        ):
            # An older version outside the table is no sight of the row.
            if row.reason != GONE_FROM_STORE or previous.reason == GONE_FROM_STORE:
                changes.outdated.append(row.source_id)
        elif previous is not None and says_the_same(row, previous):
            changes.repeated.append(row)
        else:
            changes.fresh.append(row)
    return changes


def _touched_by(rows: Sequence[Row], known: Mapping[str, KnownVersion]) -> TouchedKeys:
    touched = TouchedKeys(set(), set(), set())
    for row in rows:
        if row.kind == CONTACT:
            touched.contacts.add((row.source, row.source_id))
            continue
        previous = known.get(row.source_id)
        if previous is not None and not previous.reason:
            touched.tins.add(previous.tin)
        if row.reason:
            touched.companies.add((row.source, row.source_id))
        else:
            touched.tins.add(row.tin)
    return touched


def _add_earlier_attempt(
    touched: TouchedKeys,
    source: str,
    kind: str,
    ids: Sequence[str],
    known: Mapping[str, KnownVersion],
) -> None:
    """Add what the versions touch that this run has written in an earlier attempt."""
    for source_id in ids:
        version = known[source_id]
        if kind == CONTACT:
            touched.contacts.add((source, source_id))
        elif version.reason:
            touched.companies.add((source, source_id))
        else:
            touched.tins.add(version.tin)


def _member_tins(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    table = schema.members.c
    keys = look_up(connection, (table.key,), table.source_id, ids, kind=COMPANY, source=source)
    return {key for (key,) in keys}


def _write_fresh(
    connection: Connection, run: Run, rows: Sequence[Row], known: Mapping[str, KnownVersion]
) -> None:
    source, kind = rows[0].source, rows[0].kind
    upsert(connection, schema.rows, [_values(row, run) for row in rows])
    record_refusals(connection, run, kind, [_refusal(row) for row in rows if row.reason])
    if kind == CONTACT:
        # A new row has no person yet that could say something else.
        known_ids = [row.source_id for row in rows if row.source_id in known]
        _write_links(connection, source, rows, known_ids)
        mark_stale(connection, [(source, source_id) for source_id in known_ids])


def _values(row: Row, run: Run) -> dict[str, Any]:
    return {
        "source": row.source,
        "kind": row.kind,
        "source_id": row.source_id,
        "changed_at": row.changed_at,
        "tie_order": row.order,
        # A refused row's is any text; the whole of it is in the record.
        "tin": row.tin[: schema.ID_WIDTH],
        "reason": row.reason,
        "detail": row.detail,
        "fingerprint": row.fingerprint,
        "run_seq": run.run_seq,
        "seen_run": run.run_seq,
        "payload": row.payload,
        "raw": row.raw,
        "digest": row.digest,
    }


def _refusal(row: Row) -> dict[str, str]:
    return {
        "source": row.source,
        "source_id": row.source_id,
        "tin": row.tin[: schema.ID_WIDTH],
        "reason": row.reason,
        "detail": row.detail,
        "record": row.raw.decode(),
    }


def _write_links(
    connection: Connection, source: str, contacts: Sequence[Row], known_ids: Sequence[str]
) -> None:
    """Write which companies the contact rows name, where that has changed."""
    table = schema.links
    columns = table.c.contact_id, table.c.company_id
    before = set(look_up(connection, columns, table.c.contact_id, known_ids, source=source))
    after = {
        (row.source_id, company_id)
        for row in contacts
        if not row.reason
        for company_id in decode_contact(row.payload).company_ids
    }
    dropped = sorted((source, company, contact) for contact, company in before - after)
    delete_rows(connection, table, dropped)
    links = [
        {"source": source, "company_id": company_id, "contact_id": contact_id}
        for contact_id, company_id in sorted(after - before)
    ]
    upsert(connection, table, links)
