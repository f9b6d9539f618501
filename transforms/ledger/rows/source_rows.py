"""Source rows: the newest cleaned version of each, and what a new version touches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.identity import RowKey, Run, now
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import COMPANY, CONTACT, Row, Rows, decode_contact
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.tombstones import with_deletions
from transforms.ledger.rows.versions import (
    KnownVersion,
    is_newer,
    known_versions,
    newest,
    originals_of_ties,
    says_the_same,
)
from transforms.ledger.statements import delete, delete_rows, look_up, update, upsert

# A transaction has 4000 rows.
_AT_ONCE, _PER_TRANSACTION = 2000, 2


class TouchedKeys(msgspec.Struct):
    """What new row versions may change: TINs, refused company rows, contact rows."""

    tins: set[str]
    companies: set[RowKey]
    contacts: set[RowKey]

    def add(self, other: "TouchedKeys") -> None:
        """All that the other has, too."""
        self.tins |= other.tins
        self.companies |= other.companies
        self.contacts |= other.contacts


def remember(
    ledger: Ledger, run: Run, versions: Sequence[Row], processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """Keep what is newer than what is known, and say what it touches. Safe to repeat."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in newest(with_deletions(ledger, versions)):
        groups[row.source, row.kind].append(row)
    parts = [
        Rows(part)
        for group in groups.values()
        for part in chunks(sorted(group, key=lambda row: row.source_id), _AT_ONCE)
    ]
    work = partial(_remember, run=run)
    touched = TouchedKeys(set(), set(), set())
    for one in carry_out(ledger, work, parts, processes, per_transaction=_PER_TRANSACTION):
        touched.add(one)
    return touched


def _remember(connection: Connection, part: Sequence[Row], run: Run) -> TouchedKeys:
    touched = TouchedKeys(set(), set(), set())
    source, kind = part[0].source, part[0].kind
    known = known_versions(connection, source, kind, [row.source_id for row in part])
    originals = originals_of_ties(connection, part, known)
    fresh: list[Row] = []
    again: list[Row] = []
    seen: list[str] = []
    at = now()
    for row in part:
        old = known.get(row.source_id)
        if old is not None and not is_newer(row, old, originals, at):
            seen.append(row.source_id)
        elif old is not None and says_the_same(row, old):
            again.append(row)
        else:
            fresh.append(row)
            _touch(touched, row, old)
    # An event that comes once more, or after the file: nothing but its place is new. If the run
    # that brought it was cut off, it is that run's all the same.
    upsert(connection, schema.rows, [_values(row, run) for row in again], keep=["run_seq"])
    table = schema.rows.c
    update(connection, table.seen_run, run.run_seq, table.source_id, seen, source=source, kind=kind)
    if kind == COMPANY:
        # A run that was cut off may have moved the row already: it is still a member where it was.
        moved = [row.source_id for row in fresh if row.source_id in known]
        touched.tins |= _member_tins(connection, source, moved)
    if fresh:
        upsert(connection, schema.rows, [_values(row, run) for row in fresh])
        _refuse(connection, run, kind, [row for row in fresh if row.reason])
        if kind == CONTACT:
            _link(connection, source, fresh, known)
            # Who is new has no person yet that could say something else.
            told = [(source, row.source_id) for row in fresh if row.source_id in known]
            mark(connection, schema.stale_contacts, told)
    return touched


