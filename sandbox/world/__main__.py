"""Writes a world into a folder: ``python -m sandbox.world --scale 0.01 --seed 1 --out DIR``.

The files are store B's exports, ``register.jsonl`` (a suggestion a line) and ``truth.jsonl`` (an
outcome a line). The same seed and scale give the same bytes. ``python -m sandbox.store_a`` loads
store A into a database.
"""

import argparse
from pathlib import Path

from sandbox.store_b import write_store_b
from sandbox.world.world import World, write_lines


def main(arguments: list[str] | None = None) -> None:
    """Writes the files of a world into a folder."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.world", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--files", type=int, default=3)
    parser.add_argument("--encoding", choices=("utf-8", "windows-1251"), default="utf-8")
    parser.add_argument("--gzip", action="store_true")
    options = parser.parse_args(arguments)
    world = World(options.seed, options.scale)
    options.out.mkdir(parents=True, exist_ok=True)
    write_store_b(world, options.out, options.files, options.encoding, options.gzip)
    write_lines(options.out / "register.jsonl", world.register())
    write_lines(options.out / "truth.jsonl", world.truth())


if __name__ == "__main__":
    main()
