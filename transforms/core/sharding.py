"""Keys in groups: what crosses a grouping is few large elements, each of one group."""

import zlib

SHARDS = 32
"""Into how many groups keys are spread: a group is what one worker handles at a time."""


def shard_of(key: str, shards: int = SHARDS) -> int:
    """The group of a key, of so many: the same on every worker, in every run.

    Up to a thousand neighbours share one: a database writes neighbours into the same pages.
    """
    return zlib.crc32(key[:-3].encode()) % shards
