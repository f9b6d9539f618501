"""A made-up world for Svod: two stores with all their damage, the register, and the truth.

The same seed and scale give the same bytes.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from sandbox.world.identities import Identities
from sandbox.world.register import suggestion
from sandbox.world.sizes import sizes
from sandbox.world.store_a_rows import WorldA
from sandbox.world.store_b_partners import WorldB
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


def write_lines(path: Path, records: Iterator[Any]) -> None:
    """One record a line, as JSON."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.writelines(encode(record) + b"\n" for record in records)
