"""Rebuilding companies: all valid rows of a TIN, the register's answer, one golden record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.core.golden_records import Sourced
from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import REGISTER_NO_ANSWER
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import COMPANY, Company, decode_company
from transforms.core.stores import Priorities
from transforms.ledger import schema
from transforms.ledger.base import goldens
from transforms.ledger.base.answers import fresh_answers
from transforms.ledger.base.reviews import rows_judged_to_be
from transforms.ledger.database import Ledger
from transforms.ledger.drafts import carry_out
from transforms.ledger.rows.deferrals import record_deferrals
from transforms.ledger.rows.rebuild_marks import mark_consolidated
from transforms.ledger.rows.refusals import originals, record_refusals
from transforms.ledger.rows.row_keys import delete_entries
from transforms.ledger.statements import look_up
from transforms.ledger.stores import stores_of_ledger
from transforms.matching.golden_company import merge_company
from transforms.register.answer import Answer

CompanyRow = Sourced[Company]


def consolidate(
    ledger: Ledger,
    run: Run,
    tins: Sequence[str],
    processes: ProcessPool = IN_PLACE,
    *,
    is_first_attempt: bool = False,
) -> set[RowKey]:
    """Rebuilds the companies of these TINs. Returns the company rows whose standing may differ.

    A TIN without a fresh answer of the register keeps its golden record, and its rows are deferred.

    Rows that were members of their company before are left out only if ``is_first_attempt``: an
    attempt that was cut off may have made them members without resolving their contacts.
    """
    priorities = stores_of_ledger(ledger).priorities
    work = partial(_consolidate, run=run, is_first_attempt=is_first_attempt, priorities=priorities)
    affected_rows = carry_out(ledger, work, chunks(sorted(tins)), processes)
    return set[RowKey]().union(*affected_rows)


class _Companies(NamedTuple):
    """The ledger's content about some TINs, by TIN."""

    rows: dict[str, list[CompanyRow]]
    answers: dict[str, Answer]
    members: dict[str, set[RowKey]]
    stored: dict[str, goldens.StoredGolden]

    @property
    def unanswered(self) -> set[str]:
        """The TINs that have valid rows, but no fresh answer of the register."""
        return self.rows.keys() - self.answers.keys()


def _consolidate(
    connection: Connection,
    tins: Sequence[str],
    run: Run,
    is_first_attempt: bool,
    priorities: Priorities,
) -> set[RowKey]:
    companies = _Companies(
        _valid_rows(connection, tins),
        fresh_answers(connection, tins),
        goldens.members_of(connection, COMPANY, tins),
        goldens.stored_goldens(connection, COMPANY, tins),
    )
    merged = _merge(companies, priorities)
    _settle_rows(connection, run, companies)
    _save(connection, run, companies, merged)
    mark_consolidated(connection, tins)
    affected = set[RowKey]().union(*companies.members.values())
    affected.update(row.row_key for rows in companies.rows.values() for row in rows)
    if is_first_attempt:
        affected -= _lasting_members(companies, merged)
    return affected | rows_judged_to_be(connection, tins)


def _valid_rows(connection: Connection, tins: Sequence[str]) -> dict[str, list[CompanyRow]]:
    table = schema.rows.c
    columns = table.tin, table.source, table.source_id, table.changed_at, table.payload
    rows: dict[str, list[CompanyRow]] = defaultdict(list)
    for tin, source, source_id, changed_at, payload in look_up(
        connection, columns, table.tin, tins, kind=COMPANY, reason=""
    ):
        rows[tin].append(Sourced(source, source_id, changed_at, decode_company(payload)))
    return rows


def _merge(companies: _Companies, priorities: Priorities) -> list[goldens.NewGolden]:
    return [
        goldens.NewGolden(
            tin, *merge_company(rows, answer, priorities), [row.row_key for row in rows]
        )
        for tin, rows in companies.rows.items()
        if (answer := companies.answers.get(tin)) is not None and answer.verdict == "active"
    ]


def _save(
    connection: Connection, run: Run, companies: _Companies, merged: Sequence[goldens.NewGolden]
) -> None:
    # A company stays in the base when the register does not answer this time; but a row that no
    # longer has its TIN is no longer a member.
    unanswered = companies.unanswered
    kept_rows = {row.row_key for tin in unanswered for row in companies.rows[tin]}
    goldens.save_goldens(
        connection,
        run,
        COMPANY,
        merged,
        {tin: golden for tin, golden in companies.stored.items() if tin not in unanswered},
        {
            tin: rows - kept_rows if tin in unanswered else rows
            for tin, rows in companies.members.items()
        },
    )


def _lasting_members(companies: _Companies, merged: Iterable[goldens.NewGolden]) -> set[RowKey]:
    """Returns the rows that were, and still are, members of the same company."""
    return {
        row
        for golden in merged
        if golden.key in companies.stored
        for row in companies.members.get(golden.key, set()).intersection(golden.members)
    }


def _settle_rows(connection: Connection, run: Run, companies: _Companies) -> None:
    """Writes each valid row's refusal or deferral, and deletes those that no longer hold."""
    active: list[RowKey] = []
    refusals: list[dict[str, Any]] = []
    for tin, answer in companies.answers.items():
        rows = [row.row_key for row in companies.rows.get(tin, ())]
        if answer.verdict == "active":
            active += rows
        else:
            refusals += _refusals(rows, tin, answer)
    delete_entries(connection, schema.invalid_companies, COMPANY, active)
    delete_entries(connection, schema.deferred, COMPANY, active)
    fill_records(connection, COMPANY, refusals)
    record_refusals(connection, run, COMPANY, refusals)
    _defer(connection, run, companies.rows, companies.unanswered)


def _refusals(rows: Iterable[RowKey], tin: str, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "source": source,
            "source_id": source_id,
            "tin": tin,
            "reason": answer.verdict,
            "detail": answer.status,
        }
        for source, source_id in rows
    ]


def _defer(
    connection: Connection,
    run: Run,
    rows_by_tin: Mapping[str, Sequence[CompanyRow]],
    unanswered: Set[str],
) -> None:
    deferred = [(row.row_key, tin) for tin in sorted(unanswered) for row in rows_by_tin[tin]]
    delete_entries(connection, schema.invalid_companies, COMPANY, [row for row, _ in deferred])
    record_deferrals(connection, run, COMPANY, REGISTER_NO_ANSWER, deferred)


def fill_records(connection: Connection, kind: str, refusals: Sequence[dict[str, Any]]) -> None:
    """Adds to each refusal (with ``source``, ``source_id``) its row's original as ``record``."""
    rows = [(refusal["source"], refusal["source_id"]) for refusal in refusals]
    records = originals(connection, kind, rows)
    for refusal in refusals:
        refusal["record"] = records[refusal["source"], refusal["source_id"]]
