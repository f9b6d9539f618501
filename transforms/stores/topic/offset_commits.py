"""A group's offsets, moved on when all that a partition's events caused is done."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaException
from sqlalchemy.engine import Connection

from transforms.core.secrets import mask
from transforms.ledger.database import Ledger
from transforms.ledger.positions import advance
from transforms.stores.topic.client import Client, TopicAccess, reason
from transforms.stores.topic.messages import Position

# Seconds after which a commit that failed is tried again, if nothing comes before.
_PAUSE = 5.0


_log = logging.getLogger(__name__)


class Commits:
    """A group's offsets, moved on as events are done. ``reader`` is a run's number, or a stream's.

    What could not be committed is, with the next ones or after a while: a broker that was away
    must not leave the group behind. But only while ``goes_on`` says so, in the transaction that
    enters what is done: what another reader has entered since is not ours to touch.
    """

    def __init__(
        self,
        ledger: Ledger,
        reader: int,
        access: TopicAccess,
        goes_on: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        self._ledger, self._reader, self._access = ledger, reader, access
        self._goes_on = goes_on
        self._client = Client(access)
        self._lock = threading.Lock()
        self._left: list[Position] = []
        self._again: threading.Timer | None = None
        self._closed = False

    def done(self, positions: Sequence[Position]) -> Mapping[int, int]:
        """All of these are done; gives the offsets that were committed. Trouble is only told."""
        with self._lock:
            self._left += positions
            return self._commit()

    def _commit(self) -> Mapping[int, int]:
        if not self._left or self._closed:
            return {}
        try:
            committed = self._client.committed(sorted({number for number, *_ in self._left}))
            ready = self._ledger.transact(lambda connection: self._enter(connection, committed))
            self._client.commit(ready)
        except KafkaException as error:
            _log.warning(
                "store B: the offsets of %s are not committed: %s; it is tried again",
                self._access.topic,
                reason(error.args[0]),
            )
            self._try_again()
            return {}
        self._left.clear()
        return ready

    def _enter(self, connection: Connection, committed: Mapping[int, int]) -> dict[int, int]:
        if not self._goes_on(connection):
            return {}
        return advance(connection, self._reader, self._access.topic, self._left, committed)

    def _try_again(self) -> None:
        if self._again is None:
            self._again = threading.Timer(_PAUSE, self._after_a_while)
            self._again.daemon = True
            self._again.start()

    def _after_a_while(self) -> None:
        with self._lock:
            self._again = None
            try:
                self._commit()
            except Exception as error:  # noqa: BLE001 - the ledger may be away for a while
                _log.warning("offsets are not committed: %s", mask(type(error).__name__))
                self._try_again()

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            self._closed = True
            if self._again:
                self._again.cancel()
            self._client.close()
