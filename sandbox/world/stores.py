"""A made-up world for Svod: two stores with all their damage, the register, and the truth.

``python -m sandbox.world.stores --scale 0.01 --seed 1 --out DIR`` writes store B's export files,
``register.jsonl`` (one suggestion a line) and ``truth.jsonl`` (one outcome a line). The same seed
and scale give the same bytes. Store A is loaded by ``python -m sandbox.store_a``.
"""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from sandbox.world.identities import Identities
from sandbox.world.register import suggestion
from sandbox.world.sizes import sizes
from sandbox.world.store_a import WorldA
from sandbox.world.store_b import WorldB
from sandbox.world.truth import Outcome


class World:
    """All of a made-up world, streamed: ``World(seed=1, scale=0.01)``.

    Scale 1 is 53,000 companies, 75,000 contacts and 500,000 orders in store A, 125,000
    organisations and 600,000 persons in store B, with 170,000 companies and 264,000 people behind
    them. ``a`` and ``b`` are the stores.
    """

    def __init__(self, seed: int = 1, scale: float = 0.01) -> None:
        self.sizes = sizes(scale)
        self.identities = Identities(seed, self.sizes)
        self.a = WorldA(seed, self.sizes, self.identities)
        self.b = WorldB(seed, self.sizes, self.identities)

    def truth(self) -> Iterator[Outcome]:
        """The expected outcome of every row of both stores."""
        return chain(self.a.truth(), self.b.truth())

    def active_tins(self) -> set[str]:
        """TINs of the companies that must be in the CRM, each exactly once."""
        return {
            tin
            for rows in (self.a.companies, self.b.companies)
            for _, tin in map(rows.judge, range(len(rows)))
            if tin
        }

    def register(self) -> Iterator[dict[str, Any]]:
        """What the register answers for each company that it knows: the contract's suggestion."""
        for number in range(self.sizes.companies):
            if self.identities.status(number) is not None:
                yield suggestion(self.identities.company(number))


def main(arguments: list[str] | None = None) -> None:
    """Writes the files of a world into a folder."""
    from sandbox.store_b import write_store_b

    parser = argparse.ArgumentParser(prog="python -m sandbox.world.stores", description=__doc__)
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


def write_lines(path: Path, records: Iterator[Any]) -> None:
    """One record a line, as JSON."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.writelines(encode(record) + b"\n" for record in records)


if __name__ == "__main__":
    main()
