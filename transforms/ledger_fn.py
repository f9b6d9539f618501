"""The base of steps that use the ledger, and keys spread over shards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.core.sharding import shard_of
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.lock import check_run_is_newest


def sharded(keys: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yields the keys as few elements: ``(shard, keys)``, one for each shard that has any."""
    groups: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        groups[shard_of(key)].append(key)
    yield from groups.items()


class LedgerFn(beam.DoFn):
    """A DoFn whose ``ledger`` is open while a worker has it; its URL is known by name only."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        self._ledger_secret = ledger
        self.run = run

    def setup(self) -> None:
        """Open the ledger."""
        self.ledger: Ledger = open_ledger(self._ledger_secret.value())

    def start_bundle(self) -> None:
        """Do nothing for a run that another one has followed.

        A job may outlive its command: its job server was lost, or its JobManager. The run that
        takes its work up must not meet its writes.

        Raises:
            LedgerLockedError: another run has begun since.
        """
        with self.ledger.read() as connection:
            check_run_is_newest(connection, self.run)

    def teardown(self) -> None:
        """Close it."""
        self.ledger.close()
