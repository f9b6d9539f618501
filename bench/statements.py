"""``python -m bench.statements``: the ledger's own SQL against SQLAlchemy Core, in CPU time a row.

Both write the same rows into SQLite and read them again, 2000 at a time, as a full load does.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from transforms.core.chunks import chunks
from transforms.ledger import schema
from transforms.ledger.database import open_ledger
from transforms.ledger.statements import look_up, upsert

_ROWS, _REPEAT = 2000, 15


def source_rows() -> list[dict[str, Any]]:
    """Company rows as store B's files give them: 13 columns, 700 bytes."""
    return [
        {
            "source": "B",
            "kind": "company",
            "source_id": f"{number:010}",
            "changed_at": number,
            "tie_order": 0,
            "tin": f"78{number:08}",
            "reason": "",
            "detail": "",
            "fingerprint": f"{number:016x}",
            "run_seq": 1,
            "seen_run": 1,
            "payload": b"p" * 250,
            "raw": b"r" * 400,
        }
        for number in range(_ROWS)
    ]


def contact_keys() -> list[dict[str, Any]]:
    """Short rows: three columns."""
    return [
        {"key": number * 7919, "source": "B", "source_id": f"{number:010}"}
        for number in range(_ROWS)
    ]


def core_upsert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """``upsert`` by SQLAlchemy Core."""
    insert = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    statement = (
        insert.on_conflict_do_update(index_elements=keys, set_=changed)
        if changed
        else insert.on_conflict_do_nothing(index_elements=keys)
    )
    connection.execute(statement, rows)


def core_look_up(connection: Connection, ids: list[str]) -> list[Any]:
    """``look_up`` by SQLAlchemy Core."""
    table = schema.rows.c
    query = sa.select(table.source_id, table.fingerprint).where(
        table.source == "B", table.kind == "company"
    )
    return [
        row
        for chunk in chunks(ids)
        for row in connection.execute(query.where(table.source_id.in_(chunk)))
    ]


def own_look_up(connection: Connection, ids: list[str]) -> list[Any]:
    """``look_up`` as it is."""
    table = schema.rows.c
    columns = table.source_id, table.fingerprint
    return list(look_up(connection, columns, table.source_id, ids, source="B", kind="company"))


def microseconds(work: Callable[[Connection], object], url: str) -> float:
    """CPU microseconds that ``work`` takes for each row: the median of several times."""
    ledger, times = open_ledger(url), []
    for _ in range(_REPEAT):
        with ledger.write() as connection:
            begin = time.process_time()
            work(connection)
            times.append((time.process_time() - begin) / _ROWS * 1e6)
    ledger.close()
    return median(times)


def main() -> None:
    """Measures and prints."""
    rows, keys = source_rows(), contact_keys()
    ids = [row["source_id"] for row in rows]
    pairs: dict[str, tuple[Callable[[Connection], object], Callable[[Connection], object]]] = {
        "upsert rows (13 columns)": (
            lambda connection: upsert(connection, schema.rows, rows),
            lambda connection: core_upsert(connection, schema.rows, rows),
        ),
        "upsert contact keys (3 columns)": (
            lambda connection: upsert(connection, schema.contact_keys, keys),
            lambda connection: core_upsert(connection, schema.contact_keys, keys),
        ),
        "look rows up": (
            lambda connection: own_look_up(connection, ids),
            lambda connection: core_look_up(connection, ids),
        ),
    }
    print(f"{'CPU µs a row':34}{'own':>8}{'Core':>8}")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/ledger.db"
        for name, ways in pairs.items():
            own, core = (microseconds(work, url) for work in ways)
            print(f"{name:34}{own:8.2f}{core:8.2f}")


if __name__ == "__main__":
    main()
