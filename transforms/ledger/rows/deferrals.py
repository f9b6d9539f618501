"""Deferred rows: they are good, and wait for the register, for their company or for the CRM."""

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from transforms.core.identity import RowKey, Run
from transforms.core.outcomes import DeferralReason
from transforms.ledger import schema
from transforms.ledger.statements import upsert


def record_deferrals(
    connection: Connection,
    run: Run,
    kind: str,
    reason: DeferralReason,
    rows: Iterable[tuple[RowKey, str]],
    *,
    keep_reason: bool = False,
) -> None:
    """Put ``(row, TIN)`` into ``deferred``; the moment since when a row waits is kept.

    With ``keep_reason`` a row that is deferred already keeps its reason and TIN, too.
    """
    upsert(
        connection,
        schema.deferred,
        [
            {
                "kind": kind,
                "source": source,
                "source_id": source_id,
                "tin": tin,
                "reason": reason,
                "since": run.started_at,
            }
            for (source, source_id), tin in rows
        ],
        keep=["tin", "reason", "since"] if keep_reason else ["since"],
    )
