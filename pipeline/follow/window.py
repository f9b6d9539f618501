"""One window of ``svod delta --follow``: a separate run, with its numbers."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pipeline.failures import plain_reason
from pipeline.summary import account
from transforms.core.identity import Run
from transforms.core.outcomes import FAILED
from transforms.ledger.database import Ledger
from transforms.ledger.runs import finish_run, remark, start_run

COMMAND = "delta --follow"


def run_window(ledger: Ledger, work: Callable[[Run], None], *, crm_rate: float) -> dict[str, Any]:
    """Do the ``work`` in a new run, and return its summary; the caller holds the lock.

    Raises:
        Exception: what ``work`` raised; the run is entered as failed.
    """
    run = start_run(ledger, COMMAND)
    try:
        work(run)
        return account(ledger, run, COMMAND, crm_rate)
    except Exception as error:
        with suppress(SQLAlchemyError):
            remark(ledger, run, plain_reason(error))
            finish_run(ledger, run, FAILED, None)
        raise
