"""What a client did to the portal: how much it asked, how much it wrote, what it did wrong."""

import threading
from collections import Counter
from typing import Any


class Stats:
    """Counters of one portal; ``violations`` are things that a good client never does.

    ``methods`` counts calls that were run, inside a batch too; ``written`` records, by method;
    ``refused`` requests, commands and imported records, by ``error``. The violations:

    - ``over_rate``, ``over_operating``: refused with 503 and 429;
    - ``over_60_seconds``: the work took longer than a request may, its answer was lost;
    - ``broken_json``, ``get_requests``, ``followed_redirects``;
    - ``over_long_batches``, ``nested_batches``, ``references``: ``$result[…]`` was replaced;
    - ``unknown_fields``, ``unknown_filters``, ``filters_too_long``;
    - ``duplicates``, ``duplicate_requisites``, ``duplicate_bank_details``: created twice;
    - ``repeated_values``: a phone, e-mail or site that the item has already;
    - ``bad_links``: to companies that are not there; ``links_wiped``: links taken away;
    - ``emptied_fields``, ``unchanged_updates``, ``deleted``.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.writes = 0
        self.methods: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.unknown_fields: Counter[str] = Counter()
        self._lock = threading.Lock()

    def request(self) -> int:
        """Counts an HTTP request; gives its number, from 1."""
        with self._lock:
            self.requests += 1
            return self.requests

    def ran(self, method: str) -> None:
        """Counts a call that was run."""
        with self._lock:
            self.methods[method] += 1

    def refuse(self, code: str | int) -> None:
        """Counts a refused request or command."""
        with self._lock:
            self.refused[str(code)] += 1

    def wrote(self, method: str) -> None:
        """Counts a record that a method has written."""
        with self._lock:
            self.writes += 1
            self.written[method] += 1

    def blame(self, violation: str, times: int = 1) -> None:
        """Counts what a good client would not have done."""
        if times:
            with self._lock:
                self.violations[violation] += times

    def unknown(self, where: str, name: str) -> None:
        """Counts a field that was dropped."""
        self.blame("unknown_fields")
        with self._lock:
            self.unknown_fields[f"{where}.{name}"] += 1

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        with self._lock:
            return {
                name: dict(value) if isinstance(value, Counter) else value
                for name, value in vars(self).items()
                if not name.startswith("_")
            }
