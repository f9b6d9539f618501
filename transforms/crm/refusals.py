"""A portal that refuses everything is found out early: the fault is then not the records'."""

import threading
from collections.abc import Iterable

from transforms.crm.errors import Refused, RefusesAll

# So many refusals for one reason, with no success between, are no accident: in a normal load one
# record in a thousand is refused.
_MOST = 100


class Refusals:
    """Counts refusals in a row, method by method; for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[str, str, int]] = {}

    def note(self, method: str, done: int, refused: Iterable[Refused]) -> None:
        """What came of a request: how many records were taken, and why the others were not.

        Raises:
            RefusesAll: when nothing is taken any more.
        """
        with self._lock:
            if done:
                self._rows.pop(method, None)
                return
            for error in refused:
                code, description, count = self._rows.get(method, ("", "", 0))
                same = (code, description) == (error.code, error.description)
                self._rows[method] = (error.code, error.description, count + 1 if same else 1)
                if same and count + 1 >= _MOST:
                    raise RefusesAll(method, error)
