"""The generated world that is measured on: made once into a folder, served from there."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from sandbox.local.stores import made, make
from sandbox.servers.mariadb import MariaDB
from sandbox.store_a import DATABASE, PASSWORD, READER


class World(msgspec.Struct, frozen=True):
    """A world that is served: its folder, store A, and how many records each store has."""

    folder: Path
    server: MariaDB
    store_a: str
    of_a: int
    of_b: int

    @property
    def files(self) -> str:
        """A glob of store B's files."""
        return str(self.folder / "store_b" / "*.json")

    @property
    def answers(self) -> Path:
        """The register's answers, see ``bench.register``."""
        return self.folder / "register.db"


@contextmanager
def served(folder: Path, scale: float, seed: int) -> Iterator[World]:
    """The world of that scale and seed in a folder of its own within ``folder``."""
    own = folder.resolve() / f"scale-{scale:g}-seed-{seed}"
    with MariaDB(own / "store_a") as server:
        there = made(own)
        if there is None:
            make(own, server, scale, seed)
            there = made(own)
        assert there is not None
        world = World(
            own,
            server,
            server.url(DATABASE, READER, PASSWORD),
            there.rows["companies"] + there.rows["contacts"],
            there.rows["organisations"] + there.rows["persons"],
        )
        if not world.answers.exists():
            _index_answers(own / "register.jsonl", world.answers)
        yield world


def _index_answers(lines: Path, index: Path) -> None:
    half = index.with_suffix(".half")
    half.unlink(missing_ok=True)
    with closing(sqlite3.connect(half)) as answers, answers, lines.open("rb") as suggestions:
        answers.execute("CREATE TABLE suggestions (tin TEXT PRIMARY KEY, suggestion BLOB)")
        answers.executemany(
            "INSERT INTO suggestions VALUES (?, ?)",
            ((json.loads(line)["data"]["inn"], line) for line in suggestions),
        )
    half.rename(index)
