"""Commits a group's offsets once everything that a partition's events caused is done."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaException
from sqlalchemy.engine import Connection

from transforms.core.secrets import mask
from transforms.ledger.database import Ledger
from transforms.ledger.positions import advance
from transforms.stores.topic.client import TopicAccess, TopicClient, describe_error
from transforms.stores.topic.messages import PartitionRange

# Seconds after which a failed commit is repeated, unless another range is finished before.
_RETRY_DELAY = 5.0


_log = logging.getLogger(__name__)


class OffsetCommits:
    """Commits the offsets of one reader, a run or a stream, as its events are done.

    A range whose commit failed is kept and committed with the next one, or by a timer after a
    while: a broker that was away for a moment must not leave the group behind. ``reader`` is the
    run's number, or the stream's. ``may_commit`` is asked in the transaction that records the
    ranges: when another reader has begun meanwhile, its records must not be changed.

    Safe for threads.
    """

    def __init__(
        self,
        ledger: Ledger,
        reader: int,
        access: TopicAccess,
        may_commit: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        self._ledger, self._reader, self._access = ledger, reader, access
        self._may_commit = may_commit
        self._client = TopicClient(access)
        self._lock = threading.Lock()
        self._uncommitted: list[PartitionRange] = []
        self._timer: threading.Timer | None = None
        self._closed = False

    def add_finished(self, ranges: Sequence[PartitionRange]) -> Mapping[int, int]:
        """Adds ranges whose events are done; returns the committed offset of each partition.

        A failure of the brokers is logged, not raised, and the commit is repeated later.
        """
        with self._lock:
            self._uncommitted += ranges
            return self._commit()

    def _commit(self) -> Mapping[int, int]:
        if not self._uncommitted or self._closed:
            return {}
        try:
            committed = self._client.committed(sorted({number for number, *_ in self._uncommitted}))
            offsets = self._ledger.transact(lambda connection: self._record(connection, committed))
            self._client.commit(offsets)
        except KafkaException as error:
            _log.warning(
                "%s: the offsets of %s are not committed: %s; it is tried again",
                self._access.title,
                self._access.topic,
                describe_error(error.args[0]),
            )
            self._start_timer()
            return {}
        self._uncommitted.clear()
        return offsets

    def _record(self, connection: Connection, committed: Mapping[int, int]) -> dict[int, int]:
        """Records the ranges in the ledger; returns the offsets that may be committed now."""
        if not self._may_commit(connection):
            return {}
        return advance(connection, self._reader, self._access.store, self._uncommitted, committed)

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(_RETRY_DELAY, self._commit_again)
            self._timer.daemon = True
            self._timer.start()

    def _commit_again(self) -> None:
        with self._lock:
            self._timer = None
            try:
                self._commit()
            except Exception as error:  # noqa: BLE001 - the ledger may be away for a while
                _log.warning("offsets are not committed: %s", mask(type(error).__name__))
                self._start_timer()

    def close(self) -> None:
        """Stops the timer and closes the connections; nothing is committed after that."""
        with self._lock:
            self._closed = True
            if self._timer:
                self._timer.cancel()
            self._client.close()
