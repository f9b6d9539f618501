"""Store A's database, exactly as in its contract, filled from a world or row by row.

``python -m sandbox.store_a --scale 0.01 --folder DIR`` starts a private MariaDB in the folder,
loads the store and serves it until SIGINT or SIGTERM; with ``--url mysql://root:…@host/`` it loads
an existing server.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.connections import Connection

from sandbox.servers.mariadb import MariaDB
from sandbox.world.store_a_rows import Cell, windows
from sandbox.world.world import World

DATABASE: Final = "shop"
READER: Final = "svod"
WRITER: Final = "shop"
PASSWORD: Final = "only-select"

TABLES: Final = {
    "companies": """
        id            INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        inn           VARCHAR(32)  NULL,
        kpp           VARCHAR(32)  NULL,
        ogrn          VARCHAR(32)  NULL,
        name          VARCHAR(255) NULL,
        full_name     VARCHAR(512) NULL,
        address       VARCHAR(512) NULL,
        bank_name     VARCHAR(255) NULL,
        bik           VARCHAR(32)  NULL,
        account       VARCHAR(64)  NULL,
        corr_account  VARCHAR(64)  NULL,
        phone         VARCHAR(255) NULL,
        email         VARCHAR(255) NULL,
        site          VARCHAR(255) NULL,
        is_deleted    TINYINT(1)   NOT NULL DEFAULT 0,
        created_at    DATETIME     NOT NULL,
        updated_at    DATETIME     NOT NULL,
        KEY idx_companies_updated (updated_at, id)""",
    "contacts": """
        id            INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        company_id    INT UNSIGNED NULL,
        last_name     VARCHAR(128) NULL,
        first_name    VARCHAR(128) NULL,
        middle_name   VARCHAR(128) NULL,
        position      VARCHAR(255) NULL,
        phone         VARCHAR(255) NULL,
        email         VARCHAR(255) NULL,
        is_deleted    TINYINT(1)   NOT NULL DEFAULT 0,
        created_at    DATETIME     NOT NULL,
        updated_at    DATETIME     NOT NULL,
        KEY idx_contacts_updated (updated_at, id)""",
    "orders": """
        id            INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        company_id    INT UNSIGNED NOT NULL,
        contact_id    INT UNSIGNED NULL,
        number        VARCHAR(32)  NOT NULL,
        status        VARCHAR(32)  NOT NULL,
        total         DECIMAL(14,2) NOT NULL,
        currency      CHAR(3)      NOT NULL,
        created_at    DATETIME     NOT NULL,
        updated_at    DATETIME     NOT NULL,
        KEY idx_orders_company (company_id),
        KEY idx_orders_updated (updated_at, id)""",
}
_ESCAPES = {0: rb"\0", 9: rb"\t", 10: rb"\n", 13: rb"\r", 92: rb"\\"}
_NEEDS_ESCAPE = frozenset(_ESCAPES)


def create_shop(connection: Connection) -> None:
    """Replaces the database by an empty one, and makes an account that may only SELECT."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET latin1")
        for table, columns in TABLES.items():
            cursor.execute(
                f"CREATE TABLE {DATABASE}.{table} ({columns}) ENGINE=InnoDB DEFAULT CHARSET=latin1"
            )
        cursor.execute(f"CREATE USER IF NOT EXISTS {READER}@'%%' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO {READER}@'%'")


def create_writer(connection: Connection) -> None:
    """Makes the shop's account, which may change rows."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE USER IF NOT EXISTS {WRITER}@'%%' IDENTIFIED BY %s", (PASSWORD,))
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {DATABASE}.* TO {WRITER}@'%'")


def load_store_a(connection: Connection, world: World) -> None:
    """Fills the three tables; the connection must allow LOAD DATA LOCAL (see ``connect``)."""
    load_rows(connection, "companies", world.a.company_rows())
    load_rows(connection, "contacts", world.a.contact_rows())
    load_rows(connection, "orders", world.a.order_rows())


def load_rows(connection: Connection, table: str, rows: Iterable[tuple[Cell, ...]]) -> None:
    """Adds rows; the server stores the bytes without conversion."""
    with tempfile.NamedTemporaryFile(suffix=".tsv") as file, connection.cursor() as cursor:
        file.writelines(b"\t".join(map(_field, row)) + b"\n" for row in rows)
        file.flush()
        cursor.execute(
            f"LOAD DATA LOCAL INFILE %s INTO TABLE {DATABASE}.{table} CHARACTER SET binary",
            (file.name,),
        )
    connection.commit()


def insert_row(
    connection: Connection, table: str, values: Mapping[str, str | bytes | int | None]
) -> int:
    """Adds one row and returns its id; encodes text as Windows-1251, keeps bytes.

    Other columns are NULL; ``created_at`` and ``updated_at`` default to 2024-01-01 12:00:00.
    """
    row = {"created_at": "2024-01-01 12:00:00", "updated_at": "2024-01-01 12:00:00", **values}
    cells = [windows(cell, 65_535) if isinstance(cell, str) else cell for cell in row.values()]
    marks = ", ".join("_binary %s" if isinstance(cell, bytes) else "%s" for cell in cells)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {DATABASE}.{table} ({', '.join(row)}) VALUES ({marks})", cells)
        connection.commit()
        return int(cursor.lastrowid)


def connect(server: MariaDB) -> Connection:
    """Connects as root of a private server, with the settings that this module needs."""
    return pymysql.connect(**server.root(), charset="latin1", local_infile=True)


def _field(cell: Cell) -> bytes:
    if cell is None:
        return rb"\N"
    if isinstance(cell, int):
        return b"%d" % cell
    if _NEEDS_ESCAPE.isdisjoint(cell):
        return cell
    return b"".join(_ESCAPES.get(byte) or bytes((byte,)) for byte in cell)


def _connect_to(url: str) -> Connection:
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        charset="latin1",
        local_infile=True,
    )


def _fill(connection: Connection, world: World) -> None:
    with closing(connection):
        create_shop(connection)
        load_store_a(connection, world)


def main(arguments: list[str] | None = None) -> None:
    """Loads store A into a private server or an existing one."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.store_a", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="a server, with an account that may create databases")
    where.add_argument("--folder", type=Path, help="data folder of a private server")
    options = parser.parse_args(arguments)
    world = World(options.seed, options.scale)
    if options.url:
        _fill(_connect_to(options.url), world)
        return
    # Without a handler, SIGTERM would leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt), MariaDB(options.folder) as server:
        _fill(connect(server), world)
        sys.stdout.write(server.url(DATABASE, READER, PASSWORD) + "\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
