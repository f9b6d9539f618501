"""A circuit breaker: when the portal refuses every record, the fault is not the records'."""

import threading
from collections.abc import Iterable

from transforms.crm.errors import Refused, RefusesAll

# This many refusals for one reason, without a success between them, are no accident: in a normal
# load one record in a thousand is refused.
_REFUSALS_IN_A_ROW = 100
# This many suffice at the end of a load that was too short for more, if nothing was accepted at
# all. If the records are at fault, the next load shows it, for it has other records among them.
_REFUSALS_AT_THE_END = 5


class CircuitBreaker:
    """Counts refusals in a row, method by method. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streaks: dict[str, tuple[Refused, int]] = {}
        self._accepted_methods: set[str] = set()

    def count(self, method: str, accepted: int, refusals: Iterable[Refused]) -> None:
        """Count the outcome of a request: how many records were accepted, and each refusal.

        Raises:
            RefusesAll: when nothing is accepted any more.
        """
        with self._lock:
            if accepted:
                self._streaks.pop(method, None)
                self._accepted_methods.add(method)
                return
            for error in refusals:
                previous, length = self._streaks.get(method, (error, 0))
                is_same = (previous.code, previous.description) == (error.code, error.description)
                self._streaks[method] = (error, length + 1 if is_same else 1)
                if is_same and length + 1 >= _REFUSALS_IN_A_ROW:
                    raise RefusesAll(method, error)

    def conclude(self) -> None:
        """Judge the load as a whole, after its last request.

        Raises:
            RefusesAll: when a method was called and nothing was accepted.
        """
        with self._lock:
            for method, (error, length) in self._streaks.items():
                if method not in self._accepted_methods and length >= _REFUSALS_AT_THE_END:
                    raise RefusesAll(method, error)
