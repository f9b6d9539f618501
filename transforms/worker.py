"""What every step that uses the ledger needs: a connection a worker, by the name of its secret."""

import gc
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.source_rows import RowKey, Run
from transforms.secrets import Secret

SHARDS = 32
"""Into how many groups keys are spread: a group is what one worker handles at a time."""


def shard_of(key: str) -> int:
    """The group of a key: the same on every worker, in every run.

    Up to a thousand neighbours share one: a database writes neighbours into the same pages.
    """
    return zlib.crc32(key[:-3].encode()) % SHARDS


def sharded(keys: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Keys as few elements: one list a group."""
    groups: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        groups[shard_of(key)].append(key)
    yield from groups.items()


def row_ref(key: RowKey) -> str:
    """A row key as one string: ``A:17``."""
    return f"{key[0]}:{key[1]}"


def row_key(ref: str) -> RowKey:
    """The row key of ``row_ref``."""
    source, _, source_id = ref.partition(":")
    return source, source_id


def collect_less_often() -> None:
    """Let this process look for cyclic garbage once in 100,000 new objects, not in 700.

    A batch of raw records is thousands of objects without cycles: looking through them again and
    again costs a tenth of reading and cleaning.
    """
    gc.set_threshold(100_000, 20, 50)


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
