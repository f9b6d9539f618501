"""Many raw records as one element: one element a record costs several times the cleaning."""

import pickle
from typing import Any

import apache_beam as beam


class RawBatch(list[Any]):
    """Raw records as their store has them: dicts."""


class RawBatchCoder(beam.coders.Coder):
    """Pickles a batch, and estimates its size: Beam would encode the batch to measure it."""

    def encode(self, value: RawBatch) -> bytes:
        """Returns the batch, pickled."""
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> RawBatch:
        """Returns the batch that was encoded."""
        batch: RawBatch = pickle.loads(encoded)  # noqa: S301 - from another worker of this run
        return batch

    def estimate_size(self, value: RawBatch) -> int:
        """Returns its size in bytes, at some 400 a record."""
        return 400 * len(value)

    def is_deterministic(self) -> bool:
        """No: nothing is grouped by a batch."""
        return False


beam.coders.registry.register_coder(RawBatch, RawBatchCoder)
