"""Counters of a client's requests, writes and violations."""

import threading
from collections import Counter
from typing import Any


class Stats:
    """Counters of one portal; ``violations`` are actions that a good client avoids.

    ``methods`` counts executed calls, also inside a batch; ``written`` records by method;
    ``refused`` requests, commands and imported records by ``error``. The violations:

    - ``over_rate``, ``over_operating``: refused with 503 and 429;
    - ``over_60_seconds``: the work exceeded a request's time, and its answer was lost;
    - ``broken_json``, ``get_requests``, ``followed_redirects``;
    - ``over_long_batches``, ``nested_batches``, ``references``: ``$result[…]`` was replaced;
    - ``unknown_fields``, ``unknown_filters``, ``filters_too_long``;
    - ``duplicates``, ``duplicate_requisites``, ``duplicate_bank_details``: created twice;
    - ``repeated_values``: a phone, e-mail or site that the item already has;
    - ``bad_links``: links to companies that do not exist; ``links_wiped``: removed links;
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
        """Counts an HTTP request; returns its number, from 1."""
        with self._lock:
            self.requests += 1
            return self.requests

    def ran(self, method: str) -> None:
        """Counts an executed call."""
        with self._lock:
            self.methods[method] += 1

    def refuse(self, code: str | int) -> None:
        """Counts a refused request or command."""
        with self._lock:
            self.refused[str(code)] += 1

    def wrote(self, method: str) -> None:
        """Counts a record that a method wrote."""
        with self._lock:
            self.writes += 1
            self.written[method] += 1

    def blame(self, violation: str, times: int = 1) -> None:
        """Counts a violation."""
        if times:
            with self._lock:
                self.violations[violation] += times

    def count_unknown_field(self, where: str, name: str) -> None:
        """Counts a dropped field."""
        self.blame("unknown_fields")
        with self._lock:
            self.unknown_fields[f"{where}.{name}"] += 1

    def as_dict(self) -> dict[str, Any]:
        """Returns all counters, ready for JSON."""
        with self._lock:
            return {
                name: dict(value) if isinstance(value, Counter) else value
                for name, value in vars(self).items()
                if not name.startswith("_")
            }
