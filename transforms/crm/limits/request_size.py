"""How much goes into one request: as measured cost and the scarcer of the two budgets say.

A request takes ten seconds of the portal's work at most (it may take sixty), and a small part of
what a method is granted, so that the last of it can be used too. Where operating time is scarce,
small requests lose nothing; where requests are, each carries as much as it can.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from transforms.crm.limits.request_rate import BATCH, Limits

MAX_COMMANDS = 50
MAX_ITEMS = 20
IMPORT = "crm.item.batchImport"

_LONGEST = 10.0
_PART = 0.02
# Of a method whose cost is not known yet: a few.
_FIRST = 5


def units(method: str, params: Mapping[str, Any]) -> int:
    """What a call's cost is measured by: its items for an import, the call itself for others."""
    return len(params["data"]) if method == IMPORT else 1


class Sizes:
    """Chooses by what ``limits`` have measured."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._longest = min(_LONGEST, _PART * limits.operating)

    def commands(self, method: str, left: int) -> int:
        """How many of ``left`` calls go into one batch; 1 is a call of its own.

        Where batches are billed to ``batch``, calls of their own have a budget of their own.
        """
        cost = self._limits.seconds(method)
        count = min(left, _FIRST if cost is None else self._fit(cost, MAX_COMMANDS))
        if self._limits.billed == BATCH and not self._has_room({BATCH: 1, method: count}):
            return 1 if self._has_room({method: 1}) else count
        return count

    def items(self) -> int:
        """How many items go into one import."""
        cost = self._limits.seconds(IMPORT)
        return _FIRST if cost is None else self._fit(cost, MAX_ITEMS)

    def imports(self, left: int) -> int:
        """How many imports go into one request that carries ``left`` items; 1 is a plain call."""
        cost, items = self._limits.seconds(IMPORT), self.items()
        if cost is None:
            return 1
        call = max(cost * items, 1e-9)
        most = min(ceil(left / items), self._fit(call, MAX_COMMANDS))
        # Imports alone may take half of the requests: others have to be sent as well.
        granted = self._limits.operating / self._limits.window / call
        count = min(most, ceil(granted / (self._limits.rate / 2)))
        if self._limits.billed == BATCH and count == 1 and not self._has_room({IMPORT: items}):
            return most if self._has_room({BATCH: 1, IMPORT: most * items}) else 1
        return count

    def _has_room(self, calls: Mapping[str, int]) -> bool:
        return self._limits.wait(calls) == 0

    def _fit(self, cost: float, most: int) -> int:
        return max(1, min(most, int(self._longest / max(cost, 1e-9))))