def _member_tins(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    table = schema.members.c
    found = look_up(connection, (table.key,), table.source_id, ids, kind=COMPANY, source=source)
    return {key for (key,) in found}


def _touch(touched: TouchedKeys, row: Row, old: KnownVersion | None) -> None:
    if row.kind == CONTACT:
        touched.contacts.add((row.source, row.source_id))
        return
    if old is not None and not old.reason:
        touched.tins.add(old.tin)
    if row.reason:
        touched.companies.add((row.source, row.source_id))
    else:
        touched.tins.add(row.tin)


def _values(row: Row, run: Run) -> dict[str, Any]:
    return {
        "source": row.source,
        "kind": row.kind,
        "source_id": row.source_id,
        "changed_at": row.changed_at,
        "tie_order": row.order,
        "tin": row.tin,
        "reason": row.reason,
        "detail": row.detail,
        "fingerprint": row.fingerprint,
        "run_seq": run.run_seq,
        "seen_run": run.run_seq,
        "payload": row.payload,
        "raw": row.raw,
    }


def _refuse(connection: Connection, run: Run, kind: str, refused: Sequence[Row]) -> None:
    record_invalid(
        connection,
        run,
        kind,
        [
            {
                "source": row.source,
                "source_id": row.source_id,
                "tin": row.tin,
                "reason": row.reason,
                "detail": row.detail,
                "record": row.raw.decode(),
            }
            for row in refused
        ],
    )


def record_invalid(
    connection: Connection, run: Run, kind: str, refusals: Sequence[Mapping[str, Any]]
) -> None:
    """Put rows into ``invalid_companies`` or ``invalid_contacts``, and out of ``deferred``."""
    if not refusals:
        return
    stamp = {"first_seen_at": run.started_at, "last_seen_at": run.started_at, "run_id": run.run_id}
    upsert(
        connection,
        invalid_table(kind),
        [{**refusal, **stamp} for refusal in refusals],
        keep=["first_seen_at"],
    )
    forget(connection, schema.deferred, kind, [(r["source"], r["source_id"]) for r in refusals])


def invalid_table(kind: str) -> sa.Table:
    """The table of refused rows of that kind."""
    return schema.invalid_companies if kind == COMPANY else schema.invalid_contacts


def forget(connection: Connection, table: sa.Table, kind: str, keys: Iterable[RowKey]) -> None:
    """Delete the rows' entries from a table keyed by ``(source, source_id)`` or with kind."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for source, source_id in keys:
        by_source[source].append(source_id)
    for source, ids in by_source.items():
        of_kind = {"kind": kind} if "kind" in table.c else {}
        delete(connection, table.c.source_id, ids, **of_kind, source=source)


def mark(connection: Connection, table: sa.Table, rows: Iterable[RowKey]) -> None:
    """Enter the rows into a table of rows that something is still to be done with."""
    values = [{"source": source, "source_id": source_id} for source, source_id in sorted(rows)]
    upsert(connection, table, values)


def marked(connection: Connection, table: sa.Table) -> set[RowKey]:
    """The rows in such a table."""
    found = connection.execute(sa.select(table.c.source, table.c.source_id))
    return {(source, source_id) for source, source_id in found}


def _link(
    connection: Connection, source: str, fresh: Sequence[Row], known: Mapping[str, KnownVersion]
) -> None:
    table = schema.links
    again = [row.source_id for row in fresh if row.source_id in known]
    columns = table.c.contact_id, table.c.company_id
    before = set(look_up(connection, columns, table.c.contact_id, again, source=source))
    after = {
        (row.source_id, company_id)
        for row in fresh
        if not row.reason
        for company_id in decode_contact(row.payload).company_ids
    }
    gone = sorted((source, company, contact) for contact, company in before - after)
    delete_rows(connection, table, gone)
    links = [
        {"source": source, "company_id": company_id, "contact_id": contact_id}
        for contact_id, company_id in sorted(after - before)
    ]
    upsert(connection, table, links)


def unfinished_work(connection: Connection, run: Run) -> TouchedKeys:
    """What earlier runs have left: deferred companies, answers grown old, work that was cut off."""
    touched = _interrupted(connection, run)
    deferred, answers = schema.deferred.c, schema.register_answers.c
    waiting = sa.select(deferred.tin).where(
        deferred.kind == COMPANY, deferred.reason == "register_no_answer"
    )
    touched.tins.update(connection.execute(waiting.distinct()).scalars())
    outdated = sa.select(answers.tin).where(answers.expires_at <= now())
    touched.tins |= live_tins(connection, connection.execute(outdated).scalars().all())
    # Persons that were not rebuilt any more, or of which somebody has said something since.
    for table in (schema.dirty_contacts, schema.stale_contacts):
        touched.contacts |= marked(connection, table)
    return touched


def _interrupted(connection: Connection, run: Run) -> TouchedKeys:
    """What runs that were cut off before they had consolidated have touched."""
    table, answers = schema.rows.c, schema.register_answers.c
    cut_off = unsettled_runs(connection, run)
    touched = TouchedKeys(set(), set(), set())
    if not cut_off:
        return touched
    written = sa.and_(table.seen_run >= min(cut_off), table.run_seq.in_(cut_off))
    query = sa.select(table.source, table.kind, table.source_id, table.tin, table.reason).where(
        written
    )
    for source, kind, source_id, tin, reason in connection.execute(query):
        if kind == CONTACT:
            touched.contacts.add((source, source_id))
        elif reason:
            touched.companies.add((source, source_id))
        else:
            touched.tins.add(tin)
    touched.tins |= _former_tins(connection, written)
    # Bulk files, or a run that was cut off, have brought these since they were last consolidated.
    new = sa.select(answers.tin).where(answers.run_seq.in_(cut_off))
    touched.tins |= live_tins(connection, connection.execute(new).scalars().all())
    return touched


def unsettled_runs(connection: Connection, run: Run) -> Sequence[int]:
    """The runs before this one that were cut off before they had consolidated."""
    runs = schema.runs.c
    query = sa.select(runs.run_seq).where(runs.settled == 0, runs.run_seq < run.run_seq)
    return connection.execute(query).scalars().all()


def live_tins(connection: Connection, tins: Sequence[str]) -> set[str]:
    """Those of the TINs that a valid row names: only they are worth a question."""
    table = schema.rows.c
    return {
        tin
        for (tin,) in look_up(connection, (table.tin,), table.tin, tins, kind=COMPANY, reason="")
    }


def _former_tins(connection: Connection, written: sa.ColumnElement[bool]) -> set[str]:
    # A row that left its TIN is still a member there: that company is to be rebuilt without it.
    members, table = schema.members.c, schema.rows.c
    query = (
        sa.select(members.key)
        .join(
            schema.rows,
            sa.and_(
                table.source == members.source,
                table.kind == members.kind,
                table.source_id == members.source_id,
            ),
        )
        .where(members.kind == COMPANY, written)
    )
    return set(connection.execute(query).scalars())
