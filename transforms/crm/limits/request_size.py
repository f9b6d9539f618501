"""The size of a request, by the measured costs and the scarcer of the two budgets.

A request takes ten seconds of the portal's work at most (it may take sixty), and a small part of
what a method is granted, so that the last of it can be used too. Where operating time is scarce,
small requests lose nothing; where requests are scarce, each carries as much as it can.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

from transforms.crm.limits.request_rate import Limits
from transforms.crm.limits.state import BATCH

MAX_COMMANDS = 50
MAX_ITEMS = 20
IMPORT = "crm.item.batchImport"

_LONGEST = 10.0
_PART = 0.02
# Calls of a method whose cost is not known yet.
_FIRST = 5


def units(method: str, params: Mapping[str, Any]) -> int:
    """The units of a call's cost: its items for an import, 1 for other calls."""
    return len(params["data"]) if method == IMPORT else 1


class Sizes:
    """Sizes of requests, by the costs that ``limits`` have measured."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._longest = min(_LONGEST, _PART * limits.operating)

    def commands(self, method: str, remaining: int) -> int:
        """The number of calls, of ``remaining``, in one batch; 1 is a plain call without a batch.

        Where batches are billed to ``batch``, plain calls have a separate budget.
        """
        cost = self._limits.seconds(method)
        count = min(remaining, _FIRST if cost is None else self._fit(cost, MAX_COMMANDS))
        if self._limits.billed == BATCH and not self._has_room({BATCH: 1, method: count}):
            return 1 if self._has_room({method: 1}) else count
        return count

    def items(self) -> int:
        """The number of items in one import."""
        cost = self._limits.seconds(IMPORT)
        return _FIRST if cost is None else self._fit(cost, MAX_ITEMS)

    def imports(self, remaining: int) -> int:
        """The number of imports in one request, for ``remaining`` items; 1 is a plain call."""
        cost, items = self._limits.seconds(IMPORT), self.items()
        if cost is None:
            return 1
        call = max(cost * items, 1e-9)
        most = min(ceil(remaining / items), self._fit(call, MAX_COMMANDS))
        # Imports alone may take half of the requests: other calls have to be sent as well.
        granted = self._limits.operating / self._limits.window / call
        count = min(most, ceil(granted / (self._limits.rate / 2)))
        if self._limits.billed == BATCH and count == 1 and not self._has_room({IMPORT: items}):
            return most if self._has_room({BATCH: 1, IMPORT: most * items}) else 1
        return count

    def _has_room(self, calls: Mapping[str, int]) -> bool:
        return self._limits.wait(calls) == 0

    def _fit(self, cost: float, most: int) -> int:
        return max(1, min(most, int(self._longest / max(cost, 1e-9))))
