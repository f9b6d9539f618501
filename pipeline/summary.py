"""The run's summary: counted from the ledger, so a repeated bundle counts nothing twice."""

from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.outcomes import (
    DONE,
    FAILED,
    INCOMPLETE,
    REGISTER_NO_ANSWER,
    WAITING_FOR_COMPANY,
)
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger import accounting, request_statistics
from transforms.ledger.accounting import NumbersDoNotAddUpError, RowCounts, touch_refusals
from transforms.ledger.base.reviews import count_doubtful_pairs
from transforms.ledger.database import Ledger
from transforms.ledger.loads import results
from transforms.ledger.rows.dead_letters import count_dead_letters
from transforms.ledger.runs import finish_run, remarks, utc_now

_TIN_REASONS = ("missing_tin", "bad_tin_format", "bad_tin_checksum", "placeholder_tin")


def account(ledger: Ledger, run: Run, command: str, crm_rate: float) -> dict[str, Any]:
    """Enter how the run ended, by its numbers, and return them.

    Raises:
        NumbersDoNotAddUpError: when a row that was read has no outcome.
    """
    ledger.transact(lambda connection: touch_refusals(connection, run))
    try:
        with ledger.read() as connection:
            summary = summarize(connection, run, command, crm_rate)
    except NumbersDoNotAddUpError:
        finish_run(ledger, run, FAILED, None)
        raise
    finish_run(ledger, run, summary["status"], summary)
    return summary


def summarize(connection: Connection, run: Run, command: str, crm_rate: float) -> dict[str, Any]:
    """The numbers of ``summary.json``, as contracts/program names them, and some more.

    Raises:
        NumbersDoNotAddUpError: when a row that was read has no outcome.
    """
    companies = accounting.row_outcomes(connection, run, COMPANY)
    contacts = accounting.row_outcomes(connection, run, CONTACT)
    gone = accounting.count_gone(connection, run)
    departures = accounting.count_departures(connection, run)
    finished_at = utc_now()
    summary: dict[str, Any] = {
        "run_id": run.run_id,
        "command": command,
        "status": DONE,
        "started_at": run.started_at,
        "finished_at": finished_at,
        "seconds": _seconds(run.started_at, finished_at),
        "read": accounting.read_counts(connection, run),
        "gone": sum(gone.values()),
        "left": sum(departures.values()),
        "companies": _company_numbers(connection, run, companies)
        | {"gone": gone[COMPANY], "left": departures[COMPANY]},
        "contacts": _contact_numbers(connection, run, contacts)
        | {"gone": gone[CONTACT], "left": departures[CONTACT]},
        "register": _register_numbers(connection, run, companies),
        "crm": request_statistics.totals(connection, run) | {"rate": crm_rate},
        "messages": count_dead_letters(connection, run),
        "review": dict.fromkeys((COMPANY, CONTACT), 0) | count_doubtful_pairs(connection),
        "left_base": results.count_orphaned_items(connection),
        "remarks": remarks(connection, run.run_id),
    }
    if is_incomplete(summary):
        summary["status"] = INCOMPLETE
    return summary


def _company_numbers(connection: Connection, run: Run, rows: RowCounts) -> dict[str, Any]:
    loads = results.count_loads(connection, run, COMPANY)
    return {
        "valid": rows["valid"],
        "invalid": dict(rows["invalid"]),
        "deferred": sum(rows["deferred"].values()),
        "golden": sum(loads.values()),
        **loads,
    }


def _contact_numbers(connection: Connection, run: Run, rows: RowCounts) -> dict[str, Any]:
    loads = results.count_loads(connection, run, CONTACT)
    waiting = rows["deferred"].get(WAITING_FOR_COMPANY, 0)
    # A contact that is good but did not reach the CRM is valid all the same.
    not_reached = sum(rows["deferred"].values()) - waiting
    return {
        "valid": rows["valid"] + not_reached,
        "invalid": dict(rows["invalid"]),
        "waiting": waiting,
        "golden": sum(loads.values()),
        **loads,
    }


def _register_numbers(connection: Connection, run: Run, companies: RowCounts) -> dict[str, int]:
    savings = accounting.register_savings(connection, run)
    saved = sum(companies["invalid"].get(reason, 0) for reason in _TIN_REASONS)
    no_answer = companies["deferred"].get(REGISTER_NO_ANSWER, 0)
    return savings | {"saved_by_control_digits": saved, "no_answer": no_answer}


def is_incomplete(summary: dict[str, Any]) -> bool:
    """Whether another run, or a person, has something to finish.

    Contacts that wait for a company do not count: they are complete as far as the stores go.
    """
    has_open_loads = any(
        summary[kind][outcome]
        for kind in ("companies", "contacts")
        for outcome in ("rejected", "not_reached")
    )
    return bool(
        has_open_loads
        or summary["companies"]["deferred"]
        or summary["messages"]
        or summary["remarks"]
    )


def _seconds(started_at: str, finished_at: str) -> int:
    ended = datetime.fromisoformat(finished_at.replace("Z", "+00:00"))
    began = datetime.fromisoformat(started_at.replace("Z", "+00:00"))
    return int((ended - began).total_seconds())
