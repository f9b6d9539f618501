"""``python -m sandbox.local.stores FOLDER --scale S --seed N``: a world in a folder, and store A.

Makes the world unless the folder holds it already, prints store A's URL and serves it until
SIGTERM. The folder gets ``store_a/`` (MariaDB's data), ``store_b/`` (the export files),
``register.jsonl``, ``truth.jsonl`` and, last, ``world.json``, which describes the world; with
``--shop`` also ``books/``, the third store's files.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sandbox.books import write_books
from sandbox.local.shop import third_store
from sandbox.servers.mariadb import MariaDB, ServerError
from sandbox.store_a import (
    DATABASE,
    PASSWORD,
    READER,
    WRITER,
    connect,
    create_shop,
    create_writer,
    load_store_a,
)
from sandbox.store_b import write_store_b
from sandbox.world.third_store import BOOKS, SHOP
from sandbox.world.truth import Outcome
from sandbox.world.world import World, write_lines


class StoredWorld(msgspec.Struct, frozen=True):
    """The world that a folder holds, and the numbers of rows of its stores."""

    scale: float
    seed: int
    rows: dict[str, int] = {}
    shop: bool = False

    def is_same(self, world: "StoredWorld") -> bool:
        """Whether both have the same scale, seed and stores."""
        return (self.scale, self.seed, self.shop) == (world.scale, world.seed, world.shop)


def read_stored_world(folder: Path) -> StoredWorld | None:
    """Returns the world of the folder; None when there is none or it is incomplete."""
    try:
        return msgspec.json.decode((folder / "world.json").read_bytes(), type=StoredWorld)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def writer_account(url: str) -> dict[str, str | int]:
    """Returns arguments for ``pymysql.connect`` as the shop, at the host of svod's URL."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "",
        "port": parts.port or 3306,
        "user": WRITER,
        "password": PASSWORD,
    }


def make_world(folder: Path, server: MariaDB, scale: float, seed: int, shop: bool = False) -> None:
    """Writes the world's files and fills store A."""
    world = World(seed, scale)
    files = folder / "store_b"
    files.mkdir(exist_ok=True)
    write_store_b(world, files)
    write_lines(folder / "register.jsonl", world.register())
    third_truth, third_rows = _third_store(folder, scale, seed) if shop else (iter(()), {})
    write_lines(folder / "truth.jsonl", chain(world.truth(), third_truth))
    with closing(connect(server)) as connection:
        create_shop(connection)
        load_store_a(connection, world)
    sizes = world.sizes
    rows = {
        "companies": sizes.company_rows_a,
        "contacts": sizes.contact_rows_a,
        "orders": sizes.order_rows_a,
        "organisations": sizes.organisations_b,
        "persons": sizes.persons_b,
    } | third_rows
    stored = StoredWorld(scale, seed, rows, shop)
    (folder / "world.json").write_bytes(msgspec.json.encode(stored))


def _third_store(folder: Path, scale: float, seed: int) -> tuple[Iterator[Outcome], dict[str, int]]:
    """Writes the third store's files; returns its truth and its numbers of rows."""
    shop, books = (third_store(key, scale, seed) for key in (SHOP, BOOKS))
    files = folder / "books"
    files.mkdir(exist_ok=True)
    write_books(books, files)
    clients, people, sales = shop.sizes()
    rows = {"clients": clients, "people": people, "sales": sales}
    rows |= dict(zip(("counterparties", "contact persons"), books.sizes(), strict=False))
    return chain(shop.truth(), books.truth()), rows


def main() -> None:
    """Makes the world if it is missing, and serves store A."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.local.stores", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--shop", action="store_true")
    options = parser.parse_args()
    # Without a handler, SIGTERM would leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with MariaDB(options.folder / "store_a") as server:
            if read_stored_world(options.folder) is None:
                make_world(options.folder, server, options.scale, options.seed, options.shop)
            with closing(connect(server)) as connection:
                create_writer(connection)
            print(server.url(DATABASE, READER, PASSWORD), flush=True)
            signal.pause()
    except ServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
