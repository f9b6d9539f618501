"""Rebuilding companies: all valid rows of a TIN, the register's answer, one golden record."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.golden_records import Sourced
from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import REGISTER_NO_ANSWER
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import COMPANY, Company, decode_company
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.base.answers import fresh_answers
from transforms.ledger.base.reviews import rows_judged_to_be
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.deferrals import record_deferrals
from transforms.ledger.rows.refusals import originals, record_refusals
from transforms.ledger.rows.row_keys import delete_entries
from transforms.ledger.statements import look_up
from transforms.matching.golden_company import merge_company
from transforms.register.answer import Answer


def consolidate(
    ledger: Ledger,
    run: Run,
    tins: Sequence[str],
    processes: ProcessPool = IN_PLACE,
    *,
    for_the_first_time: bool = False,
) -> set[RowKey]:
    """Rebuild the companies of these TINs. Returns the company rows whose standing may differ.

    A TIN without an answer of the register keeps what it had, and its rows are deferred.

    Only ``for_the_first_time`` is it known that who is a member already was one when the contacts
    were looked at last: after somebody who was cut off, all of the TINs' rows are returned.
    """
    work = partial(_consolidate, run=run, for_the_first_time=for_the_first_time)
    found = carry_out(ledger, work, chunks(sorted(tins)), processes)
    return set[RowKey]().union(*found)


def _consolidate(
    connection: Connection, tins: Sequence[str], run: Run, for_the_first_time: bool
) -> set[RowKey]:
    by_tin = _rows(connection, tins)
    answers = fresh_answers(connection, tins)
    members = goldens.members_of(connection, COMPANY, tins)
    kept = goldens.stored_goldens(connection, COMPANY, tins)
    made: list[goldens.NewGolden] = []
    affected = {row for rows in members.values() for row in rows}
    for tin, rows in by_tin.items():
        keys = [(row.source, row.source_id) for row in rows]
        affected.update(keys)
        answer = answers.get(tin)
        if answer is None:
            continue
        if answer.verdict == "active":
            made.append(goldens.NewGolden(tin, *merge_company(rows, answer), keys))
    unanswered = by_tin.keys() - answers.keys()
    _settle(connection, run, by_tin, answers, unanswered)
    # A company in the base is not thrown out because the register did not answer this time; but
    # a row that is no longer its own is no longer a member.
    stay = {(row.source, row.source_id) for tin in unanswered for row in by_tin[tin]}
    goldens.save_goldens(
        connection,
        run,
        COMPANY,
        made,
        {tin: known for tin, known in kept.items() if tin not in unanswered},
        {tin: rows - stay if tin in unanswered else rows for tin, rows in members.items()},
    )
    if for_the_first_time:
        affected -= {
            row for one in made if one.key in kept for row in members[one.key] & set(one.members)
        }
    return affected | rows_judged_to_be(connection, tins)


def _rows(connection: Connection, tins: Sequence[str]) -> dict[str, list[Sourced[Company]]]:
    table = schema.rows.c
    columns = table.tin, table.source, table.source_id, table.changed_at, table.payload
    found: dict[str, list[Sourced[Company]]] = defaultdict(list)
    for tin, source, source_id, changed_at, payload in look_up(
        connection, columns, table.tin, tins, kind=COMPANY, reason=""
    ):
        found[tin].append(Sourced(source, source_id, changed_at, decode_company(payload)))
    return found


def _settle(
    connection: Connection,
    run: Run,
    by_tin: dict[str, list[Sourced[Company]]],
    answers: dict[str, Answer],
    unanswered: set[str],
) -> None:
    active: list[RowKey] = []
    refused: list[dict[str, Any]] = []
    for tin, answer in answers.items():
        keys = [(row.source, row.source_id) for row in by_tin.get(tin, ())]
        if answer.verdict == "active":
            active += keys
            continue
        refused += (
            {
                "source": source,
                "source_id": source_id,
                "tin": tin,
                "reason": answer.verdict,
                "detail": answer.status,
            }
            for source, source_id in keys
        )
    delete_entries(connection, schema.invalid_companies, COMPANY, active)
    delete_entries(connection, schema.deferred, COMPANY, active)
    fill_records(connection, COMPANY, refused)
    record_refusals(connection, run, COMPANY, refused)
    _defer(connection, run, by_tin, unanswered)


def _defer(
    connection: Connection,
    run: Run,
    by_tin: dict[str, list[Sourced[Company]]],
    unanswered: set[str],
) -> None:
    waiting = [(row, tin) for tin in sorted(unanswered) for row in by_tin[tin]]
    delete_entries(
        connection,
        schema.invalid_companies,
        COMPANY,
        [(row.source, row.source_id) for row, _ in waiting],
    )
    rows = [((row.source, row.source_id), tin) for row, tin in waiting]
    record_deferrals(connection, run, COMPANY, REGISTER_NO_ANSWER, rows)


def fill_records(connection: Connection, kind: str, refusals: Sequence[dict[str, Any]]) -> None:
    """Give each refusal (with ``source``, ``source_id``) the original ``record`` of its row."""
    rows = [(refusal["source"], refusal["source_id"]) for refusal in refusals]
    records = originals(connection, kind, rows)
    for refusal in refusals:
        refusal["record"] = records[refusal["source"], refusal["source_id"]]
