"""Reads the records and counters of a running sandbox portal over HTTP."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen


class PortalView:
    """``origin`` is ``http://127.0.0.1:port``."""

    def __init__(self, origin: str) -> None:
        self._base = f"{origin}/_sandbox"

    def records(self, kind: str, *fields: str) -> Iterator[dict[str, Any]]:
        """Yields these fields of all ``companies``, ``contacts``, …, in the order of their ids."""
        after = 0
        while after is not None:
            page = self._get(f"state?entity={kind}&after={after}&limit=5000")
            for item in page["items"]:
                yield {name: item[name] for name in fields}
            after = page["next"]

    def stats(self) -> dict[str, Any]:
        """Returns the portal's counters since its start."""
        counters: dict[str, Any] = self._get("stats")
        return counters

    def _get(self, path: str) -> Any:
        with urlopen(f"{self._base}/{path}", timeout=60) as answer:
            return json.load(answer)
