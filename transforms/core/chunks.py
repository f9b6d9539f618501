"""Chunks: a long sequence in pieces that one query, request or process can take."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# How many values an IN list has: below every database's limit, and enough to make a query cheap.
CHUNK = 500


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
