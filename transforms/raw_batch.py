"""Many raw records as one element: one element a record costs several times the cleaning."""

import pickle
from typing import Any

import apache_beam as beam


class RawBatch(list[Any]):
    """Records as their store tells them: dicts, or events of a topic, which hold one."""


class RawBatchCoder(beam.coders.Coder):
    """Pickles a batch, and guesses its size: Beam would encode it whole to learn that."""

    def encode(self, value: RawBatch) -> bytes:
        """The batch, pickled."""
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> RawBatch:
        """The batch that was encoded."""
        batch: RawBatch = pickle.loads(encoded)  # noqa: S301 - from another worker of this run
        return batch

    def estimate_size(self, value: RawBatch) -> int:
        """Bytes, roughly: a record has some 400."""
        return 400 * len(value)

    def is_deterministic(self) -> bool:
        """No: nothing is grouped by a batch."""
        return False


beam.coders.registry.register_coder(RawBatch, RawBatchCoder)
