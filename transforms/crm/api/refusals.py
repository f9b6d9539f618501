"""A portal that refuses everything is found out early: the fault is then not the records'."""

import threading
from collections.abc import Iterable

from transforms.crm.errors import Refused, RefusesAll

# So many refusals for one reason, with no success between, are no accident: in a normal load one
# record in a thousand is refused.
_MOST = 100
# So many at the end of a load that was too short for more, if nothing was taken at all. Should it
# be the records' fault, the next load, with others among them, finds that out.
_FEWEST = 5


class Refusals:
    """Counts refusals in a row, method by method; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[Refused, int]] = {}
        self._taken: set[str] = set()

    def note(self, method: str, done: int, refused: Iterable[Refused]) -> None:
        """What came of a request: how many records were taken, and why the others were not.

        Raises:
            RefusesAll: when nothing is taken any more.
        """
        with self._lock:
            if done:
                self._rows.pop(method, None)
                self._taken.add(method)
                return
            for error in refused:
                before, count = self._rows.get(method, (error, 0))
                same = (before.code, before.description) == (error.code, error.description)
                self._rows[method] = (error, count + 1 if same else 1)
                if same and count + 1 >= _MOST:
                    raise RefusesAll(method, error)

    def conclude(self) -> None:
        """All has been sent.

        Raises:
            RefusesAll: when nothing was taken of what a method was to write.
        """
        with self._lock:
            for method, (error, count) in self._rows.items():
                if method not in self._taken and count >= _FEWEST:
                    raise RefusesAll(method, error)
