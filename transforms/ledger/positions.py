"""The offsets of a topic whose events are done, in whatever order windows come to their end.

A reader of the topic has a number: a run its ``run_seq``, which is above zero, a stream its
own number, which is below. Only what the same reader did proves that nothing lies between.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.statements import upsert

OffsetRange = tuple[int, int]
"""``(start, stop)``: offsets from ``start`` on, up to but without ``stop``."""


def advance(
    connection: Connection,
    reader: int,
    store: str,
    done: Iterable[tuple[int, int, int]],
    committed: Mapping[int, int],
) -> dict[int, int]:
    """Note offsets as done. Returns the offset that may be committed now, by partition.

    ``reader`` is the number of the run or stream that has read them, ``store`` the key of the store
    whose topic it is: another store's topic may have the same name. ``done`` are ``(partition,
    start, stop)``. ``committed`` is the offset that the consumer group has committed, by partition.
    Offsets that are done and may not be committed yet are kept; those of other readers are dropped.
    """
    ranges: dict[int, set[OffsetRange]] = defaultdict(set)
    for partition, start, stop in (*done, *_take_kept(connection, reader, store, committed)):
        ranges[partition].add((start, stop))
    ready: dict[int, int] = {}
    for partition, partition_ranges in ranges.items():
        joined = _join(partition_ranges, committed[partition])
        _keep(connection, reader, store, partition, joined)
        if joined and joined[0][0] == committed[partition]:
            ready[partition] = joined[0][1]
    return ready


def _take_kept(
    connection: Connection, reader: int, store: str, partitions: Iterable[int]
) -> list[tuple[int, int, int]]:
    """Take out the kept ``(partition, start, stop)`` of the partitions, and drop other readers'."""
    table = schema.done_offsets.c
    in_partitions = table.partition.in_(partitions)
    query = sa.select(table.partition, table.start, table.stop).where(
        table.topic == store, table.run_seq == reader, in_partitions
    )
    kept = [(partition, start, stop) for partition, start, stop in connection.execute(query)]
    connection.execute(
        schema.done_offsets.delete().where(
            table.topic == store, sa.or_(in_partitions, table.run_seq != reader)
        )
    )
    return kept


def _keep(
    connection: Connection,
    reader: int,
    store: str,
    partition: int,
    ranges: Iterable[OffsetRange],
) -> None:
    upsert(
        connection,
        schema.done_offsets,
        [
            {
                "topic": store,
                "partition": partition,
                "start": start,
                "stop": stop,
                "run_seq": reader,
            }
            for start, stop in ranges
        ],
    )


def _join(ranges: Iterable[OffsetRange], committed: int) -> list[OffsetRange]:
    """The ranges after ``committed``; those that touch are joined.

    >>> _join([(7, 9), (0, 3), (3, 5), (4, 6)], 2)
    [(2, 6), (7, 9)]
    """
    joined: list[OffsetRange] = []
    for begin, stop in sorted(ranges):
        start = max(begin, committed)
        if stop <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined
