"""``python -m sandbox.local.shop --scale S --seed N``: the third store's PostgreSQL.

Fills a database from the world, the same each time, prints its URL and serves it until SIGTERM.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from sandbox.local.command import two_stores
from sandbox.servers.postgresql import PostgreSQL, ServerError
from sandbox.shop import fill_shop
from sandbox.world.identities import Identities
from sandbox.world.sizes import sizes
from sandbox.world.third_store import SHOP, ThirdStore

CONFIGURATION: Final = "svod.toml"
MAPPING: Final = Path(__file__).with_name("shop.toml")
"""The part of the configuration that says how the third store and its bookkeeping are read."""


def third_store(key: str, scale: float, seed: int) -> ThirdStore:
    """Returns the rows of the shop or of its bookkeeping in a world."""
    counts = sizes(scale)
    return ThirdStore(key, seed, counts, Identities(seed, counts))


def write_configuration(folder: Path) -> None:
    """Writes ``svod.toml``: the third store's part, and the stores A and B as svod prints them.

    A file with stores replaces the two that svod reads without a file.
    """
    run = subprocess.run(two_stores(), stdout=subprocess.PIPE, check=True, cwd=folder)
    (folder / CONFIGURATION).write_bytes(MAPPING.read_bytes() + b"\n" + run.stdout)


def main() -> None:
    """Serves the shop."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.local.shop", description=__doc__)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    # Without a handler, SIGTERM would leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        # In a folder of its own: a user of PostgreSQL may be unable to enter the run's folder.
        with PostgreSQL() as server:
            url = server.create_database("shop")
            fill_shop(url, third_store(SHOP, options.scale, options.seed))
            print(url, flush=True)
            signal.pause()
    except ServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
