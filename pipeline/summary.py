"""The run's summary: counted from the ledger, so a repeated bundle counts nothing twice."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.outcomes import DONE, INCOMPLETE, REGISTER_NO_ANSWER, WAITING_FOR_COMPANY
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import accounting, request_statistics, schema
from transforms.ledger.base.reviews import count_doubtful_pairs
from transforms.ledger.loads import results
from transforms.ledger.runs import remarks, utc_now


def summarize(connection: Connection, run: Run, command: str, crm_rate: float) -> dict[str, Any]:
    """The numbers of ``summary.json``, as ``program.md`` names them, and some more.

    Raises:
        NumbersDoNotAddUpError: when a row that was read has no outcome.
    """
    companies = accounting.row_outcomes(connection, run, COMPANY)
    contacts = accounting.row_outcomes(connection, run, CONTACT)
    company_loads = results.count_loads(connection, run, COMPANY)
    contact_loads = results.count_loads(connection, run, CONTACT)
    waiting = contacts["deferred"].pop(WAITING_FOR_COMPANY, 0)
    finished_at = utc_now()
    summary: dict[str, Any] = {
        "run_id": run.run_id,
        "command": command,
        "status": DONE,
        "started_at": run.started_at,
        "finished_at": finished_at,
        "seconds": _seconds(run.started_at, finished_at),
        "read": accounting.read_counts(connection, run),
        "companies": {
            "valid": companies["valid"],
            "invalid": dict(companies["invalid"]),
            "deferred": sum(companies["deferred"].values()),
            "golden": sum(company_loads.values()),
            **company_loads,
        },
        "contacts": {
            # A contact that is good but did not reach the CRM is valid all the same.
            "valid": contacts["valid"] + sum(contacts["deferred"].values()),
            "invalid": dict(contacts["invalid"]),
            "waiting": waiting,
            "golden": sum(contact_loads.values()),
            **contact_loads,
        },
        "register": accounting.register_savings(connection, run)
        | {
            "saved_by_control_digits": sum(
                companies["invalid"].get(reason, 0) for reason in _TIN_REASONS
            ),
            "no_answer": companies["deferred"].get(REGISTER_NO_ANSWER, 0),
        },
        "crm": request_statistics.totals(connection, run) | {"rate": crm_rate},
        "messages": _messages(connection, run),
        "review": dict.fromkeys((COMPANY, CONTACT), 0) | count_doubtful_pairs(connection),
        "left_base": results.count_orphaned_items(connection),
        "remarks": remarks(connection, run.run_id),
    }
    if is_incomplete(summary):
        summary["status"] = INCOMPLETE
    return summary


_TIN_REASONS = ("missing_tin", "bad_tin_format", "bad_tin_checksum", "placeholder_tin")


def is_incomplete(summary: dict[str, Any]) -> bool:
    """Whether something is left that another run, or a person, has to finish.

    Contacts that wait for a company are not: they are complete as far as the stores go.
    """
    loads_left = any(
        summary[kind][outcome]
        for kind in ("companies", "contacts")
        for outcome in ("rejected", "not_reached")
    )
    return bool(
        loads_left or summary["companies"]["deferred"] or summary["messages"] or summary["remarks"]
    )


def _seconds(started_at: str, finished_at: str) -> int:
    ended = datetime.fromisoformat(finished_at.replace("Z", "+00:00"))
    began = datetime.fromisoformat(started_at.replace("Z", "+00:00"))
    return int((ended - began).total_seconds())


def _messages(connection: Connection, run: Run) -> int:
    table = schema.invalid_messages.c
    query = sa.select(sa.func.count()).where(table.run_id == run.run_id)
    return int(connection.execute(query).scalar_one())
