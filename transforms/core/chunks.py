"""Cutting a sequence into pieces."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# How many values go into one IN list: below every database's limit, large enough to be cheap.
CHUNK = 500


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
