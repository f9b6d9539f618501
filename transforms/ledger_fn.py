"""What every step that uses the ledger needs: a connection a worker, by the name of its secret."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.core.sharding import shard_of
from transforms.ledger.database import Ledger, open_ledger


def sharded(keys: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Keys as few elements: one list a group."""
    groups: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        groups[shard_of(key)].append(key)
    yield from groups.items()


class LedgerFn(beam.DoFn):
    """A DoFn with the ledger open while it works."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        self._ledger_secret = ledger
        self.run = run

    def setup(self) -> None:
        """Open the ledger."""
        self.ledger: Ledger = open_ledger(self._ledger_secret.value())

    def teardown(self) -> None:
        """Close it."""
        self.ledger.close()
