"""The newest of several versions of a source row, in whatever order they arrive."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.outcomes import GONE_FROM_STORE
from transforms.core.records import Row
from transforms.ledger import schema
from transforms.ledger.statements import look_up


class KnownVersion(msgspec.Struct, frozen=True):
    """The newest version of a row that the ledger holds."""

    changed_at: int
    order: int
    fingerprint: str
    tin: str
    reason: str
    run_seq: int
    digest: int


def newest(versions: Iterable[Row]) -> list[Row]:
    """The newest version of each row. The result does not depend on the order of ``versions``."""
    best: dict[tuple[str, str, str], Row] = {}
    for row in versions:
        key = (row.source, row.kind, row.source_id)
        rival = best.get(key)
        if rival is None or _age(row) > _age(rival):
            best[key] = row
    return list(best.values())


def _age(row: Row) -> tuple[int, int, bytes]:
    # Copies of a partner with one timestamp have no order, so a fixed rule decides.
    return row.changed_at, row.order, row.raw


def known_versions(
    connection: Connection, source: str, kind: str, ids: Sequence[str]
) -> dict[str, KnownVersion]:
    """The known version of each of these rows of one store and kind."""
    table = schema.rows.c
    columns = (
        *(table.source_id, table.changed_at, table.tie_order, table.fingerprint),
        *(table.tin, table.reason, table.run_seq, table.digest),
    )
    return {
        source_id: KnownVersion(*values)
        for source_id, *values in look_up(
            connection, columns, table.source_id, ids, source=source, kind=kind
        )
    }


def originals_of_ties(
    connection: Connection, rows: Sequence[Row], known: Mapping[str, KnownVersion]
) -> dict[str, bytes]:
    """The known original of each row that says something else at the very same moment.

    The rows are of one store and kind.
    """
    ties = [
        row.source_id
        for row in rows
        if (version := known.get(row.source_id)) is not None
        and (row.changed_at, row.order) == (version.changed_at, version.order)
        and row.fingerprint != version.fingerprint
    ]
    source, kind, table = rows[0].source, rows[0].kind, schema.rows.c
    columns = table.source_id, table.raw
    return {
        source_id: bytes(raw)
        for source_id, raw in look_up(
            connection, columns, table.source_id, ties, source=source, kind=kind
        )
    }


def is_newer(
    row: Row,
    version: KnownVersion,
    originals: Mapping[str, bytes],
    now: int,
    *,
    last_read_wins: bool,
) -> bool:
    """Whether ``row`` replaces the known ``version``; ``originals`` are those of ties.

    ``now`` is the present moment, in microseconds since the epoch; ``last_read_wins`` is the
    store's (``transforms.core.stores.Store``).
    """
    if version.reason == GONE_FROM_STORE and not row.order:
        # What a reading finds is in the store again, as old as it may be. (A message is not: it may
        # be older than the reading that did not find its row.)
        return row.reason != GONE_FROM_STORE
    age, known_age = (row.changed_at, row.order), (version.changed_at, version.order)
    if version.changed_at > now and not version.order:
        # Written by a clock that was fast. Waiting until that time has come would lose changes. (Of
        # events of the topic it is known when they came, so none of them is from the future.)
        return row.fingerprint != version.fingerprint
    if age != known_age:
        return age > known_age
    if row.source_id not in originals:
        return False
    # A store that is read as it stands now changes orders without its clock: what is read last is
    # true. And of one original the later cleaning is: the rules have become better.
    return last_read_wins or row.raw >= originals[row.source_id]


def date_received(rows: Sequence[Row], run: Run) -> Sequence[Row]:
    """The rows; those that say neither when they changed nor when they came date from the run."""
    if not any(row.undated for row in rows):
        return rows
    return [
        msgspec.structs.replace(row, changed_at=run.moment)
        if row.undated and not row.changed_at
        else row
        for row in rows
    ]


def date_by_run(
    rows: Sequence[Row], known: Mapping[str, KnownVersion], run: Run, *, is_table_undated: bool
) -> Sequence[Row]:
    """The rows; each that has no time of change is as new as the run that sees it differ.

    That holds for all rows of a table without times. An undated row of another table is as new as
    its reception, and newer than what is known. Of messages the later one is newer.
    """
    if not is_table_undated and not any(row.undated for row in rows):
        return rows
    return [
        _date(row, known.get(row.source_id), run.moment if is_table_undated else row.changed_at)
        if is_table_undated or row.undated
        else row
        for row in rows
    ]


def _date(row: Row, version: KnownVersion | None, moment: int) -> Row:
    changed_at = moment if version is None else _run_time(row, version, moment)
    return msgspec.structs.replace(row, changed_at=changed_at)


def _run_time(row: Row, version: KnownVersion, moment: int) -> int:
    content = row.fingerprint, row.tin, row.reason
    is_same = content == (version.fingerprint, version.tin, version.reason)
    is_older_message = 0 < row.order < version.order
    if is_same or is_older_message:
        return version.changed_at
    if row.undated and version.order > row.order == 0 and moment < version.changed_at:
        # A file that was made before the message came is read again and again.
        return moment
    # A clock may go back between two runs.
    return max(moment, version.changed_at + 1)


def says_the_same(row: Row, version: KnownVersion) -> bool:
    """Whether a newer version of a valid row differs in nothing that a golden record is made of."""
    content = row.changed_at, row.fingerprint, row.tin, row.reason
    return content == (version.changed_at, version.fingerprint, version.tin, "")
