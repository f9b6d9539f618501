"""The generated world of a measurement: made once into a folder, served from there."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from sandbox.local.stores import make_world, read_stored_world
from sandbox.servers.mariadb import MariaDB
from sandbox.store_a import DATABASE, PASSWORD, READER


class World(msgspec.Struct, frozen=True):
    """A served world: its folder, store A, and the numbers of records of both stores."""

    folder: Path
    server: MariaDB
    store_a: str
    records_a: int
    records_b: int

    @property
    def records(self) -> int:
        """Records of both stores."""
        return self.records_a + self.records_b

    @property
    def files(self) -> str:
        """A glob of store B's files."""
        return str(self.folder / "store_b" / "*.json")

    @property
    def answers(self) -> Path:
        """The register's answers, see ``bench.register``."""
        return self.folder / "register.db"


@contextmanager
def serve_world(folder: Path, scale: float, seed: int) -> Iterator[World]:
    """Serves the world of that scale and seed from a subfolder of ``folder``."""
    world_folder = folder.resolve() / f"scale-{scale:g}-seed-{seed}"
    with MariaDB(world_folder / "store_a") as server:
        stored = read_stored_world(world_folder)
        if stored is None:
            make_world(world_folder, server, scale, seed)
            stored = read_stored_world(world_folder)
        assert stored is not None
        world = World(
            world_folder,
            server,
            server.url(DATABASE, READER, PASSWORD),
            stored.rows["companies"] + stored.rows["contacts"],
            stored.rows["organisations"] + stored.rows["persons"],
        )
        if not world.answers.exists():
            _index_answers(world_folder / "register.jsonl", world.answers)
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
