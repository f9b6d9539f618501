"""The usage of a portal's limits; all processes that share the ledger count together."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

T = TypeVar("T")


class LimitUsageStore:
    """The usage of one portal's limits. Its host is kept as a fingerprint only."""

    def __init__(self, ledger: Ledger, host: str) -> None:
        self._ledger = ledger
        self._portal = hashlib.blake2b(host.encode(), digest_size=8).hexdigest()

    def change(self, work: Callable[[bytes | None], tuple[bytes | None, T]]) -> T:
        """Change the stored state by ``work``, alone; a new state of None keeps the stored one.

        ``work`` gets the stored state, if there is one, and returns the new state and a result.
        """
        table = schema.crm_pace
        query = sa.select(table.c.state).where(table.c.portal == self._portal).with_for_update()

        def change(connection: Connection) -> T:
            state, result = work(connection.execute(query).scalar())
            if state is not None:
                upsert(connection, table, [{"portal": self._portal, "state": state}])
            return result

        return self._ledger.transact(change)
