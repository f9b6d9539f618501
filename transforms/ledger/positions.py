"""How far a topic's events are done, in whatever order windows come to their end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.statements import upsert

Range = tuple[int, int]


def advance(
    connection: Connection,
    reader: int,
    topic: str,
    done: Iterable[tuple[int, int, int]],
    committed: Mapping[int, int],
) -> dict[int, int]:
    """The offsets that may be committed, by partition, now that these are ``done`` too.

    ``reader`` is the number of the run, or of the stream, that has read them. ``done`` are
    ``(partition, start, stop)``; ``committed`` says where the group stands. What is done and not
    yet committed is kept; what another reader did is no proof.
    """
    table = schema.done_offsets.c
    ranges: dict[int, set[Range]] = defaultdict(set)
    for number, start, stop in done:
        ranges[number].add((start, stop))
    query = sa.select(table.partition, table.start, table.stop).where(
        table.topic == topic, table.run_seq == reader, table.partition.in_(committed)
    )
    for number, start, stop in connection.execute(query):
        ranges[number].add((start, stop))
    connection.execute(
        schema.done_offsets.delete().where(
            table.topic == topic,
            sa.or_(table.partition.in_(committed), table.run_seq != reader),
        )
    )
    ready: dict[int, int] = {}
    for number, of_partition in ranges.items():
        joined = _joined(of_partition, committed[number])
        upsert(
            connection,
            schema.done_offsets,
            [
                {
                    "topic": topic,
                    "partition": number,
                    "start": start,
                    "stop": stop,
                    "run_seq": reader,
                }
                for start, stop in joined
            ],
        )
        if joined and joined[0][0] == committed[number]:
            ready[number] = joined[0][1]
    return ready


def _joined(ranges: Iterable[Range], committed: int) -> list[Range]:
    """The ranges behind ``committed``, those that touch as one.

    >>> _joined([(7, 9), (0, 3), (3, 5), (4, 6)], 2)
    [(2, 6), (7, 9)]
    """
    joined: list[Range] = []
    for begin, stop in sorted(ranges):
        start = max(begin, committed)
        if stop <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined
