"""Room on the ledger's disk for what the stores will need, estimated before they are read.

Only a ledger in a file has a disk that this machine knows. The estimate takes the stores' size,
not what of it is new, less what the ledger holds already: a run that has enough by it goes on, and
a disk that fills up all the same ends the run with the database's own message, and nothing lost.
"""

import shutil
from pathlib import Path

from sqlalchemy.engine import make_url

from pipeline.options import Options
from pipeline.sql_stores import sql_stores
from transforms.configuration.selection import Reading
from transforms.core.errors import ConfigurationError
from transforms.read_store_b import json_size
from transforms.stores.sql.check import estimate_rows

# Bytes, measured on the sandbox's stores (decision 26).
_JSON_OF_A_ROW = 500
_LEDGER_OF_A_ROW = 2_000
# The database's log, while it is copied into the file.
_LOG_OF_A_ROW = 6_000
_LONGEST_LOG = 64 * 2**20


def check_room(chosen: Options, reading: Reading | None = None) -> None:
    """Check that the ledger's disk has room for what the stores will need.

    The options of the stores are checked already. With ``since`` a part of the stores is read,
    whose size nobody knows before.

    Raises:
        ConfigurationError: naming ``--ledger``, what is free and what is needed.
        AwayError: a store does not answer.
    """
    file = ledger_file(chosen.ledger)
    if file is None or chosen.since or not file.parent.is_dir():
        return
    needed = ledger_size(_row_count(chosen, reading)) - _size(file)
    free = shutil.disk_usage(file.parent).free
    if needed > free:
        raise ConfigurationError(
            f"--ledger: the disk of {file.parent} has {_megabytes(free)} free, and the ledger will"
            f" need some {_megabytes(needed)} for what the stores hold: make room there, or put"
            " the ledger on a larger disk (--ledger=sqlite:////folder/svod.db, after moving"
            " svod.db if there is one)"
        )


def ledger_file(url: str) -> Path | None:
    """The ledger's file; None for a database on a server."""
    if not url.startswith("sqlite"):
        return None
    database = make_url(url).database
    return Path(database).resolve() if database else None


def ledger_size(rows: int) -> int:
    """The bytes that a ledger of this many rows takes at most, its log among them."""
    return rows * _LEDGER_OF_A_ROW + min(rows * _LOG_OF_A_ROW, _LONGEST_LOG)


def _row_count(chosen: Options, reading: Reading | None) -> int:
    stores = sql_stores(chosen, reading) if reading else {}
    file = chosen.configuration_file
    rows = sum(estimate_rows(key, store, reading or "full", file) for key, store in stores.items())
    return rows + json_size(chosen.store_b_files) // _JSON_OF_A_ROW


def _size(file: Path) -> int:
    parts = (file, Path(f"{file}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _megabytes(size: int) -> str:
    return f"{max(size // 2**20, 1):,} MB"
