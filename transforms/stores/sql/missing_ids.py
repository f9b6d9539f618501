"""Rows without an id: nothing can be made of them, so they are kept as dead letters."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b

from transforms.core.records import DeadLetter
from transforms.stores.mapping.headers import raw_json
from transforms.stores.sql.client import Session
from transforms.stores.sql.encoding import TextDecoder
from transforms.stores.sql.table import SqlTable

# More than a person would look at; what is beyond is counted in one more letter.
MOST = 10_000
NO_ID = "no_id"


def rows_without_id(
    session: Session,
    table: SqlTable,
    since: datetime | None,
    origin: str,
    decoder: TextDecoder,
) -> Iterator[DeadLetter]:
    """Yields the rows whose id is NULL: all, or those changed since a moment."""
    where, parameters = f"{table.id.expression} IS NULL", []
    if since is not None and table.changed_at and table.clock:
        where += f" AND {table.changed_at.expression} >= %s"
        parameters.append(table.clock.value(since))
    rows = session.rows(f"{table.select} WHERE {where} LIMIT {MOST + 1}", parameters)
    occurrences: Counter[bytes] = Counter()
    for row in table.finish(rows[:MOST]):
        raw = raw_json(decoder.row(row))
        occurrences[raw] += 1
        yield DeadLetter(origin, -1, _number(raw, occurrences[raw]), NO_ID, raw)
    if len(rows) > MOST:
        yield _rest(session, table, where, parameters, origin)


def _rest(
    session: Session, table: SqlTable, where: str, parameters: list[object], origin: str
) -> DeadLetter:
    query = f"SELECT COUNT(*) AS count FROM {table.source} WHERE {where}"  # noqa: S608 - quoted names
    [row] = session.rows(query, parameters)
    raw = raw_json({"rows_without_id": row["count"]})
    return DeadLetter(origin, -1, 0, NO_ID, raw)


def _number(raw: bytes, occurrence: int) -> int:
    """Returns a number that stays the same whenever the row is read."""
    digest = blake2b(b"%d %b" % (occurrence, raw), digest_size=7).digest()
    return int.from_bytes(digest)
