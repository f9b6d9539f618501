"""Shards: keys are spread over few groups, so that few large elements cross a GroupByKey."""

import zlib

SHARDS = 32
"""The number of groups; one worker handles a group at a time."""


def shard_of(key: str, shards: int = SHARDS) -> int:
    """The shard of a key, below ``shards``: the same on every worker, in every run.

    Up to a thousand neighbouring keys share one: a database writes them into the same pages.
    """
    return zlib.crc32(key[:-3].encode()) % shards
