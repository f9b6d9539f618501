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
    """A whole made-up world, streamed: ``World(seed=1, scale=0.01)``.

    Scale 1 is 53,000 companies, 75,000 contacts and 500,000 orders in store A, 125,000
    organisations and 600,000 persons in store B, and 170,000 true companies and 264,000 true people
    behind them. ``a`` and ``b`` are the stores.
    """

    def __init__(self, seed: int = 1, scale: float = 0.01) -> None:
        self.sizes = sizes(scale)
        self.identities = Identities(seed, self.sizes)
        self.a = WorldA(seed, self.sizes, self.identities)
        self.b = WorldB(seed, self.sizes, self.identities)

    def truth(self) -> Iterator[Outcome]:
        """Yields the expected outcome of every row of both stores."""
        return chain(self.a.truth(), self.b.truth())

    def active_tins(self) -> set[str]:
        """Returns the TINs of the companies that the CRM must hold exactly once."""
        return {
            tin
            for rows in (self.a.companies, self.b.companies)
            for _, tin in map(rows.judge, range(len(rows)))
            if tin
        }

    def register(self) -> Iterator[dict[str, Any]]:
        """Yields the register's suggestion for each company that it knows."""
        for number in range(self.sizes.companies):
            if self.identities.status(number) is not None:
                yield suggestion(self.identities.company(number))


def write_lines(path: Path, records: Iterator[Any]) -> None:
    """Writes the records as JSON, one a line."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.writelines(encode(record) + b"\n" for record in records)
